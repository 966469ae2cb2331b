-- Days as partitions: made ahead, made for late data out of the default partition, dropped when old.

CREATE FUNCTION fleet.day_start(day date) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT day::timestamp AT TIME ZONE 'UTC' $$;
CREATE FUNCTION fleet.utc_date(at timestamptz) RETURNS date LANGUAGE sql IMMUTABLE AS $$ SELECT (at AT TIME ZONE 'UTC')::date $$;

-- The oldest day that is kept of a partitioned table.
CREATE FUNCTION fleet.oldest(parent text) RETURNS date LANGUAGE sql STABLE AS $$
  SELECT fleet.utc_date(now()) - fleet.setting(CASE parent WHEN 'device_day' THEN 'device_days' ELSE 'record_days' END)
$$;

-- Makes the partition of one day and moves into it what waited in the default partition. False when it is already there.
CREATE FUNCTION fleet.add_day(parent text, day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  part text := parent || '_' || to_char(day, 'YYYYMMDD');
BEGIN
  IF to_regclass(format('fleet.%I', part)) IS NOT NULL THEN RETURN false; END IF;
  EXECUTE format('LOCK TABLE fleet.%I IN ACCESS EXCLUSIVE MODE', parent || '_default');
  EXECUTE format('CREATE TABLE fleet.%I (LIKE fleet.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, parent);
  EXECUTE format('WITH moved AS (DELETE FROM fleet.%I WHERE at >= $1 AND at < $2 RETURNING *) INSERT INTO fleet.%I SELECT * FROM moved',
                 parent || '_default', part) USING fleet.day_start(day), fleet.day_start(day + 1);
  EXECUTE format('ALTER TABLE fleet.%I ATTACH PARTITION fleet.%I FOR VALUES FROM (%L) TO (%L)', parent, part, fleet.day_start(day), fleet.day_start(day + 1));
  RETURN true;
END $$;

CREATE FUNCTION fleet.days(parent text) RETURNS TABLE (part text, day date) LANGUAGE sql STABLE AS $$
  SELECT c.relname::text, to_date(right(c.relname, 8), 'YYYYMMDD')
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = to_regclass('fleet.' || parent) AND c.relname ~ '_[0-9]{8}$'
$$;

-- Late data: every day that waits in the default partition, is not too old and not in the future, gets its partition. Returns how many days.
CREATE FUNCTION fleet.move_late() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  parent text; late date; n int := 0;
BEGIN
  FOREACH parent IN ARRAY ARRAY['record', 'device_day'] LOOP
    FOR late IN EXECUTE format('SELECT DISTINCT fleet.utc_date(at) FROM fleet.%I WHERE at >= $1 AND at < $2', parent || '_default')
                USING fleet.day_start(fleet.oldest(parent)), fleet.day_start(fleet.utc_date(now()) + 4) LOOP
      n := n + fleet.add_day(parent, late)::int;
    END LOOP;
  END LOOP;
  RETURN n;
END $$;

-- Retention: whole days are dropped. Returns the names of the tables dropped.
CREATE FUNCTION fleet.drop_old() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  parent text; old record; oldest date;
BEGIN
  FOREACH parent IN ARRAY ARRAY['record', 'device_day'] LOOP
    oldest := fleet.oldest(parent);
    FOR old IN SELECT part FROM fleet.days(parent) WHERE day < oldest LOOP
      EXECUTE format('DROP TABLE fleet.%I', old.part);
      RETURN NEXT old.part;
    END LOOP;
    EXECUTE format('DELETE FROM fleet.%I WHERE at < $1', parent || '_default') USING fleet.day_start(oldest);
  END LOOP;
  oldest := fleet.utc_date(now()) - fleet.setting('rollup_days');
  DELETE FROM fleet.latency_hour WHERE at < fleet.day_start(oldest);
  DELETE FROM fleet.latency_day WHERE at < fleet.day_start(oldest);
  DELETE FROM fleet.operator_hour WHERE at < fleet.day_start(oldest);
  DELETE FROM fleet.event_hour WHERE at < fleet.day_start(oldest);
END $$;

-- What runs every few minutes (octet fleet ingest does it). Waits for no lock longer than two seconds: uploads come first.
CREATE FUNCTION fleet.maintain() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = fleet, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('fleet.maintain')) THEN RETURN; END IF;
  FOR ahead IN -1 .. 3 LOOP
    PERFORM fleet.add_day('record', fleet.utc_date(now()) + ahead);
    PERFORM fleet.add_day('device_day', fleet.utc_date(now()) + ahead);
  END LOOP;
  PERFORM fleet.move_late();
  PERFORM fleet.drop_old();
END $$;

-- Privacy: everything that is known of one device goes; figures of groups, which name no device, stay.
CREATE FUNCTION fleet.erase(device text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  gone bigint; found_id int;
BEGIN
  SELECT d.id INTO found_id FROM fleet.device d WHERE d.name = erase.device;
  IF NOT FOUND THEN RAISE EXCEPTION 'there is no device %', erase.device; END IF;
  DELETE FROM fleet.record WHERE device_id = found_id;
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM fleet.device_day WHERE device_id = found_id;
  DELETE FROM fleet.fresh_device WHERE device_id = found_id;
  DELETE FROM fleet.device WHERE id = found_id;
  RETURN gone;
END $$;
