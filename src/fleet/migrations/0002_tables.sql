-- Dimensions, records by day, roll-ups by hour and day.

CREATE TABLE fleet.setting (name text PRIMARY KEY, value int NOT NULL, meaning text NOT NULL);
INSERT INTO fleet.setting VALUES
  ('record_days', 30, 'days that records are kept; older uploads are answered as expired'),
  ('device_days', 90, 'days that the daily figures of one device are kept'),
  ('rollup_days', 400, 'days that hourly and daily figures of groups are kept'),
  ('new_keys_per_device', 256, 'new hardware and key rows that one device may cause in a day'),
  ('silent_hours', 6, 'hours without a word after which a device counts as silent');
CREATE FUNCTION fleet.setting(wanted text) RETURNS int LANGUAGE sql STABLE AS 'SELECT value FROM fleet.setting WHERE name = wanted';

CREATE TABLE fleet.hardware (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model text NOT NULL, soc text NOT NULL, arch text NOT NULL, os text NOT NULL, kernel text NOT NULL, cpu text NOT NULL, driver text NOT NULL, mem_mb int NOT NULL,
  made_by int NOT NULL, made timestamptz NOT NULL DEFAULT now(),
  UNIQUE (model, soc, arch, os, kernel, cpu, driver, mem_mb));
CREATE INDEX ON fleet.hardware (made_by, made);

CREATE TABLE fleet.series (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  overflow boolean NOT NULL, model text NOT NULL, version text NOT NULL, sha256 text NOT NULL, precision text NOT NULL, delegate text NOT NULL, threads int NOT NULL,
  thermal int NOT NULL, power text NOT NULL, runtime text NOT NULL, build text NOT NULL, nodes int NOT NULL, delegated int NOT NULL, partitions int NOT NULL,
  made_by int NOT NULL, made timestamptz NOT NULL DEFAULT now(),
  throttled boolean GENERATED ALWAYS AS (thermal >= 2) STORED,
  UNIQUE (overflow, model, version, sha256, precision, delegate, threads, thermal, power, runtime, build, nodes, delegated, partitions));
CREATE INDEX ON fleet.series (made_by, made);

CREATE TABLE fleet.device (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (name ~ '^[0-9a-f]{16,64}$'),
  hardware_id int REFERENCES fleet.hardware,
  first_seen timestamptz, last_seen timestamptz, last_record timestamptz,
  rows bigint NOT NULL DEFAULT 0, rejected bigint NOT NULL DEFAULT 0, expired bigint NOT NULL DEFAULT 0, bytes bigint NOT NULL DEFAULT 0) WITH (fillfactor = 60);
CREATE INDEX ON fleet.device (last_seen);

-- The newest status line of each spool: committed - dropped - depth = rows, summed over the spools of a device.
CREATE TABLE fleet.spool (
  device_id int NOT NULL REFERENCES fleet.device ON DELETE CASCADE, spool bigint NOT NULL, seen timestamptz NOT NULL, boot bigint NOT NULL, skew_us bigint NOT NULL, uptime_us bigint NOT NULL,
  committed bigint NOT NULL, dropped_bytes bigint NOT NULL, dropped_age bigint NOT NULL, dropped_rejected bigint NOT NULL, depth bigint NOT NULL, bytes bigint NOT NULL,
  PRIMARY KEY (device_id, spool)) WITH (fillfactor = 60);

-- Tokens of the collector (SHA-256 of the token) and database roles of direct uploads, each bound to one device.
CREATE TABLE fleet.token (
  hash bytea PRIMARY KEY, device_id int NOT NULL REFERENCES fleet.device ON DELETE CASCADE, made timestamptz NOT NULL DEFAULT now(), revoked timestamptz);
CREATE INDEX ON fleet.token (device_id);
CREATE TABLE fleet.login (role name PRIMARY KEY, device_id int NOT NULL REFERENCES fleet.device ON DELETE CASCADE);

-- rows = max_seq when nothing is missing. last_seq and clean are what the next boot reported about this one.
CREATE TABLE fleet.boot (
  device_id int NOT NULL REFERENCES fleet.device ON DELETE CASCADE, boot bigint NOT NULL,
  first_seen timestamptz NOT NULL DEFAULT now(), last_seen timestamptz NOT NULL DEFAULT now(),
  rows bigint NOT NULL DEFAULT 0, max_seq bigint NOT NULL DEFAULT 0, last_seq bigint, clean boolean,
  PRIMARY KEY (device_id, boot)) WITH (fillfactor = 60);
