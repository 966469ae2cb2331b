-- What a fleet engineer asks, as views. They read roll-ups only; the numbers are those of the questions in docs/fleet.md. Times are milliseconds.

-- The groups people think in: one row per hour, hardware model, model and conditions.
CREATE VIEW fleet.hourly AS
SELECT l.*, h.model AS device_model, h.soc, h.cpu, h.driver, s.model, s.version, s.precision, s.delegate, s.threads, s.thermal, s.throttled, s.power, s.runtime, s.build, s.nodes, s.delegated, s.overflow
FROM fleet.latency_hour l JOIN fleet.hardware h ON h.id = l.hardware_id JOIN fleet.series s ON s.id = l.series_id;
CREATE VIEW fleet.daily AS
SELECT l.*, h.model AS device_model, h.soc, h.cpu, h.driver, s.model, s.version, s.precision, s.delegate, s.threads, s.thermal, s.throttled, s.power, s.runtime, s.build, s.nodes, s.delegated, s.overflow
FROM fleet.latency_day l JOIN fleet.hardware h ON h.id = l.hardware_id JOIN fleet.series s ON s.id = l.series_id;

-- 1. p50, p95 and p99 per device model, delegate, model version and precision: last day, and last full hours.
CREATE VIEW fleet.latency AS
SELECT span, device_model, delegate, model, version, precision, ok AS inferences, errors,
       fleet.quantile_ms(h, 0.5) AS p50_ms, fleet.quantile_ms(h, 0.95) AS p95_ms, fleet.quantile_ms(h, 0.99) AS p99_ms
FROM (
  SELECT span, device_model, delegate, model, version, precision, sum(ok) AS ok, sum(errors) AS errors, fleet.hist_merge(invoke) AS h
  FROM fleet.hourly, (VALUES ('day', interval '1 day'), ('hour', interval '2 hours')) AS spans(span, length)
  WHERE NOT overflow AND at > now() - length
  GROUP BY span, device_model, delegate, model, version, precision) AS merged
WHERE h IS NOT NULL;

-- 2. Devices that are worst against the median of their own kind: same hardware model, model version and delegate, unthrottled or not. Last two days.
CREATE VIEW fleet.worst_devices AS
WITH kind_of AS MATERIALIZED (
  SELECT l.hardware_id, l.series_id, dense_rank() OVER (ORDER BY h.model, s.model, s.version, s.delegate)::int AS kind
  FROM (SELECT DISTINCT hardware_id, series_id FROM fleet.latency_day WHERE at > now() - interval '2 days') AS l
  JOIN fleet.hardware h ON h.id = l.hardware_id JOIN fleet.series s ON s.id = l.series_id WHERE NOT s.overflow),
recent AS MATERIALIZED (
  SELECT k.kind, d.device_id, d.hardware_id, d.series_id, d.ok, d.p50, d.p95
  FROM fleet.device_day d JOIN kind_of k USING (hardware_id, series_id) WHERE d.at > now() - interval '2 days' AND d.p50 IS NOT NULL),
kinds AS (SELECT kind, count(*) AS devices, percentile_cont(0.5) WITHIN GROUP (ORDER BY p50) AS p50 FROM recent GROUP BY kind),
worst AS (
  SELECT r.*, k.p50 AS kind_p50, r.p50 / nullif(k.p50, 0) AS ratio FROM recent r JOIN kinds k USING (kind) WHERE k.devices >= 5 AND r.ok >= 20 ORDER BY ratio DESC LIMIT 200),
one AS (SELECT DISTINCT ON (device_id, kind) * FROM worst ORDER BY device_id, kind, ratio DESC)  -- Of two days the worse.
SELECT d.name AS device, h.model AS device_model, s.model, s.version, s.delegate, w.ok AS inferences, fleet.ms(w.p50) AS p50_ms, fleet.ms(w.p95) AS p95_ms,
       fleet.ms(w.kind_p50) AS median_of_kind_ms, round(w.ratio::numeric, 3)::double precision AS ratio
