#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the fleet's database grows: loading, roll-up and every view, as wall time on a machine that does nothing else; and ingest beside COPY of the same rows.

Usage: fleet_sizes.py OCTET LOAD WORK              ingest beside COPY
       fleet_sizes.py OCTET LOAD WORK DEVICES...   growth, e.g. 10000 100000: one and ten million records (100 minutes a device; the
                                                   ten million need 25 GB in WORK)
"""
import contextlib
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "fleet"))
from postgres import Postgres  # noqa: E402

MINUTES = 100
SAME_ROWS = ("--devices", "1000", "--duplicates", "0")
# How the same rows come in: by what, records an upload, connections. The collector's connections are devices that wait for their answers.
WAYS = {"one connection, 60 an upload": ("direct", 60, 1), "one connection, 10 an upload": ("direct", 10, 1),
        "two connections, 60 an upload": ("direct", 60, 2), "two connections, 10 an upload": ("direct", 10, 2),
        "collector, 64 devices at a time, 60 an upload": ("http", 60, 64), "collector, 64 devices at a time, 10 an upload": ("http", 10, 64)}


def load(binary, pg, *options):
    """What the loader says of itself."""
    done = subprocess.run([binary, "--database", pg.url(), "--minutes", str(MINUTES), "--inferences", "20", "--until-us", str(UNTIL_US), *options], check=True,
                          capture_output=True, text=True)
    return json.loads(done.stdout)


def seconds_of(pg, sql):
    start = time.monotonic()
    subprocess.run([os.path.join(pg.bin, "psql"), "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-d", pg.url(), "-c", sql], check=True)
    return time.monotonic() - start


def fresh(octet, work):
    pg = Postgres(os.path.join(work, "pg"), "shared_buffers=512MB", "max_wal_size=16GB", "checkpoint_timeout=30min")
    pg.query("CREATE DATABASE fleet", database="postgres")
    subprocess.run([octet, "fleet", "init", "--database", pg.url()], check=True, stdout=subprocess.DEVNULL)
    return pg


@contextlib.contextmanager
def collector(octet, pg):
    """Its port."""
    process = subprocess.Popen([octet, "fleet", "ingest", "--database", pg.url(user="octet_ingest"), "--address", "127.0.0.1", "--port", "0"],
                               stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait()


def copied(octet, binary, work):
    """Records a second of COPY alone."""
    dump = os.path.join(work, "rows.copy")
    with fresh(octet, work) as pg:
        load(binary, pg, "--mode", "dump", "--dump", dump, *SAME_ROWS)
        took = seconds_of(pg, rf"\copy fleet.record from '{dump}'")
        os.remove(dump)
        return int(pg.one("SELECT count(*) FROM fleet.record")) / took


def ingested(octet, binary, work, mode, batch, connections):
    """Records a second of uploads that were made before the clock started."""
    with fresh(octet, work) as pg, (collector(octet, pg) if mode == "http" else contextlib.nullcontext("0")) as port:
        took = load(binary, pg, "--mode", mode, "--port", port, "--ahead", "--batch-minutes", str(batch), "--threads", str(connections), *SAME_ROWS)["seconds"]
        return int(pg.one("SELECT count(*) FROM fleet.record")) / took


def ingest_beside_copy(octet, binary, work):
    """In turn, best of three each."""
    rounds = [[copied(octet, binary, work)] + [ingested(octet, binary, work, *how) for how in WAYS.values()] for _ in range(3)]
    copy, *rates = [max(rates) for rates in zip(*rounds)]
    print(f"COPY | {copy:,.0f} records/s", flush=True)
    for way, rate in zip(WAYS, rates):
        print(f"{way} | {rate:,.0f} records/s | {100 * rate / copy:.0f} % of COPY", flush=True)


def roll_up(pg):
    """Seconds until nothing is left: one call does a bounded share."""
    start = time.monotonic()
    while int(pg.one("SELECT fleet.roll_up()")):
        pass
    return time.monotonic() - start


def grow(octet, binary, work, devices):
    with fresh(octet, work) as pg:
        start = time.monotonic()
        load(binary, pg, "--mode", "direct", "--threads", "2", "--devices", str(devices), "--batch-minutes", "25")
        took = time.monotonic() - start
        records = int(pg.one("SELECT count(*) FROM fleet.record"))
        print(f"{devices} devices | {records:,} records | loaded in {took:.0f} s | {records / took:,.0f} a second", flush=True)
        print(f"{devices} devices | size | {int(pg.one('SELECT pg_database_size(current_database())')) / 1e9:.2f} GB", flush=True)
        print(f"{devices} devices | roll_up | {roll_up(pg):.2f} s", flush=True)
        pg.query("VACUUM ANALYZE")
        pg.query("CHECKPOINT")
        for (view,) in pg.query("SELECT viewname FROM pg_views WHERE schemaname = 'fleet' ORDER BY 1"):
            times = [seconds_of(pg, f"SELECT * FROM fleet.{view}") for _ in range(3)]
            rows = pg.one(f"SELECT count(*) FROM fleet.{view}")
            print(f"{devices} devices | {view} | {1000 * min(times):.0f} ms (first {1000 * times[0]:.0f}) | {rows} rows", flush=True)


UNTIL_US = (time.time_ns() // 1000) // 86_400_000_000 * 86_400_000_000

if __name__ == "__main__":
    octet, binary, work, *sizes = sys.argv[1:]
    work = os.path.abspath(work)
    os.makedirs(work, exist_ok=True)
    if not sizes:
        ingest_beside_copy(octet, binary, work)
    for n in sizes:
        grow(octet, binary, work, int(n))
