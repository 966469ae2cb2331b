-- Roles: the collector may upload, the pages may read what names no secret, devices may upload for themselves. How they log in is the owner's matter.
DO $$
DECLARE
  role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['octet_ingest', 'octet_reader', 'octet_device'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN EXECUTE format('CREATE ROLE %I %s', role, CASE role WHEN 'octet_device' THEN 'NOLOGIN' ELSE 'LOGIN' END); END IF;
  END LOOP;
  EXECUTE format('REVOKE TEMP ON DATABASE %I FROM PUBLIC', current_database());
END $$;
ALTER ROLE octet_reader SET default_transaction_read_only = on;
ALTER ROLE octet_reader SET work_mem = '64MB';  -- A hundred thousand devices are grouped in memory.
ALTER ROLE octet_reader SET jit = off;  -- Compiling takes longer than these questions do.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA fleet FROM PUBLIC;
REVOKE ALL ON SCHEMA fleet FROM PUBLIC;
GRANT USAGE ON SCHEMA fleet TO octet_ingest, octet_reader, octet_device;
GRANT EXECUTE ON FUNCTION fleet.live_tokens(), fleet.token_mark(), fleet.intern_hardware(int, jsonb), fleet.intern_series(int, jsonb),
                          fleet.begin_batch(int[], bigint[], bigint[], bigint[], boolean),
                          fleet.end_batch(int[], bigint[], bigint[], bigint[], bigint[], int[], bigint[], jsonb[], int[], bigint[], bigint[], bigint[]), fleet.roll_up(int), fleet.maintain() TO octet_ingest;
GRANT INSERT ON fleet.record, fleet.fresh_hour, fleet.fresh_operator, fleet.fresh_event, fleet.fresh_device TO octet_ingest;
GRANT EXECUTE ON FUNCTION fleet.upload(text[]) TO octet_device;
GRANT SELECT ON ALL TABLES IN SCHEMA fleet TO octet_reader;
REVOKE SELECT ON fleet.token, fleet.login FROM octet_reader;
GRANT EXECUTE ON FUNCTION fleet.hist_add(bigint[], bigint[]), fleet.hist_fit(bigint[], int, bigint, bigint), fleet.hist_merge(bigint[]), fleet.hist_quantile(bigint[], double precision),
                          fleet.hist_count(bigint[]), fleet.hist_mean(bigint[]), fleet.ms(double precision), fleet.quantile_ms(bigint[], double precision), fleet.setting(text) TO octet_reader;