CREATE INDEX ON fleet.boot (first_seen);

CREATE TABLE fleet.record (
  at timestamptz NOT NULL, boot bigint NOT NULL, seq bigint NOT NULL, mono_us bigint NOT NULL,
  device_id int NOT NULL, hardware_id int NOT NULL, series_id int NOT NULL, span_ms int NOT NULL,
  ok int NOT NULL, errors int NOT NULL, deadline_miss int NOT NULL, shadow int NOT NULL, shadow_mismatch int NOT NULL, lost_frames int NOT NULL,
  rss_kb int, limit_kb int, arena_kb int, temp_c smallint, freq_pct smallint, battery_pct smallint,
  queue bigint[], copy_in bigint[], invoke bigint[], copy_out bigint[], total bigint[], load bigint[], prepare bigint[], first bigint[],
  ops jsonb,       -- operator -> histogram in array syntax
  detail jsonb,    -- {"errors": {code: n}, "fallback": [[operator, reason, n], ...]}
  PRIMARY KEY (device_id, boot, seq, at)) PARTITION BY RANGE (at);
CREATE INDEX ON fleet.record USING brin (at);
CREATE TABLE fleet.record_default PARTITION OF fleet.record DEFAULT;

-- Figures of groups. `span_s` is device time, `windows` the records behind a row; gauges are the highest seen.
CREATE TABLE fleet.latency_hour (
  at timestamptz NOT NULL, hardware_id int NOT NULL, series_id int NOT NULL,
  windows bigint NOT NULL, span_s double precision NOT NULL, ok bigint NOT NULL, errors bigint NOT NULL, deadline_miss bigint NOT NULL, shadow bigint NOT NULL,
  shadow_mismatch bigint NOT NULL, lost_frames bigint NOT NULL, rss_kb int, limit_kb int, arena_kb int, temp_c int, over_limit bigint NOT NULL,
  queue bigint[], copy_in bigint[], invoke bigint[], copy_out bigint[], total bigint[], load bigint[], prepare bigint[], first bigint[],
  PRIMARY KEY (at, hardware_id, series_id));
CREATE TABLE fleet.latency_day (LIKE fleet.latency_hour INCLUDING ALL);
CREATE TABLE fleet.operator_hour (
  at timestamptz NOT NULL, hardware_id int NOT NULL, series_id int NOT NULL, op text NOT NULL, time bigint[] NOT NULL,
  PRIMARY KEY (at, hardware_id, series_id, op));
-- kind: error (name = code) or fallback (name = operator, reason).
CREATE TABLE fleet.event_hour (
  at timestamptz NOT NULL, hardware_id int NOT NULL, series_id int NOT NULL, kind text NOT NULL, name text NOT NULL, reason text NOT NULL, n bigint NOT NULL,
  PRIMARY KEY (at, hardware_id, series_id, kind, name, reason));

-- Figures of one device: what verdicts resample and what finds the worst. p50 and p95 are kept ready, in nanoseconds.
CREATE TABLE fleet.device_day (
  at timestamptz NOT NULL, device_id int NOT NULL, hardware_id int NOT NULL, series_id int NOT NULL,
  windows bigint NOT NULL, ok bigint NOT NULL, errors bigint NOT NULL, invoke bigint[], p50 double precision, p95 double precision,
  PRIMARY KEY (series_id, device_id, hardware_id, at)) PARTITION BY RANGE (at);
CREATE TABLE fleet.device_day_default PARTITION OF fleet.device_day DEFAULT;

-- What the figures above have not counted yet: the sums of single batches of records, written in the transaction of the records, so none is missed and none counted twice.
-- Who merges has the records in hand and sums them in memory; fleet.roll_up() then adds a few sums instead of reading every record again.
CREATE TABLE fleet.fresh_hour (LIKE fleet.latency_hour);
CREATE TABLE fleet.fresh_operator (LIKE fleet.operator_hour);
CREATE TABLE fleet.fresh_event (LIKE fleet.event_hour);
CREATE TABLE fleet.fresh_device (
  at timestamptz NOT NULL, device_id int NOT NULL, hardware_id int NOT NULL, series_id int NOT NULL, windows bigint NOT NULL, ok bigint NOT NULL, errors bigint NOT NULL, invoke bigint[]);