FROM one w JOIN fleet.device d ON d.id = w.device_id JOIN fleet.hardware h ON h.id = w.hardware_id JOIN fleet.series s ON s.id = w.series_id ORDER BY ratio DESC LIMIT 100;

-- When each version of a model was first and last seen.
CREATE VIEW fleet.versions AS
SELECT s.model, s.version, min(l.at) AS since, max(l.at) AS until, sum(l.ok) AS inferences
FROM fleet.latency_day l JOIN fleet.series s ON s.id = l.series_id WHERE NOT s.overflow GROUP BY s.model, s.version;
CREATE VIEW fleet.version_pairs AS
SELECT * FROM (
  SELECT model, lag(version) OVER w AS before, version AS after, since FROM (
    SELECT v.model, v.version, min(s.made) AS since FROM fleet.versions v JOIN fleet.series s USING (model, version) GROUP BY v.model, v.version) AS first_made
  WINDOW w AS (PARTITION BY model ORDER BY since, version)) AS pairs WHERE before IS NOT NULL;

-- 3. Before and after each rollout, same hardware model and delegate; the verdict with its confidence is made by `octet fleet report`.
CREATE VIEW fleet.rollouts AS
WITH side AS (
  SELECT model, version, device_model, delegate, sum(ok) AS ok, sum(errors) AS errors, fleet.hist_merge(invoke) AS h
  FROM fleet.daily WHERE NOT overflow AND at > now() - interval '30 days' GROUP BY model, version, device_model, delegate),
q AS (SELECT *, fleet.hist_quantile(h, 0.5) AS p50, fleet.hist_quantile(h, 0.95) AS p95 FROM side WHERE h IS NOT NULL OFFSET 0)
SELECT p.model, p.before, p.after, a.device_model, a.delegate, b.ok AS inferences_before, a.ok AS inferences_after,
       fleet.ms(b.p50) AS p50_before_ms, fleet.ms(a.p50) AS p50_after_ms, fleet.ms(b.p95) AS p95_before_ms, fleet.ms(a.p95) AS p95_after_ms,
       round((a.p50 / nullif(b.p50, 0) - 1)::numeric, 4)::double precision AS p50_change, round((a.p95 / nullif(b.p95, 0) - 1)::numeric, 4)::double precision AS p95_change
FROM fleet.version_pairs p JOIN q a ON (a.model, a.version) = (p.model, p.after)
JOIN q b ON (b.model, b.version, b.device_model, b.delegate) = (p.model, p.before, a.device_model, a.delegate);

-- 4. Share of inferences in which the CPU ran what a delegate was to run, by operator and reason. Last 7 days.
CREATE VIEW fleet.fallback AS
WITH runs AS (
  SELECT device_model, delegate, model, version, sum(ok + errors) AS inferences
  FROM fleet.hourly WHERE at > now() - interval '7 days' GROUP BY device_model, delegate, model, version)
SELECT h.model AS device_model, s.delegate, s.model, s.version, e.name AS op, e.reason, sum(e.n) AS fallbacks, r.inferences,
       round(sum(e.n) / nullif(r.inferences, 0), 6)::double precision AS share
FROM fleet.event_hour e JOIN fleet.hardware h ON h.id = e.hardware_id JOIN fleet.series s ON s.id = e.series_id
JOIN runs r ON (r.device_model, r.delegate, r.model, r.version) = (h.model, s.delegate, s.model, s.version)
WHERE e.kind = 'fallback' AND e.at > now() - interval '7 days'
GROUP BY h.model, s.delegate, s.model, s.version, e.name, e.reason, r.inferences ORDER BY share DESC;

-- 5. Share of time throttled, and p95 throttled against not. Last 7 days.
CREATE VIEW fleet.throttling AS
SELECT device_model, model, version, delegate, round((coalesce(hot_s, 0) / nullif(all_s, 0))::numeric, 4)::double precision AS share,
       fleet.quantile_ms(hot, 0.95) AS p95_throttled_ms, fleet.quantile_ms(cool, 0.95) AS p95_ms, temp_c AS highest_c
