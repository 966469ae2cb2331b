#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Devices that upload straight into PostgreSQL over TLS: the server proves its name, each device its own identity, and a device may do nothing but upload its own records.

Usage: direct_tls.py OCTET OCTET_TELEMETRY_DEVICE WORK

A certificate authority of the test's own, PostgreSQL with ssl = on that lets nobody in without TLS; one device logs in by password (SCRAM), one by a certificate of its own.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from postgres import Postgres, binaries  # noqa: E402

PASSWORD = "correct-horse"


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def authority(folder, name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")


def certificate(folder, ca, name, *extensions):
    key, request, pem = (folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
    (folder / "ext").write_text("\n".join(extensions))
    openssl("x509", "-req", "-in", request, "-CA", folder / f"{ca}.pem", "-CAkey", folder / f"{ca}.key", "-CAcreateserial", "-days", "2", "-extfile", folder / "ext", "-out", pem)
    key.chmod(0o600)


class Fleet:
    def __init__(self, octet, program, work, pg):
        self.octet, self.program, self.work, self.pg = octet, program, work, pg
        pg.query("CREATE DATABASE fleet", database="postgres")
        self.fleet("init")
        self.devices = {role: self.add(role, login) for role, login in (("gw1", f"LOGIN PASSWORD '{PASSWORD}'"), ("gw2", "LOGIN"))}
        (work / "pgpass").write_text(f"*:*:*:gw1:{PASSWORD}\n")
        (work / "pgpass").chmod(0o600)

    def fleet(self, *words):
        return subprocess.run([self.octet, "fleet", *words, "--database", self.pg.url()], check=True, capture_output=True, text=True).stdout.strip()

    def url(self, role, host="localhost", mode="verify-full"):
        certificate_of = f"&sslcert={self.work}/{role}.pem&sslkey={self.work}/{role}.key" if role == "gw2" else ""
        return f"postgresql://{role}@{host}:{self.pg.port}/fleet?sslmode={mode}{certificate_of}"

    def config(self, role, name=None, ca="ca", **url):
        folder = self.work / (name or role)
        folder.mkdir(exist_ok=True)
        config = {"endpoint": self.url(role, **url), "salt": "0123456789abcdef", "identity": role, "spool": str(folder / "spool.db")}
        if ca:
            config["ca_file"] = str(self.work / f"{ca}.pem")
        (folder / "telemetry.json").write_text(json.dumps(config))
        return folder / "telemetry.json"

    def add(self, role, login):
        name = subprocess.run([self.program, "--id", self.config(role)], check=True, capture_output=True, text=True).stdout.strip()
        self.pg.query(f"CREATE ROLE {role} {login}")
        self.fleet("token", name, "--role", role)
        return name

    @contextlib.contextmanager
    def running(self, config, window_ms=20):
        environment = {**os.environ, "PGPASSFILE": str(self.work / "pgpass")}
        with (config.parent / "log").open("a") as log:
            process = subprocess.Popen([self.program, config, str(window_ms), "400"], stderr=log, env=environment)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def rows(self, role):
        return int(self.pg.one(f"SELECT count(*) FROM fleet.record r JOIN fleet.device d ON d.id = r.device_id WHERE d.name = '{self.devices[role]}'"))

    def balance(self):
        return [list(map(int, r)) for r in self.pg.query("SELECT d.rows, s.committed - s.dropped_bytes - s.dropped_age - s.dropped_rejected FROM fleet.device d JOIN fleet.spool s ON s.device_id = d.id")]


def wait_for(what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.2)
    return False


def sessions(fleet):
    return fleet.pg.query("SELECT DISTINCT a.usename, s.ssl, s.version FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) WHERE a.usename LIKE 'gw_' ORDER BY 1")


def uploads(fleet):
    """Both devices upload, over TLS, through a database that stops and starts; in the end every record is there once."""
    with fleet.running(fleet.config("gw1")) as a, fleet.running(fleet.config("gw2")) as b:
        assert wait_for(lambda: fleet.rows("gw1") > 10 and fleet.rows("gw2") > 10), [(fleet.work / r / "log").read_text() for r in fleet.devices]
        # A device may be between two connections at any moment.
        assert wait_for(lambda: [s[:2] for s in sessions(fleet)] == [["gw1", "t"], ["gw2", "t"]]), sessions(fleet)
        seen = sessions(fleet)
        assert all(s[2] in ("TLSv1.2", "TLSv1.3") for s in seen), seen
        fleet.pg.stop("immediate")
        time.sleep(1)
        fleet.pg.start()
        before = fleet.rows("gw1"), fleet.rows("gw2")
        assert wait_for(lambda: fleet.rows("gw1") > before[0] and fleet.rows("gw2") > before[1]), before
        for p in (a, b):
            p.send_signal(signal.SIGTERM)
            assert p.wait(60) == 0
    with fleet.running(fleet.config("gw1"), 100_000_000), fleet.running(fleet.config("gw2"), 100_000_000):  # Uploads what is left.
        assert wait_for(lambda: len(fleet.balance()) == 2 and all(have == want > 0 for have, want in fleet.balance())), fleet.balance()
    print("direct over TLS:", fleet.balance(), seen)


def impostors(fleet):
    """A server that cannot prove its name gets nothing, and a server that wants TLS is not talked to without."""
    assert wait_for(lambda: not sessions(fleet)), sessions(fleet)  # What a device that was killed had sent may still be being written.
    for name, why, options in (("wrong-ca", "certificate verify failed", {"ca": "other"}), ("wrong-name", 'does not match host name "127.0.0.1"', {"host": "127.0.0.1"}), ("no-tls", "no encryption", {"mode": "disable", "ca": None})):
        config = fleet.config("gw1", name, **options)
        before = fleet.rows("gw1")
        with fleet.running(config):
            assert wait_for(lambda: why in (config.parent / "log").read_text()), (name, (config.parent / "log").read_text())
        assert fleet.rows("gw1") == before, name
    config = fleet.config("gw1", "weak", host="db.example", mode="require")
    refused = subprocess.run([fleet.program, config, "20", "400"], capture_output=True, text=True, timeout=30)
    assert refused.returncode == 2 and "verify-full" in refused.stderr, refused


def rights(fleet):
    """What a device's login may do, by the database's own word and by trying."""
    allowed = fleet.pg.query("SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'fleet' AND has_function_privilege('gw1', p.oid, 'execute')")
    assert allowed == [["fleet.upload(text[])"]], allowed
    tables = fleet.pg.query("SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'fleet' AND relkind IN ('r', 'p', 'v', 'S') "
                            "AND CASE WHEN relkind = 'S' THEN has_sequence_privilege('gw1', c.oid, 'USAGE, SELECT, UPDATE') ELSE has_table_privilege('gw1', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') END")
    assert tables == [], tables
    assert fleet.pg.one("SELECT has_database_privilege('gw1', 'fleet', 'CREATE, TEMP') OR has_schema_privilege('gw1', 'fleet', 'CREATE') OR has_schema_privilege('gw1', 'public', 'CREATE')") == "f"
    for sql in ("SELECT * FROM fleet.record", "INSERT INTO fleet.fresh_device VALUES (now(), 1, 1, 1, 1, 1, 1)", "SELECT fleet.erase('x')", "SELECT fleet.roll_up()", "CREATE TEMP TABLE x (y int)", "CREATE TABLE public.x (y int)", "SET ROLE octet_reader"):
        done = subprocess.run([os.path.join(fleet.pg.bin, "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", fleet.url("gw1") + f"&sslrootcert={fleet.work}/ca.pem", "-c", sql], capture_output=True, text=True, env={**os.environ, "PGPASSFILE": str(fleet.work / "pgpass")})
        assert done.returncode and "permission denied" in done.stderr, (sql, done.stderr)
    # Another device's records are refused line by line, and another login gets only its own device.
    line = fleet.pg.one("SELECT jsonb_build_object('v', 1, 'device', d.name, 'boot', '5feceb66ffc86f38', 'seq', 1, 'start_us', (extract(epoch FROM now()) * 1e6)::bigint, 'end_us', (extract(epoch FROM now()) * 1e6)::bigint) FROM fleet.device d WHERE name = '%s'" % fleet.devices["gw2"])
    done = subprocess.run([os.path.join(fleet.pg.bin, "psql"), "-X", "-q", "-A", "-t", "-d", fleet.url("gw1") + f"&sslrootcert={fleet.work}/ca.pem", "-c", f"SELECT * FROM fleet.upload(ARRAY['{line}'])"], capture_output=True, text=True, env={**os.environ, "PGPASSFILE": str(fleet.work / "pgpass")})
    assert done.stdout.strip() == "0|0|1|0", done
    wrong = subprocess.run([os.path.join(fleet.pg.bin, "psql"), "-X", "-d", fleet.url("gw2").replace("gw2@", "gw1@") + f"&sslrootcert={fleet.work}/ca.pem", "-c", "SELECT 1"], capture_output=True, text=True, env={**os.environ, "PGPASSWORD": "wrong"})
    assert wrong.returncode and "password authentication failed" in wrong.stderr, wrong.stderr


def main():
    octet, program, work = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]).resolve()
    if not binaries():
        print("skipped: no PostgreSQL server here (Debian: postgresql-15)")
        return 77
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    authority(work, "ca")
    authority(work, "other")
    certificate(work, "ca", "server", "subjectAltName=DNS:localhost")
    certificate(work, "ca", "gw2", "extendedKeyUsage=clientAuth")
    with Postgres(str(work) + "-postgres") as pg:
        for name in ("ca.pem", "server.pem", "server.key"):
            shutil.copy(work / name, pg.data)
            owner = os.stat(pg.data)
            os.chown(os.path.join(pg.data, name), owner.st_uid, owner.st_gid)
            os.chmod(os.path.join(pg.data, name), 0o600)
        pathlib.Path(pg.data, "pg_hba.conf").write_text("host all postgres 127.0.0.1/32 trust\nhostssl fleet gw2 all cert\nhostssl fleet +octet_device all scram-sha-256\n")
        for setting in ("ssl = on", "ssl_ca_file = 'ca.pem'", "ssl_cert_file = 'server.pem'", "ssl_key_file = 'server.key'", "listen_addresses = 'localhost'"):
            pg.query(f"ALTER SYSTEM SET {setting}", database="postgres")
        pg.stop()
        pg.start()
        fleet = Fleet(octet, program, work, pg)
        uploads(fleet)
        impostors(fleet)
        rights(fleet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
