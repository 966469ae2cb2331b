#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole way under faults: real device processes, the real collector, a real PostgreSQL, and a network between them that can be cut.

Usage: faults.py OCTET OCTET_TELEMETRY_DEVICE WORK [FAULTS [DEVICES]]

Devices are killed (-9), their disks fill, the network is cut, the collector is killed, the database is stopped as by a power cut. In the end, for every
device: rows in the database + rows counted as dropped = rows committed to its spool, exactly; and no number of any boot is missing.
"""
import contextlib
import hashlib
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from postgres import Postgres, binaries, free_port  # noqa: E402

SALT = "0123456789abcdef"


class Network:
    """Between devices and collector; cut() breaks what runs, in the middle of anything, and refuses what comes until mend()."""

    def __init__(self, to_port):
        self.to_port, self.cut_now, self.pairs, self.lock = to_port, False, set(), threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            try:
                if self.cut_now:
                    raise OSError
                server = socket.create_connection(("127.0.0.1", self.to_port), timeout=5)
            except OSError:
                client.close()
                continue
            with self.lock:
                self.pairs.add((client, server))
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(a, b, (client, server)), daemon=True).start()

    def _pump(self, a, b, pair):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        self._close(pair)

    def _close(self, pair):
        with self.lock:
            self.pairs.discard(pair)
        for s in pair:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def cut(self):
        self.cut_now = True
        for pair in list(self.pairs):
            self._close(pair)

    def mend(self):
        self.cut_now = False


class Collector:
    def __init__(self, octet, pg):
        self.command = [octet, "fleet", "ingest", "--database", pg.url(user="octet_ingest"), "--address", "127.0.0.1", "--port", str(free_port())]
        self.port = int(self.command[-1])
        self.process = None
        self.start()

    def start(self):
        """Waits until it listens; it does not start while the database is away."""
        end = time.time() + 60
        while time.time() < end:
            self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            if self.process.stdout.readline():
                return
            self.process.wait()
            time.sleep(0.2)
        raise RuntimeError("the collector does not start")

    def kill(self):
        self.process.kill()
        self.process.wait()


class Device:
    def __init__(self, program, folder, name, port, token):
        self.program, self.folder, self.process = program, folder / name, None
        self.folder.mkdir(parents=True)
        self.config = self.folder / "telemetry.json"
        self.config.write_text(json.dumps({"endpoint": f"http://127.0.0.1:{port}/v1/telemetry", "token": token, "salt": SALT, "identity": name, "spool": str(self.folder / "spool.db"), "spool_mb": 64}))

    @staticmethod
    def id(name):
        return hashlib.sha256(SALT.encode() + b"\0" + name.encode()).hexdigest()[:32]

    def start(self, window_ms=25, limit_bytes=None):
        limit = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))) if limit_bytes else None
        self.process = subprocess.Popen([self.program, self.config, str(window_ms), "200"], stdout=subprocess.DEVNULL, stderr=(self.folder / "log").open("a"), preexec_fn=limit)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) in (0, -signal.SIGTERM)  # The latter when it had not begun yet.

    def spool(self):
        """committed, dropped, waiting: what its own file says."""
        with contextlib.closing(sqlite3.connect(f"file:{self.folder / 'spool.db'}?mode=ro", uri=True)) as db:
            committed, dropped = db.execute("SELECT committed, dropped_bytes + dropped_age + dropped_rejected FROM state").fetchone()
            waiting = db.execute("SELECT count(*) FROM records").fetchone()[0]
        return committed, dropped, waiting


def play(octet, program, work, pg, faults, count):
    def fleet(*words):
        return subprocess.run([octet, "fleet", *words, "--database", pg.url()], capture_output=True, text=True, check=True).stdout.strip()

    pg.query("CREATE DATABASE fleet", database="postgres")
    fleet("init")
    names = [f"device-{i}" for i in range(count)]
    tokens = {name: fleet("token", Device.id(name)) for name in names}
    collector = Collector(octet, pg)
    network = Network(collector.port)
    devices = [Device(program, work, name, network.port, tokens[name]) for name in names]
    rng = random.Random(7)
    try:
        done = trouble(pg, collector, network, devices, faults, rng)
        due = {}
        for d, name in zip(devices, names):
            d.end()
            committed, dropped, _ = d.spool()
            due[Device.id(name)] = committed - dropped
            d.start(window_ms=100_000_000)  # Uploads what is left; its window never ends.
        return done, settle(pg, devices, names, due)
    finally:
        for d in devices:
            d.kill()
        collector.kill()


def trouble(pg, collector, network, devices, faults, rng):
    """As many faults, one after the other; how many of each kind."""
    done = {}
    for d in devices:
        d.start()
    for _ in range(faults):
        time.sleep(rng.uniform(0.01, 0.25))
        what = rng.choices(["device killed", "network cut", "collector killed", "disk full", "database stopped"], [70, 14, 6, 8, 2])[0]
        done[what] = done.get(what, 0) + 1
        d = rng.choice(devices)
        if what == "device killed":
            d.kill()
            d.start()
        elif what == "disk full":
            d.kill()
            d.start(limit_bytes=rng.choice([8_000, 60_000, 400_000]))
            time.sleep(0.3)
            d.kill()
            d.start()
        elif what == "network cut":
            network.cut()
            time.sleep(rng.uniform(0, 0.3))
            network.mend()
        elif what == "collector killed":
            collector.kill()
            collector.start()
        else:
            pg.stop("immediate")
            time.sleep(rng.uniform(0, 0.5))
            pg.start()
            if collector.process.poll() is not None:
                collector.start()
    return done


def settle(pg, devices, names, due):
    """Waits until what is due of each device has arrived and it has said so, then compares with its own file; the numbers of each device."""
    def arrived():
        rows = dict(pg.query("SELECT d.name, count(r.seq) FROM fleet.device d LEFT JOIN fleet.record r ON r.device_id = d.id GROUP BY d.name"))
        return all(int(rows.get(name, 0)) >= n for name, n in due.items()) and pg.one("SELECT count(*) FROM fleet.accounts WHERE missing = 0") == str(len(devices))

    end = time.time() + 180
    while time.time() < end and not arrived():
        time.sleep(0.5)
    time.sleep(1)  # The answer to the last upload is on its way; the device then forgets what it sent.
    for d in devices:
        d.kill()  # A running device keeps its spool locked.
    rows = dict(pg.query("SELECT d.name, count(r.seq) FROM fleet.device d LEFT JOIN fleet.record r ON r.device_id = d.id GROUP BY d.name"))
    kept = dict(pg.query("SELECT name, rows FROM fleet.device"))
    accounts = {}
    for d, name in zip(devices, names):
        committed, dropped, waiting = d.spool()
        n = int(rows[Device.id(name)])
        assert waiting == 0 and n + dropped == committed, f"{name}: {n} rows + {dropped} dropped, {committed} committed, {waiting} wait"
        assert n == int(kept[Device.id(name)]), f"{name}: {n} rows, {kept[Device.id(name)]} in the accounts"
        accounts[name] = (committed, dropped)
    dropped = sum(a[1] for a in accounts.values())
    gaps = int(pg.one("SELECT coalesce(sum(max_seq - rows), 0) FROM fleet.boot"))
    assert gaps <= dropped, f"{gaps} numbers are missing, {dropped} records were dropped"
    assert pg.one("SELECT count(*) FROM (SELECT device_id, boot, seq FROM fleet.record GROUP BY 1, 2, 3 HAVING count(*) > 1) x") == "0"
    return accounts


def main():
    octet, program, work = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    faults, count = int(sys.argv[4]) if len(sys.argv) > 4 else 40, int(sys.argv[5]) if len(sys.argv) > 5 else 4
    if not binaries():
        print("skipped: no PostgreSQL server here (Debian: postgresql-15)")
        return 77
    shutil.rmtree(work, ignore_errors=True)
    start = time.monotonic()
    with Postgres(str(work) + "-postgres") as pg:
        done, accounts = play(octet, program, work, pg, faults, count)
        boots = pg.one("SELECT count(*) FROM fleet.boot WHERE rows > 0")
        unclean = pg.one("SELECT count(*) FROM fleet.boot WHERE NOT clean")
    print(f"{faults} faults in {time.monotonic() - start:.0f} s: {done}; {count} devices, {boots} boots, {unclean} reported as killed; "
          f"{sum(a[0] for a in accounts.values())} records committed, {sum(a[1] for a in accounts.values())} dropped, all others in the database once")
    return 0


if __name__ == "__main__":
    sys.exit(main())