FROM (
  SELECT device_model, model, version, delegate, sum(span_s) FILTER (WHERE throttled) AS hot_s, sum(span_s) AS all_s, max(temp_c) AS temp_c,
         fleet.hist_merge(invoke) FILTER (WHERE throttled) AS hot, fleet.hist_merge(invoke) FILTER (WHERE NOT throttled) AS cool
  FROM fleet.hourly WHERE NOT overflow AND thermal >= 0 AND at > now() - interval '7 days' GROUP BY device_model, model, version, delegate) AS t
ORDER BY share DESC;

-- 6. Cold start (load, prepare, first inference) against the steady state. Last 7 days.
CREATE VIEW fleet.cold_start AS
SELECT device_model, model, version, delegate, fleet.hist_count(load) AS starts, fleet.quantile_ms(load, 0.5) AS load_p50_ms, fleet.quantile_ms(prepare, 0.5) AS prepare_p50_ms,
       fleet.quantile_ms(first, 0.5) AS first_p50_ms, fleet.quantile_ms(first, 0.95) AS first_p95_ms, fleet.quantile_ms(invoke, 0.5) AS steady_p50_ms
FROM (
  SELECT device_model, model, version, delegate, fleet.hist_merge(load) AS load, fleet.hist_merge(prepare) AS prepare, fleet.hist_merge(first) AS first, fleet.hist_merge(invoke) AS invoke
  FROM fleet.hourly WHERE NOT overflow AND at > now() - interval '7 days' GROUP BY device_model, model, version, delegate) AS t
WHERE load IS NOT NULL OR prepare IS NOT NULL OR first IS NOT NULL;

-- 7. Failures to start, by runtime version; boots and how many of them ended without a clean stop. Last 7 days.
CREATE VIEW fleet.start_failures AS
SELECT s.runtime, s.build, h.model AS device_model, e.name AS code, sum(e.n) AS failures
FROM fleet.event_hour e JOIN fleet.hardware h ON h.id = e.hardware_id JOIN fleet.series s ON s.id = e.series_id
WHERE e.kind = 'error' AND e.name IN ('load', 'prepare', 'delegate') AND e.at > now() - interval '7 days'
GROUP BY s.runtime, s.build, h.model, e.name ORDER BY failures DESC;
CREATE VIEW fleet.crash_loops AS
SELECT d.name AS device, h.model AS device_model, b.boots, b.killed, b.last_boot
FROM (
  SELECT device_id, count(*) AS boots, count(*) FILTER (WHERE NOT clean) AS killed, max(first_seen) AS last_boot
  FROM fleet.boot WHERE first_seen > now() - interval '1 day' GROUP BY device_id HAVING count(*) >= 5) AS b
JOIN fleet.device d ON d.id = b.device_id LEFT JOIN fleet.hardware h ON h.id = d.hardware_id ORDER BY b.boots DESC;

-- 8. Results of the delegate that differ from the reference's, by driver. Last 30 days.
CREATE VIEW fleet.shadow AS
SELECT driver, delegate, device_model, model, version, sum(shadow) AS checked, sum(shadow_mismatch) AS mismatches, round(sum(shadow_mismatch) / nullif(sum(shadow), 0), 6)::double precision AS share
FROM fleet.daily WHERE at > now() - interval '30 days' GROUP BY driver, delegate, device_model, model, version HAVING sum(shadow) > 0 ORDER BY share DESC;

-- 9. Highest memory against the limit. Last 7 days.
CREATE VIEW fleet.memory AS
SELECT device_model, model, version, delegate, max(rss_kb) / 1024.0 AS peak_mb, max(limit_kb) / 1024.0 AS limit_mb, round(max(rss_kb)::numeric / nullif(max(limit_kb), 0), 4)::double precision AS used,
       sum(over_limit) AS windows_above_90_percent, max(arena_kb) AS arena_kb
FROM fleet.hourly WHERE at > now() - interval '7 days' AND rss_kb IS NOT NULL GROUP BY device_model, model, version, delegate ORDER BY used DESC NULLS LAST;

