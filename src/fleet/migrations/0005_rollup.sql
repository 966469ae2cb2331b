-- Counts what was merged since last time into the figures of groups and devices; each record exactly once: the batch goes in the same transaction.

-- The records of some batches, grouped by hour, hardware and key.
CREATE FUNCTION fleet.hours_of(batches bigint[], first_at timestamptz, last_at timestamptz) RETURNS SETOF fleet.latency_hour LANGUAGE sql STABLE AS $$
  SELECT date_trunc('hour', at, 'UTC') AS at, hardware_id, series_id, count(*), sum(span_ms) / 1000.0, sum(ok), sum(errors), sum(deadline_miss), sum(shadow), sum(shadow_mismatch),
         sum(lost_frames), max(rss_kb), max(limit_kb), max(arena_kb), max(temp_c), count(*) FILTER (WHERE rss_kb > 0.9 * limit_kb),
         fleet.hist_merge(queue), fleet.hist_merge(copy_in), fleet.hist_merge(invoke), fleet.hist_merge(copy_out), fleet.hist_merge(total),
         fleet.hist_merge(load), fleet.hist_merge(prepare), fleet.hist_merge(first)
  FROM fleet.record r
  WHERE r.at BETWEEN first_at AND last_at AND batch BETWEEN batches[1] AND batches[cardinality(batches)] AND batch = ANY (batches)
  GROUP BY 1, 2, 3
$$;

