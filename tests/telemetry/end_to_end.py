#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole way: real devices, the real collector, a real PostgreSQL; everything is killed at random. One device uploads
straight into the database.

Usage: end_to_end.py OCTET OCTET_TELEMETRY_DEVICE WORK_FOLDER [KILLS]

Devices are killed, the collector is killed, PostgreSQL is stopped as by a power cut. In the end, for every device: rows in
the database = records committed to the spool - records counted as dropped, and no boot has a gap.
"""
import json
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fleet"))
from postgres import Postgres, binaries, free_port  # noqa: E402

DEVICES = 3


class Fleet:
    def __init__(self, octet, program, folder, pg, kills):
        self.octet, self.program, self.folder, self.pg, self.kills = octet, program, folder, pg, kills
        self.random, self.port, self.collector = random.Random(1), free_port(), None
        pg.query("CREATE DATABASE fleet", database="postgres")
        self.fleet("init")
        self.configs = [self.add_device(i) for i in range(DEVICES)]

    def fleet(self, *words):
        return subprocess.run([self.octet, "fleet", *words, "--database", self.pg.url()], check=True, capture_output=True, text=True).stdout

    def add_device(self, i):
        folder = self.folder / f"device{i}"
        folder.mkdir(parents=True)
        config = {"endpoint": f"http://127.0.0.1:{self.port}/v1/telemetry", "token": "unknown", "salt": "0123456789abcdef", "identity": f"device {i}", "spool": str(folder / "spool.db")}
        (folder / "telemetry.json").write_text(json.dumps(config))
        name = subprocess.run([self.program, "--id", folder / "telemetry.json"], check=True, capture_output=True, text=True).stdout.strip()
        if i == DEVICES - 1:  # One goes straight into the database.
            self.pg.query("CREATE ROLE gateway LOGIN")
            self.fleet("token", name, "--role", "gateway")
            config["endpoint"] = self.pg.url(user="gateway") + "?sslmode=disable"
        else:
            config["token"] = self.fleet("token", name).strip()
        (folder / "telemetry.json").write_text(json.dumps(config))
        return folder / "telemetry.json"

    def device(self, i, window_ms=15, rate=400):
        return subprocess.Popen([self.program, self.configs[i], str(window_ms), str(rate)], stderr=(self.configs[i].parent / "log").open("a"))

    def start_collector(self):
        self.collector = subprocess.Popen([self.octet, "fleet", "ingest", "--database", self.pg.url(user="octet_ingest"), "--port", str(self.port)], stdout=subprocess.DEVNULL, stderr=(self.folder / "collector.log").open("a"))

    def mischief(self):
        what = self.random.randrange(6)
        if what == 0:
            self.collector.kill()
            self.collector.wait()
            time.sleep(self.random.uniform(0, 0.3))
            self.start_collector()
        elif what == 1:
            self.pg.stop("immediate")
            time.sleep(self.random.uniform(0, 0.3))
            self.pg.start()

    def run(self):
        self.start_collector()
        processes = [self.device(i) for i in range(DEVICES)]
        for k in range(self.kills):
            time.sleep(self.random.uniform(0.02, 0.3))
            i = self.random.randrange(DEVICES)
            processes[i].kill()
            processes[i].wait()
            processes[i] = self.device(i)
            if k % 5 == 4:
                self.mischief()
        time.sleep(1)  # The last one has just been started: it must be far enough to hear a signal.
        for p in processes:
            p.send_signal(signal.SIGTERM)
        codes = [p.wait(60) for p in processes]
        assert codes == [0] * DEVICES, codes

    def drain(self):
        """Devices that record nothing more, until all spools are empty."""
        processes = [self.device(i, 100_000_000, 1) for i in range(DEVICES)]
        sql = "SELECT d.rows, s.committed - s.dropped_bytes - s.dropped_age - s.dropped_rejected, s.committed FROM fleet.device d JOIN fleet.spool s ON s.device_id = d.id"
        end = time.monotonic() + 120
        while time.monotonic() < end:
            time.sleep(0.5)
            rows = [list(map(int, r)) for r in self.pg.query(sql)]
            if len(rows) == DEVICES and all(have == want for have, want, _ in rows):
                break
        for p in processes:
            p.kill()
            p.wait()
        self.collector.terminate()
        assert self.collector.wait(30) == 0
        return rows

    def check(self, rows):
        assert len(rows) == DEVICES and all(have == want for have, want, _ in rows), rows
        assert sum(committed for _, _, committed in rows) > self.kills
        counted = int(self.pg.one("SELECT count(*) FROM fleet.record"))
        assert counted == sum(have for have, _, _ in rows), (counted, rows)
        assert self.pg.one("SELECT count(*) FROM (SELECT device_id, boot, seq FROM fleet.record GROUP BY 1, 2, 3 HAVING count(*) > 1) twice") == "0"
        assert self.pg.one("SELECT count(*) FROM fleet.boot WHERE rows <> max_seq") == "0", "a boot has a gap"
        print(f"{self.kills} kills of {DEVICES} devices: {counted} records, each once, none missing")


def main():
    octet, program, work = sys.argv[1:4]
    if not binaries():
        print("skipped: no PostgreSQL server here (Debian: postgresql-15)")
        return 77
    folder = pathlib.Path(work).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Postgres(folder / "pg") as pg:
        fleet = Fleet(octet, program, folder, pg, int(sys.argv[4]) if len(sys.argv) > 4 else 60)
        try:
            fleet.run()
            fleet.check(fleet.drain())
        finally:
            if fleet.collector and fleet.collector.poll() is None:
                fleet.collector.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