-- 10. Throughput, duty cycle (time in inference / device time), lost frames, missed deadlines. Last day.
CREATE VIEW fleet.throughput AS
SELECT device_model, model, version, delegate, sum(ok) AS inferences, round((sum(ok) / nullif(sum(span_s), 0))::numeric, 4)::double precision AS per_device_second,
       round((sum(coalesce(invoke[5], 0)) / 1e9 / nullif(sum(span_s), 0))::numeric, 5)::double precision AS duty_cycle,
       round(sum(lost_frames) / nullif(sum(ok + lost_frames), 0), 6)::double precision AS lost_share, round(sum(deadline_miss) / nullif(sum(ok), 0), 6)::double precision AS deadline_miss_share
FROM fleet.hourly WHERE at > now() - interval '1 day' AND NOT overflow GROUP BY device_model, model, version, delegate;

-- 11. Which kernels are in use, and how fast they are. Last 7 days.
CREATE VIEW fleet.cpu_features AS
SELECT cpu, model, version, precision, inferences, round(inferences / nullif(sum(inferences) OVER (PARTITION BY model, version), 0), 4)::double precision AS share,
       fleet.quantile_ms(h, 0.5) AS p50_ms, fleet.quantile_ms(h, 0.95) AS p95_ms
FROM (
  SELECT cpu, model, version, precision, sum(ok) AS inferences, fleet.hist_merge(invoke) AS h
  FROM fleet.daily WHERE at > now() - interval '7 days' AND NOT overflow GROUP BY cpu, model, version, precision) AS t;

-- 12. Devices without a word, deep spools, wrong clocks, lost records. `gaps`: records that were committed but are neither here, nor dropped, nor waiting.
CREATE VIEW fleet.accounts AS
SELECT d.id AS device_id, d.name AS device, d.rows, s.committed, s.dropped, s.depth, s.committed - s.dropped - d.rows AS missing, s.skew_us, s.spool_bytes
FROM fleet.device d JOIN (
  SELECT device_id, sum(committed) AS committed, sum(dropped_bytes + dropped_age + dropped_rejected) AS dropped, sum(depth) AS depth, sum(bytes) AS spool_bytes,
         (max(ARRAY[date_part('epoch', seen), skew_us]))[2]::bigint AS skew_us  -- Of the spool seen last
  FROM fleet.spool GROUP BY device_id) AS s ON s.device_id = d.id;
CREATE VIEW fleet.attention AS
WITH account AS MATERIALIZED (SELECT * FROM fleet.accounts)
SELECT x.why, d.name AS device, h.model AS device_model, x.value, x.meaning FROM (
  (SELECT 'silent' AS why, id AS device_id, round((extract(epoch FROM now() - last_seen) / 3600)::numeric, 1)::double precision AS value, 'hours without a word' AS meaning
   FROM fleet.device WHERE last_seen < now() - fleet.setting('silent_hours') * interval '1 hour' ORDER BY last_seen LIMIT 100)
  UNION ALL
  (SELECT 'spool', device_id, depth, 'records waiting at the last upload' FROM account WHERE depth > 1440 ORDER BY depth DESC LIMIT 100)
  UNION ALL
  (SELECT 'clock', device_id, round(skew_us / 1e6, 1)::double precision, 'seconds ahead of the receiver' FROM account WHERE abs(skew_us) > 60000000 ORDER BY abs(skew_us) DESC LIMIT 100)
  UNION ALL
  (SELECT 'dropped', device_id, dropped, 'records dropped by the device' FROM account WHERE dropped > 0 ORDER BY dropped DESC LIMIT 100)
  UNION ALL
  (SELECT 'missing', device_id, missing, 'records committed, not dropped, not here and not waiting' FROM account WHERE missing - depth > 0 ORDER BY missing - depth DESC LIMIT 100)
) AS x JOIN fleet.device d ON d.id = x.device_id LEFT JOIN fleet.hardware h ON h.id = d.hardware_id;

-- Operators: where the time goes. Last 7 days. `share`: of the time of all operators of its group.
CREATE VIEW fleet.operators AS
SELECT device_model, delegate, model, version, op, fleet.ms(fleet.hist_mean(h)) AS mean_ms, fleet.quantile_ms(h, 0.5) AS p50_ms, fleet.quantile_ms(h, 0.95) AS p95_ms, h[4] AS samples,
       round((h[5] / nullif(sum(h[5]) OVER (PARTITION BY device_model, delegate, model, version), 0))::numeric, 4)::double precision AS share