-- Adds rows of hours to latency_hour or latency_day.
CREATE FUNCTION fleet.add_latency(target text, unit text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format($sql$
    INSERT INTO fleet.%I AS t
    SELECT date_trunc(%L, at, 'UTC'), hardware_id, series_id, sum(windows), sum(span_s), sum(ok), sum(errors), sum(deadline_miss), sum(shadow), sum(shadow_mismatch), sum(lost_frames),
           max(rss_kb), max(limit_kb), max(arena_kb), max(temp_c), sum(over_limit),
           fleet.hist_merge(queue), fleet.hist_merge(copy_in), fleet.hist_merge(invoke), fleet.hist_merge(copy_out), fleet.hist_merge(total),
           fleet.hist_merge(load), fleet.hist_merge(prepare), fleet.hist_merge(first)
    FROM pg_temp.fresh_hour GROUP BY 1, 2, 3
    ON CONFLICT (at, hardware_id, series_id) DO UPDATE SET
      windows = t.windows + excluded.windows, span_s = t.span_s + excluded.span_s, ok = t.ok + excluded.ok, errors = t.errors + excluded.errors,
      deadline_miss = t.deadline_miss + excluded.deadline_miss, shadow = t.shadow + excluded.shadow, shadow_mismatch = t.shadow_mismatch + excluded.shadow_mismatch,
      lost_frames = t.lost_frames + excluded.lost_frames, rss_kb = greatest(t.rss_kb, excluded.rss_kb), limit_kb = greatest(t.limit_kb, excluded.limit_kb),
      arena_kb = greatest(t.arena_kb, excluded.arena_kb), temp_c = greatest(t.temp_c, excluded.temp_c), over_limit = t.over_limit + excluded.over_limit,
      queue = fleet.hist_add(t.queue, excluded.queue), copy_in = fleet.hist_add(t.copy_in, excluded.copy_in), invoke = fleet.hist_add(t.invoke, excluded.invoke),
      copy_out = fleet.hist_add(t.copy_out, excluded.copy_out), total = fleet.hist_add(t.total, excluded.total), load = fleet.hist_add(t.load, excluded.load),
      prepare = fleet.hist_add(t.prepare, excluded.prepare), first = fleet.hist_add(t.first, excluded.first)$sql$, target, unit);
END $$;

CREATE FUNCTION fleet.add_details(batches bigint[], first_at timestamptz, last_at timestamptz) RETURNS void LANGUAGE sql AS $$
  INSERT INTO fleet.operator_hour AS t
  SELECT date_trunc('hour', r.at, 'UTC'), hardware_id, series_id, op, fleet.hist_merge(h::bigint[])
  FROM fleet.record r CROSS JOIN LATERAL jsonb_each_text(r.ops) AS x(op, h)
  WHERE r.at BETWEEN first_at AND last_at AND batch BETWEEN batches[1] AND batches[cardinality(batches)] AND batch = ANY (batches) AND ops IS NOT NULL
  GROUP BY 1, 2, 3, 4
  ON CONFLICT (at, hardware_id, series_id, op) DO UPDATE SET time = fleet.hist_add(t.time, excluded.time);
  INSERT INTO fleet.event_hour AS t
  SELECT date_trunc('hour', r.at, 'UTC'), hardware_id, series_id, e.kind, e.name, e.reason, sum(e.n)
  FROM fleet.record r CROSS JOIN LATERAL (
    SELECT 'error', key, '', value::bigint FROM jsonb_each_text(r.detail->'errors')
    UNION ALL SELECT 'fallback', f->>0, f->>1, (f->>2)::bigint FROM jsonb_array_elements(r.detail->'fallback') AS f) AS e(kind, name, reason, n)
  WHERE r.at BETWEEN first_at AND last_at AND batch BETWEEN batches[1] AND batches[cardinality(batches)] AND batch = ANY (batches) AND detail IS NOT NULL
  GROUP BY 1, 2, 3, 4, 5, 6
  ON CONFLICT (at, hardware_id, series_id, kind, name, reason) DO UPDATE SET n = t.n + excluded.n;
$$;

CREATE FUNCTION fleet.add_devices(batches bigint[], first_at timestamptz, last_at timestamptz) RETURNS void LANGUAGE sql AS $$
  INSERT INTO fleet.device_day AS t
  SELECT at, device_id, hardware_id, series_id, windows, ok, errors, invoke, fleet.hist_quantile(invoke, 0.5), fleet.hist_quantile(invoke, 0.95)
  FROM (
    SELECT n.at, n.device_id, n.hardware_id, n.series_id, n.windows + coalesce(o.windows, 0) AS windows, n.ok + coalesce(o.ok, 0) AS ok, n.errors + coalesce(o.errors, 0) AS errors,
           fleet.hist_add(o.invoke, n.invoke) AS invoke
    FROM (
      SELECT date_trunc('day', r.at, 'UTC') AS at, device_id, hardware_id, series_id, count(*) AS windows, sum(ok) AS ok, sum(errors) AS errors, fleet.hist_merge(invoke) AS invoke
      FROM fleet.record r
      WHERE r.at BETWEEN first_at AND last_at AND batch BETWEEN batches[1] AND batches[cardinality(batches)] AND batch = ANY (batches)
      GROUP BY 1, 2, 3, 4) AS n
    LEFT JOIN fleet.device_day o USING (series_id, device_id, hardware_id, at)
    OFFSET 0) AS merged  -- OFFSET 0: the sum is computed once, not once per use.
  ON CONFLICT (series_id, device_id, hardware_id, at) DO UPDATE SET
    windows = excluded.windows, ok = excluded.ok, errors = excluded.errors, invoke = excluded.invoke, p50 = excluded.p50, p95 = excluded.p95;
$$;

-- One step over at most about `most` records; returns how many it counted, 0 when there is nothing to do or another session is at it.
CREATE FUNCTION fleet.roll_up(most int DEFAULT 200000) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = fleet, pg_temp AS $$
DECLARE
  ids bigint[]; low timestamptz; high timestamptz; n bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('fleet.roll_up')) THEN RETURN 0; END IF;
  SELECT array_agg(id ORDER BY id), min(first_at), max(last_at), sum(rows) INTO ids, low, high, n
  FROM (SELECT *, sum(rows) OVER (ORDER BY id) - rows AS before FROM batch) AS b WHERE before < most;
  IF ids IS NULL THEN RETURN 0; END IF;
  CREATE TEMP TABLE fresh_hour ON COMMIT DROP AS SELECT * FROM hours_of(ids, low, high);
  PERFORM add_latency('latency_hour', 'hour'), add_latency('latency_day', 'day');
  PERFORM add_details(ids, low, high);
  PERFORM add_devices(ids, low, high);
  DROP TABLE pg_temp.fresh_hour;
  DELETE FROM batch WHERE id = ANY (ids);
  RETURN n;
END $$;
