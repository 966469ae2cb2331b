-- The way into the tables. The collector, in one transaction: begin_batch() says which of its records are new, COPY puts those straight into fleet.record and their sums into the
-- tables fresh_*, end_batch() keeps the accounts. A device with a login of its own: upload(), which stages lines of JSON and does the same. The primary key stands behind both: nothing can be there twice.
-- All of it runs with the owner's rights (SECURITY DEFINER): who uploads may do nothing else.

CREATE FUNCTION fleet.boot_number(hex text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT ('x' || hex)::bit(64)::bigint $$;
CREATE FUNCTION fleet.from_us(us bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT timestamptz 'epoch' + us * interval '1 microsecond' $$;

-- Whether the device may cause one more row of hardware or series today: a bad client does not blow up the dimensions.
CREATE FUNCTION fleet.may_add_key(device int) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT (SELECT count(*) FROM fleet.hardware WHERE made_by = device AND made > now() - interval '1 day')
       + (SELECT count(*) FROM fleet.series WHERE made_by = device AND made > now() - interval '1 day') < fleet.setting('new_keys_per_device')
$$;

-- The number of a hardware or key object; NULL when it is new and the device has had its share of new ones.
CREATE FUNCTION fleet.intern_hardware(device int, h jsonb) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = fleet, pg_temp AS $$
DECLARE
  w fleet.hardware; found_id int;
BEGIN
  w.model := coalesce(h->>'model', ''); w.soc := coalesce(h->>'soc', ''); w.arch := coalesce(h->>'arch', ''); w.os := coalesce(h->>'os', '');
  w.kernel := coalesce(h->>'kernel', ''); w.cpu := coalesce(h->>'cpu', ''); w.driver := coalesce(h->>'driver', ''); w.mem_mb := coalesce((h->>'mem_mb')::int, 0);
  FOR try IN 1 .. 2 LOOP
    SELECT id INTO found_id FROM hardware x WHERE (x.model, x.soc, x.arch, x.os, x.kernel, x.cpu, x.driver, x.mem_mb) = (w.model, w.soc, w.arch, w.os, w.kernel, w.cpu, w.driver, w.mem_mb);
    IF found_id IS NOT NULL OR NOT may_add_key(device) THEN RETURN found_id; END IF;
    INSERT INTO hardware (model, soc, arch, os, kernel, cpu, driver, mem_mb, made_by)
    VALUES (w.model, w.soc, w.arch, w.os, w.kernel, w.cpu, w.driver, w.mem_mb, device) ON CONFLICT DO NOTHING RETURNING id INTO found_id;
    IF found_id IS NOT NULL THEN RETURN found_id; END IF;
  END LOOP;
  RETURN found_id;
END $$;

CREATE FUNCTION fleet.intern_series(device int, k jsonb) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = fleet, pg_temp AS $$
DECLARE
  w fleet.series; found_id int;
BEGIN
  w.overflow := coalesce((k->>'overflow')::boolean, false); w.model := coalesce(k->>'model', ''); w.version := coalesce(k->>'version', ''); w.sha256 := coalesce(k->>'sha256', '');
  w.precision := coalesce(k->>'precision', ''); w.delegate := coalesce(k->>'delegate', ''); w.threads := coalesce((k->>'threads')::int, -1); w.thermal := coalesce((k->>'thermal')::int, -1);
  w.power := coalesce(k->>'power', ''); w.runtime := coalesce(k->>'runtime', ''); w.build := coalesce(k->>'build', ''); w.nodes := coalesce((k->>'nodes')::int, -1);
  w.delegated := coalesce((k->>'delegated')::int, -1); w.partitions := coalesce((k->>'partitions')::int, -1);
  FOR try IN 1 .. 2 LOOP
    SELECT id INTO found_id FROM series x
    WHERE (x.overflow, x.model, x.version, x.sha256, x.precision, x.delegate, x.threads, x.thermal, x.power, x.runtime, x.build, x.nodes, x.delegated, x.partitions)
        = (w.overflow, w.model, w.version, w.sha256, w.precision, w.delegate, w.threads, w.thermal, w.power, w.runtime, w.build, w.nodes, w.delegated, w.partitions);
    IF found_id IS NOT NULL OR NOT may_add_key(device) THEN RETURN found_id; END IF;
    INSERT INTO series (overflow, model, version, sha256, precision, delegate, threads, thermal, power, runtime, build, nodes, delegated, partitions, made_by)
    VALUES (w.overflow, w.model, w.version, w.sha256, w.precision, w.delegate, w.threads, w.thermal, w.power, w.runtime, w.build, w.nodes, w.delegated, w.partitions, device)
    ON CONFLICT DO NOTHING RETURNING id INTO found_id;
    IF found_id IS NOT NULL THEN RETURN found_id; END IF;
  END LOOP;
  RETURN found_id;
END $$;

-- All live tokens for the collector, which looks them up in memory, and a mark that changes when they do.
CREATE FUNCTION fleet.live_tokens() RETURNS TABLE (hash bytea, device_id int, name text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = fleet, pg_temp AS $$
  SELECT t.hash, d.id, d.name FROM token t JOIN device d ON d.id = t.device_id WHERE t.revoked IS NULL
$$;
CREATE FUNCTION fleet.token_mark() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = fleet, pg_temp AS $$
  SELECT concat_ws(' ', count(*), count(revoked), max(made), max(revoked)) FROM token
$$;

-- Begins a batch of records, given by their identities (times in µs since 1970), and returns the places (from 1) of those that are not to be copied: there already, or older than
-- retention. A device sends in order, so what lies above the highest number seen of its boot is new without a look; `thorough` looks all the same, after COPY met the primary key.
CREATE FUNCTION fleet.begin_batch(devices int[], boots bigint[], seqs bigint[], ats bigint[], thorough boolean) RETURNS TABLE (place bigint, expired boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = fleet, pg_temp AS $$
DECLARE
  oldest timestamptz := day_start(oldest('record'));
BEGIN
  RETURN QUERY
  SELECT k.place, k.at < oldest
  FROM (SELECT x.place, x.device, x.boot, x.seq, from_us(x.us) AS at FROM unnest(devices, boots, seqs, ats) WITH ORDINALITY AS x(device, boot, seq, us, place)) AS k
  LEFT JOIN boot b ON (b.device_id, b.boot) = (k.device, k.boot)
  WHERE k.at < oldest OR ((thorough OR k.seq <= b.max_seq) AND EXISTS (SELECT FROM record r WHERE (r.device_id, r.boot, r.seq, r.at) = (k.device, k.boot, k.seq, k.at)));
END $$;

-- Ends a batch: what each device sent (one entry per device, with its checked status line or NULL), and how many records of which boots were new.
-- Devices come in the order of their numbers, so that parallel batches cannot lock each other out.
CREATE FUNCTION fleet.end_batch(devices int[], accepted bigint[], expired bigint[], rejected bigint[], bytes bigint[], hardware int[], last_us bigint[], statuses jsonb[],
                                boot_devices int[], boots bigint[], boot_rows bigint[], max_seqs bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = fleet, pg_temp AS $$
BEGIN
  PERFORM note_statuses(end_batch.devices, end_batch.statuses);
  INSERT INTO boot AS b (device_id, boot, rows, max_seq)
  SELECT * FROM unnest(end_batch.boot_devices, end_batch.boots, end_batch.boot_rows, end_batch.max_seqs)
  ON CONFLICT (device_id, boot) DO UPDATE SET rows = b.rows + excluded.rows, max_seq = greatest(b.max_seq, excluded.max_seq), last_seen = now();
  UPDATE device d
  SET rows = d.rows + s.accepted, rejected = d.rejected + s.rejected, expired = d.expired + s.expired, bytes = d.bytes + s.bytes, hardware_id = coalesce(s.hardware, d.hardware_id),
      first_seen = coalesce(d.first_seen, now()), last_seen = now(), last_record = greatest(d.last_record, from_us(s.last_us))
  FROM unnest(end_batch.devices, end_batch.accepted, end_batch.expired, end_batch.rejected, end_batch.bytes, end_batch.hardware, end_batch.last_us)
       AS s(id, accepted, expired, rejected, bytes, hardware, last_us)
  WHERE d.id = s.id;
END $$;

-- Status lines are state: the counts of a spool only grow, the rest is the newest.
CREATE FUNCTION fleet.note_statuses(devices int[], statuses jsonb[]) RETURNS void LANGUAGE plpgsql SET search_path = fleet, pg_temp AS $$
BEGIN
  INSERT INTO spool AS old (device_id, spool, seen, boot, skew_us, uptime_us, committed, dropped_bytes, dropped_age, dropped_rejected, depth, bytes)
  SELECT id, boot_number(s->>'spool'), now(), boot_number(s->>'boot'), (s->>'sent_us')::bigint - (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, coalesce((s->>'uptime_us')::bigint, 0),
         (s->>'committed')::bigint, coalesce((s->'dropped'->>'bytes')::bigint, 0), coalesce((s->'dropped'->>'age')::bigint, 0), coalesce((s->'dropped'->>'rejected')::bigint, 0),
         coalesce((s->>'depth')::bigint, 0), coalesce((s->>'bytes')::bigint, 0)
  FROM unnest(devices, statuses) AS x(id, s) WHERE s IS NOT NULL
  ON CONFLICT (device_id, spool) DO UPDATE SET
    seen = excluded.seen, boot = excluded.boot, skew_us = excluded.skew_us, uptime_us = excluded.uptime_us, depth = excluded.depth, bytes = excluded.bytes,
    committed = greatest(old.committed, excluded.committed), dropped_bytes = greatest(old.dropped_bytes, excluded.dropped_bytes),
    dropped_age = greatest(old.dropped_age, excluded.dropped_age), dropped_rejected = greatest(old.dropped_rejected, excluded.dropped_rejected);
  INSERT INTO boot AS b (device_id, boot, last_seq, clean)
  SELECT id, boot_number(s->'previous'->>'boot'), (s->'previous'->>'last_seq')::bigint, (s->'previous'->>'clean')::boolean
  FROM unnest(devices, statuses) AS x(id, s) WHERE s->'previous'->>'boot' IS NOT NULL
  ON CONFLICT (device_id, boot) DO UPDATE SET last_seq = excluded.last_seq, clean = excluded.clean WHERE b.clean IS NULL;
END $$;

CREATE FUNCTION fleet.to_hist(array_of_numbers jsonb) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$ SELECT translate(array_of_numbers::text, '[] ', '{}')::bigint[] $$;

-- One line of JSON into staging; raises an exception when anything in it is not as docs/telemetry.md says.
CREATE FUNCTION fleet.stage_line(device int, r jsonb) RETURNS void LANGUAGE plpgsql SET search_path = fleet, pg_temp AS $$
DECLARE
  s record; h jsonb := coalesce(r->'lat', '{}'); c jsonb := coalesce(r->'count', '{}'); g jsonb := coalesce(r->'gauge', '{}'); op record;
BEGIN
  SELECT * INTO s FROM jsonb_to_record(r) AS x(seq bigint, start_us bigint, end_us bigint, mono_us bigint, boot text);
  IF r->>'v' IS DISTINCT FROM '1' OR s.boot !~ '^[0-9a-f]{16}$' OR NOT s.seq >= 1 OR NOT s.end_us - s.start_us BETWEEN 0 AND 86400000000 OR NOT s.start_us BETWEEN 0 AND 32503680000000000
     OR EXISTS (SELECT FROM jsonb_each_text((coalesce(r->'hardware', '{}') || coalesce(r->'key', '{}'))) WHERE octet_length(value) > 128) THEN
    RAISE EXCEPTION 'not a record of version 1';
  END IF;
  FOR op IN SELECT key, value FROM jsonb_each(h || coalesce(r->'ops', '{}')) LOOP
    IF NOT hist_ok(to_hist(op.value)) OR octet_length(op.key) > 64 THEN RAISE EXCEPTION 'bad histogram %', left(op.key, 64); END IF;
  END LOOP;
  INSERT INTO pg_temp.staging (at, boot, seq, mono_us, device_id, hardware_id, series_id, span_ms, ok, errors, deadline_miss, shadow, shadow_mismatch, lost_frames,
                               rss_kb, limit_kb, arena_kb, temp_c, freq_pct, battery_pct, queue, copy_in, invoke, copy_out, total, load, prepare, first, ops, detail)
  SELECT from_us(s.start_us), boot_number(s.boot), s.seq, coalesce(s.mono_us, 0), device, intern_hardware(device, coalesce(r->'hardware', '{}')), intern_series(device, coalesce(r->'key', '{}')),
         (s.end_us - s.start_us) / 1000, coalesce(n.ok, 0), (SELECT coalesce(sum(value::int), 0) FROM jsonb_each_text(coalesce(r->'errors', '{}'))),
         coalesce(n.deadline_miss, 0), coalesce(n.shadow, 0), coalesce(n.shadow_mismatch, 0), coalesce(n.lost_frames, 0), m.rss_kb, m.limit_kb, m.arena_kb, m.temp_c, m.freq_pct, m.battery_pct,
         to_hist(h->'queue'), to_hist(h->'copy_in'), to_hist(h->'invoke'), to_hist(h->'copy_out'), to_hist(h->'total'), to_hist(h->'load'), to_hist(h->'prepare'), to_hist(h->'first'),
         (SELECT jsonb_object_agg(key, translate(value::text, '[] ', '{}')) FROM jsonb_each(r->'ops')),
         nullif(jsonb_strip_nulls(jsonb_build_object('errors', nullif(r->'errors', '{}'), 'fallback', nullif(r->'fallback', '[]'))), '{}')
  FROM jsonb_to_record(c) AS n(ok int, deadline_miss int, shadow int, shadow_mismatch int, lost_frames int),
       jsonb_to_record(g) AS m(rss_kb int, limit_kb int, arena_kb int, temp_c smallint, freq_pct smallint, battery_pct smallint);
END $$;

-- Whether note_statuses() can read it; false, NULL or an exception when not.
CREATE FUNCTION fleet.status_ok(r jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT (r->>'spool') ~ '^[0-9a-f]{16}$' AND (r->>'boot') ~ '^[0-9a-f]{16}$' AND (r->>'committed')::bigint >= 0 AND (r->>'sent_us')::bigint BETWEEN 0 AND 32503680000000000
     AND coalesce((r->>'uptime_us')::bigint, 0) >= 0 AND coalesce((r->>'depth')::bigint, 0) >= 0 AND coalesce((r->>'bytes')::bigint, 0) >= 0
     AND NOT EXISTS (SELECT FROM jsonb_each_text(coalesce(r->'dropped', '{}')) WHERE value::bigint < 0)
     AND (r->'previous' IS NULL OR ((r->'previous'->>'boot') ~ '^[0-9a-f]{16}$' AND (r->'previous'->>'last_seq')::bigint >= 0 AND (r->'previous'->>'clean')::boolean IS NOT NULL))
$$;

-- The sums of the records in pg_temp.fresh, as the collector makes them of its own.
CREATE FUNCTION fleet.note_sums() RETURNS void LANGUAGE plpgsql SET search_path = fleet, pg_temp AS $$
BEGIN
  INSERT INTO fresh_hour
  SELECT date_trunc('hour', at, 'UTC'), hardware_id, series_id, count(*), sum(span_ms) / 1000.0, sum(ok), sum(errors), sum(deadline_miss), sum(shadow), sum(shadow_mismatch),
         sum(lost_frames), max(rss_kb), max(limit_kb), max(arena_kb), max(temp_c), count(*) FILTER (WHERE rss_kb > 0.9 * limit_kb),
         hist_merge(queue), hist_merge(copy_in), hist_merge(invoke), hist_merge(copy_out), hist_merge(total), hist_merge(load), hist_merge(prepare), hist_merge(first)
  FROM pg_temp.fresh GROUP BY 1, 2, 3;
  INSERT INTO fresh_device
  SELECT date_trunc('day', at, 'UTC'), device_id, hardware_id, series_id, count(*), sum(ok), sum(errors), hist_merge(invoke) FROM pg_temp.fresh GROUP BY 1, 2, 3, 4;
  INSERT INTO fresh_operator
  SELECT date_trunc('hour', at, 'UTC'), hardware_id, series_id, op, hist_merge(h::bigint[]) FROM pg_temp.fresh CROSS JOIN LATERAL jsonb_each_text(ops) AS x(op, h) GROUP BY 1, 2, 3, 4;
  INSERT INTO fresh_event
  SELECT date_trunc('hour', at, 'UTC'), hardware_id, series_id, e.kind, e.name, e.reason, sum(e.n)
  FROM pg_temp.fresh CROSS JOIN LATERAL (
    SELECT 'error', key, '', value::bigint FROM jsonb_each_text(detail->'errors')
    UNION ALL SELECT 'fallback', f->>0, f->>1, (f->>2)::bigint FROM jsonb_array_elements(detail->'fallback') AS f) AS e(kind, name, reason, n)
  GROUP BY 1, 2, 3, 4, 5, 6;
END $$;

-- Upload without a collector: the lines of one device, bound to it by the database login.
CREATE FUNCTION fleet.upload(lines text[]) RETURNS TABLE (accepted bigint, duplicate bigint, rejected bigint, expired bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = fleet, pg_temp AS $$
#variable_conflict use_column
DECLARE
  me int; my_name text; line text; r jsonb; status jsonb; bad bigint := 0; good bigint := 0; old bigint;
BEGIN
  SELECT d.id, d.name INTO me, my_name FROM login l JOIN device d ON d.id = l.device_id WHERE l.role = session_user;
  IF NOT FOUND THEN RAISE EXCEPTION 'role % is bound to no device: octet fleet token DEVICE --role %', session_user, session_user USING ERRCODE = 'insufficient_privilege'; END IF;
  IF cardinality(lines) > 5000 THEN RAISE EXCEPTION '% lines; 5000 at most', cardinality(lines) USING ERRCODE = 'program_limit_exceeded'; END IF;
  SET LOCAL client_min_messages = warning;
  CREATE TEMP TABLE IF NOT EXISTS staging (LIKE fleet.record) ON COMMIT DELETE ROWS;
  CREATE TEMP TABLE IF NOT EXISTS fresh (LIKE fleet.record) ON COMMIT DELETE ROWS;
  TRUNCATE pg_temp.staging, pg_temp.fresh;
  FOREACH line IN ARRAY lines LOOP
    BEGIN
      IF octet_length(line) > 65536 THEN RAISE EXCEPTION 'line over 64 KiB'; END IF;
      r := line::jsonb;
      IF r->>'device' IS DISTINCT FROM my_name THEN RAISE EXCEPTION 'another device'; END IF;
      IF r->>'kind' = 'status' THEN
        IF status_ok(r) IS NOT TRUE THEN RAISE EXCEPTION 'bad status'; END IF;
        status := r;
      ELSE
        PERFORM stage_line(me, r);
        good := good + 1;
      END IF;
    EXCEPTION WHEN data_exception OR raise_exception OR integrity_constraint_violation OR program_limit_exceeded THEN
      bad := bad + 1;
    END;
  END LOOP;
  SELECT count(*) FILTER (WHERE at < day_start(oldest('record'))) INTO old FROM pg_temp.staging;
  DELETE FROM pg_temp.staging WHERE at < day_start(oldest('record'));
  WITH added AS (INSERT INTO record SELECT * FROM pg_temp.staging ON CONFLICT DO NOTHING RETURNING *) INSERT INTO pg_temp.fresh SELECT * FROM added;
  PERFORM note_sums();
  PERFORM end_batch(ARRAY[me], ARRAY[count(*)], ARRAY[old], ARRAY[bad], ARRAY[(SELECT sum(octet_length(l)) FROM unnest(lines) AS l)], ARRAY[max(hardware_id)],
                    ARRAY[(extract(epoch FROM max(at)) * 1000000)::bigint], ARRAY[status],
                    (SELECT array_agg(me) FROM (SELECT DISTINCT boot FROM pg_temp.fresh) AS x), (SELECT array_agg(boot ORDER BY boot) FROM (SELECT DISTINCT boot FROM pg_temp.fresh) AS x),
                    (SELECT array_agg(n ORDER BY boot) FROM (SELECT boot, count(*) AS n FROM pg_temp.fresh GROUP BY boot) AS x),
                    (SELECT array_agg(n ORDER BY boot) FROM (SELECT boot, max(seq) AS n FROM pg_temp.fresh GROUP BY boot) AS x))
  FROM pg_temp.fresh;
  RETURN QUERY SELECT count(*), good - count(*) - old, bad, old FROM pg_temp.fresh;
END $$;