FROM (
  SELECT w.model AS device_model, s.delegate, s.model, s.version, o.op, fleet.hist_merge(o.time) AS h
  FROM fleet.operator_hour o JOIN fleet.hardware w ON w.id = o.hardware_id JOIN fleet.series s ON s.id = o.series_id
  WHERE o.at > now() - interval '7 days' GROUP BY w.model, s.delegate, s.model, s.version, o.op) AS t;

-- What verdicts resample: the figures of single devices on either side of each rollout, last 30 days, of at most 400 devices a side. The order is by a hash of the
-- device, so both sides take the same devices where they can; groups are counted in full beside it. Devices are grouped by the number of their side, not by its texts,
-- and histograms are merged for the devices taken only.
CREATE VIEW fleet.rollout_devices AS
WITH sides AS MATERIALIZED (
  SELECT dense_rank() OVER (ORDER BY p.model, p.before, p.after, h.model, s.delegate, s.version = p.after)::int AS number,
         p.model, p.before, p.after, h.model AS device_model, s.delegate, (s.version = p.after)::int AS side, s.id AS series_id, h.id AS hardware_id
  FROM fleet.version_pairs p JOIN fleet.series s ON s.model = p.model AND s.version IN (p.before, p.after) AND NOT s.overflow
  JOIN (SELECT DISTINCT series_id, hardware_id FROM fleet.latency_day WHERE at > now() - interval '30 days') AS seen ON seen.series_id = s.id JOIN fleet.hardware h ON h.id = seen.hardware_id),
by_device AS (
  SELECT s.number, d.device_id, sum(d.ok) AS ok, sum(d.errors) AS errors
  FROM sides s JOIN fleet.device_day d USING (series_id, hardware_id) WHERE d.at > now() - interval '30 days' GROUP BY s.number, d.device_id),
taken AS MATERIALIZED (
  SELECT * FROM (
    SELECT *, row_number() OVER (one_side ORDER BY hashint4(device_id), device_id) AS place, count(*) OVER one_side AS devices, sum(ok) OVER one_side AS inferences
    FROM by_device WINDOW one_side AS (PARTITION BY number)) AS ordered
  WHERE place <= 400)
SELECT s.model, s.before, s.after, s.device_model, s.delegate, s.side, t.device_id, t.ok, t.errors, t.devices, t.inferences, m.invoke
FROM taken t JOIN (
  SELECT number, model, before, after, device_model, delegate, side, array_agg(DISTINCT series_id) AS series, array_agg(DISTINCT hardware_id) AS hardware
  FROM sides GROUP BY 1, 2, 3, 4, 5, 6, 7) AS s USING (number)
CROSS JOIN LATERAL (
  SELECT fleet.hist_merge(d.invoke) AS invoke FROM fleet.device_day d
  WHERE d.series_id = ANY (s.series) AND d.device_id = t.device_id AND d.hardware_id = ANY (s.hardware) AND d.at > now() - interval '30 days') AS m;

-- Where the time of a request goes beside the model: waiting and copying as shares of the total. Last 7 days.
CREATE VIEW fleet.stages AS
SELECT device_model, delegate, model, version, sum(queue[5]) / 1e9 AS queue_s, sum(coalesce(copy_in[5], 0) + coalesce(copy_out[5], 0)) / 1e9 AS copy_s, sum(invoke[5]) / 1e9 AS invoke_s, sum(total[5]) / 1e9 AS total_s,
       sum(total[4]) AS requests, round((sum(queue[5]) / nullif(sum(total[5]), 0))::numeric, 4)::double precision AS queue_share,
       round((sum(coalesce(copy_in[5], 0) + coalesce(copy_out[5], 0)) / nullif(sum(total[5]), 0))::numeric, 4)::double precision AS copy_share
FROM fleet.hourly WHERE NOT overflow AND at > now() - interval '7 days' AND total IS NOT NULL GROUP BY device_model, delegate, model, version;
