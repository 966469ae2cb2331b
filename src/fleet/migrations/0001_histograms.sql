-- Histograms as arrays (docs/telemetry.md): [scale, offset, zero, count, sum, min, max, c0 .. c(n-1)].
-- Plain SQL and PL/pgSQL only: nothing but stock PostgreSQL is needed.

-- Adds b to a, bucket by bucket, at the lower of the two scales. Written for an aggregate's state: when b lies within a's buckets, which is
-- nearly always so after a few rows, a is changed in place and nothing is built.
CREATE FUNCTION fleet.hist_add(a bigint[], b bigint[]) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  d int;
  na int; nb int; shift_a int; shift_b int; low bigint; high bigint;
BEGIN
  IF b IS NULL THEN RETURN a; END IF;
  IF a IS NULL THEN RETURN b; END IF;
  na := cardinality(a) - 7;
  nb := cardinality(b) - 7;
  IF NOT (nb = 0 OR (a[1] = b[1] AND b[2] >= a[2] AND b[2] + nb <= a[2] + na)) THEN
    -- Both brought to one scale and range. 320 buckets at most: at scale 5 that spans a factor of 1000.
    shift_a := greatest(a[1] - b[1], 0);
    shift_b := greatest(b[1] - a[1], 0);
    IF na = 0 THEN a[1] := b[1]; a[2] := b[2]; shift_a := 0; shift_b := 0; END IF;
    LOOP
      low := b[2] >> shift_b;
      high := (b[2] + nb - 1) >> shift_b;
      IF na > 0 THEN
        low := least(low, a[2] >> shift_a);
        high := greatest(high, (a[2] + na - 1) >> shift_a);
      END IF;
      EXIT WHEN high - low < 320;
      shift_a := shift_a + 1;
      shift_b := shift_b + 1;
    END LOOP;
    a := fleet.hist_fit(a, shift_a, low, high);
    b := fleet.hist_fit(b, shift_b, low, high);
    nb := cardinality(b) - 7;
  END IF;
  d := b[2] - a[2];
  a[3] := a[3] + b[3];
  a[4] := a[4] + b[4];
  IF a[5] > 9000000000000000000 - b[5] THEN a[5] := 9000000000000000000; ELSE a[5] := a[5] + b[5]; END IF;  -- What hostile devices can reach; stays there.
  IF b[6] < a[6] THEN a[6] := b[6]; END IF;
  IF b[7] > a[7] THEN a[7] := b[7]; END IF;
  FOR i IN 8 .. nb + 7 LOOP
    a[i + d] := a[i + d] + b[i];
  END LOOP;
  RETURN a;
END $$;

-- The same values in the buckets low .. high of a scale that is `shift` lower.
CREATE FUNCTION fleet.hist_fit(h bigint[], shift int, low bigint, high bigint) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ARRAY[h[1] - shift, low, h[3], h[4], h[5], h[6], h[7]] || ARRAY(
    SELECT coalesce(sum(c), 0)::bigint
    FROM generate_series(low, high) AS bucket
    LEFT JOIN (SELECT (h[2] + i - 1) >> shift AS index, c FROM unnest(h[8:]) WITH ORDINALITY AS x(c, i)) AS old ON old.index = bucket
    GROUP BY bucket ORDER BY bucket)
$$;

CREATE AGGREGATE fleet.hist_merge(bigint[]) (SFUNC = fleet.hist_add, STYPE = bigint[], COMBINEFUNC = fleet.hist_add, PARALLEL = SAFE);

-- The value of rank ceil(q * count), interpolated within its bucket on the logarithmic scale; nanoseconds. Exact at both ends.
CREATE FUNCTION fleet.hist_quantile(h bigint[], q double precision) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  rank bigint := greatest(1, ceil(q * h[4])::bigint);
  seen bigint := h[3];
BEGIN
  IF rank <= seen THEN RETURN 0; END IF;
  IF rank = 1 THEN RETURN h[6]; END IF;
  IF rank >= h[4] THEN RETURN h[7]; END IF;
  FOR i IN 8 .. cardinality(h) LOOP
    seen := seen + h[i];
    IF seen >= rank THEN
      RETURN least(h[7], greatest(h[6], 2::double precision ^ ((h[2] + i - 8 + 1 - (seen - rank + 0.5) / h[i]) / 2::double precision ^ h[1])));
    END IF;
  END LOOP;
  RETURN h[7];
END $$;

CREATE FUNCTION fleet.hist_count(h bigint[]) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT h[4]';
CREATE FUNCTION fleet.hist_mean(h bigint[]) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT h[5]::double precision / nullif(h[4], 0)';
-- Milliseconds with the digits that mean something: what people read.
CREATE FUNCTION fleet.ms(ns double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT round((ns / 1e6)::numeric, 4)::double precision';
CREATE FUNCTION fleet.quantile_ms(h bigint[], q double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT fleet.ms(fleet.hist_quantile(h, q))';

-- Whether h is a histogram as docs/telemetry.md says, from a device: at most 160 buckets.
CREATE FUNCTION fleet.hist_ok(h bigint[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT h IS NULL OR coalesce(
    array_ndims(h) = 1 AND cardinality(h) BETWEEN 7 AND 167 AND array_position(h, NULL) IS NULL AND h[1] BETWEEN -4 AND 8
    AND h[2] BETWEEN -1000000 AND 1000000 AND least(h[3], h[5], h[6]) >= 0 AND h[6] <= h[7] AND h[4] BETWEEN 1 AND 2000000000
    AND h[5] <= 1000000000000000000 AND h[7] <= 1000000000000000
    AND h[3]::numeric + (SELECT coalesce(sum(c), 0) FROM unnest(h[8:]) AS c) = h[4] AND NOT EXISTS (SELECT FROM unnest(h[8:]) AS c WHERE c < 0), false)
$$;
