-- Adds what batches left in the tables fresh_* to the figures of groups and devices. A sum is taken out and counted in one transaction: each record exactly once.

-- The group figures in pg_temp.taken, added to latency_hour or latency_day.
CREATE FUNCTION fleet.add_latency(target text, unit text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format($sql$
    INSERT INTO fleet.%I AS t
    SELECT date_trunc(%L, at, 'UTC'), hardware_id, series_id, sum(windows), sum(span_s), sum(ok), sum(errors), sum(deadline_miss), sum(shadow), sum(shadow_mismatch), sum(lost_frames),
           max(rss_kb), max(limit_kb), max(arena_kb), max(temp_c), sum(over_limit),
           fleet.hist_merge(queue), fleet.hist_merge(copy_in), fleet.hist_merge(invoke), fleet.hist_merge(copy_out), fleet.hist_merge(total),
           fleet.hist_merge(load), fleet.hist_merge(prepare), fleet.hist_merge(first)
    FROM pg_temp.taken GROUP BY 1, 2, 3
    ON CONFLICT (at, hardware_id, series_id) DO UPDATE SET
      windows = t.windows + excluded.windows, span_s = t.span_s + excluded.span_s, ok = t.ok + excluded.ok, errors = t.errors + excluded.errors,
      deadline_miss = t.deadline_miss + excluded.deadline_miss, shadow = t.shadow + excluded.shadow, shadow_mismatch = t.shadow_mismatch + excluded.shadow_mismatch,
      lost_frames = t.lost_frames + excluded.lost_frames, rss_kb = greatest(t.rss_kb, excluded.rss_kb), limit_kb = greatest(t.limit_kb, excluded.limit_kb),
      arena_kb = greatest(t.arena_kb, excluded.arena_kb), temp_c = greatest(t.temp_c, excluded.temp_c), over_limit = t.over_limit + excluded.over_limit,
      queue = fleet.hist_add(t.queue, excluded.queue), copy_in = fleet.hist_add(t.copy_in, excluded.copy_in), invoke = fleet.hist_add(t.invoke, excluded.invoke),
      copy_out = fleet.hist_add(t.copy_out, excluded.copy_out), total = fleet.hist_add(t.total, excluded.total), load = fleet.hist_add(t.load, excluded.load),
      prepare = fleet.hist_add(t.prepare, excluded.prepare), first = fleet.hist_add(t.first, excluded.first)$sql$, target, unit);
END $$;

CREATE FUNCTION fleet.add_hours(most int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  CREATE TEMP TABLE taken ON COMMIT DROP AS SELECT * FROM fleet.fresh_hour LIMIT 0;
  WITH gone AS (DELETE FROM fleet.fresh_hour WHERE ctid = ANY (ARRAY(SELECT ctid FROM fleet.fresh_hour LIMIT most)) RETURNING *) INSERT INTO pg_temp.taken SELECT * FROM gone;
  GET DIAGNOSTICS n = ROW_COUNT;
  PERFORM fleet.add_latency('latency_hour', 'hour'), fleet.add_latency('latency_day', 'day');
  DROP TABLE pg_temp.taken;
  RETURN n;
END $$;

CREATE FUNCTION fleet.add_operators(most int) RETURNS bigint LANGUAGE sql AS $$
  WITH gone AS (DELETE FROM fleet.fresh_operator WHERE ctid = ANY (ARRAY(SELECT ctid FROM fleet.fresh_operator LIMIT most)) RETURNING *),
  added AS (
    INSERT INTO fleet.operator_hour AS t SELECT at, hardware_id, series_id, op, fleet.hist_merge(time) FROM gone GROUP BY 1, 2, 3, 4
    ON CONFLICT (at, hardware_id, series_id, op) DO UPDATE SET time = fleet.hist_add(t.time, excluded.time))
  SELECT count(*) FROM gone
$$;

CREATE FUNCTION fleet.add_events(most int) RETURNS bigint LANGUAGE sql AS $$
  WITH gone AS (DELETE FROM fleet.fresh_event WHERE ctid = ANY (ARRAY(SELECT ctid FROM fleet.fresh_event LIMIT most)) RETURNING *),
  added AS (
    INSERT INTO fleet.event_hour AS t SELECT at, hardware_id, series_id, kind, name, reason, sum(n) FROM gone GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (at, hardware_id, series_id, kind, name, reason) DO UPDATE SET n = t.n + excluded.n)
  SELECT count(*) FROM gone
$$;

CREATE FUNCTION fleet.add_devices(most int) RETURNS bigint LANGUAGE sql AS $$
  WITH gone AS (DELETE FROM fleet.fresh_device WHERE ctid = ANY (ARRAY(SELECT ctid FROM fleet.fresh_device LIMIT most)) RETURNING *),
  summed AS (
    SELECT at, device_id, hardware_id, series_id, sum(windows) AS windows, sum(ok) AS ok, sum(errors) AS errors, fleet.hist_merge(invoke) AS invoke FROM gone GROUP BY 1, 2, 3, 4),
  merged AS (
    SELECT n.at, n.device_id, n.hardware_id, n.series_id, n.windows + coalesce(o.windows, 0) AS windows, n.ok + coalesce(o.ok, 0) AS ok, n.errors + coalesce(o.errors, 0) AS errors,
           fleet.hist_add(o.invoke, n.invoke) AS invoke
    FROM summed n LEFT JOIN fleet.device_day o USING (series_id, device_id, hardware_id, at) OFFSET 0),  -- OFFSET 0: the sum is computed once, not once per use.
  added AS (
    INSERT INTO fleet.device_day AS t
    SELECT at, device_id, hardware_id, series_id, windows, ok, errors, invoke, fleet.hist_quantile(invoke, 0.5), fleet.hist_quantile(invoke, 0.95) FROM merged
    ON CONFLICT (series_id, device_id, hardware_id, at) DO UPDATE SET
      windows = excluded.windows, ok = excluded.ok, errors = excluded.errors, invoke = excluded.invoke, p50 = excluded.p50, p95 = excluded.p95)
  SELECT count(*) FROM gone
$$;

-- One step over at most `most` rows of each table; returns how many it counted, 0 when there is nothing to do or another session is at it.
CREATE FUNCTION fleet.roll_up(most int DEFAULT 50000) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = fleet, pg_temp AS $$
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('fleet.roll_up')) THEN RETURN 0; END IF;
  RETURN add_hours(most) + add_operators(most) + add_events(most) + add_devices(most);
END $$;
