#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Devices killed at random moments, a collector that fails in every way, a full disk: the count stays exact.

Usage: faults.py OCTET_TELEMETRY_DEVICE WORK_FOLDER [KILLS]

For each device: rows at the collector = records committed - records counted as dropped, once the spool is empty; and of
every process but the last, the rows numbered 1..n hold no gap but what was dropped.
"""
import gzip
import http.server
import json
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time


class Collector(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, seed):
        self.rows, self.duplicates, self.status, self.calm, self.away, self.answers = {}, 0, {}, False, False, {}
        self.random, self.lock = random.Random(seed), threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # A device that was killed hears no answer.
            super().handle_error(request, address)

    def keep(self, lines):
        fresh = 0
        with self.lock:
            for line in lines:
                record = json.loads(line)
                if record.get("kind") == "status":
                    self.status[record["device"]] = record
                    continue
                key = (record["device"], record["boot"], record["seq"])
                if key in self.rows:
                    assert self.rows[key] == line, "a retry sent other bytes"
                    self.duplicates += 1
                else:
                    self.rows[key] = line
                    fresh += 1
        return fresh


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body=b"{}", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        s = self.server
        assert self.headers["Authorization"] == "Bearer a-token-of-this-device"
        text = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"]))).decode()
        lines = text.splitlines()
        how = "503" if s.away else "ok" if s.calm else s.random.choice(["ok", "ok", "ok", "cut before", "cut after", "500", "429", "503", "413", "400"])
        s.answers[how] = s.answers.get(how, 0) + 1
        if how == "cut before":
            self.connection.close()
        elif how == "cut after":
            s.keep(lines)
            self.connection.close()
        elif how in ("429", "503"):
            s.keep(lines[:1])  # The status.
            self.answer(int(how), headers=[("Retry-After", "0")])
        elif how in ("413", "400") and len(lines) < 3:
            self.answer(500)  # Would be counted as rejected, and is; here all must arrive.
        elif how != "ok":
            self.answer(int(how))
        else:
            accepted = s.keep(lines)
            self.answer(200, json.dumps({"accepted": accepted, "duplicate": len(lines) - 1 - accepted, "rejected": 0, "expired": 0}).encode())


class Device:
    def __init__(self, program, folder, name, port, spool_mb=64):
        self.program, self.folder = program, folder / name
        if not self.folder.is_mount():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
        self.config = self.folder / "telemetry.json"
        self.config.write_text(json.dumps({"endpoint": f"http://127.0.0.1:{port}/v1/telemetry", "token": "a-token-of-this-device", "salt": "0123456789abcdef", "identity": name, "spool": str(self.folder / "spool.db"), "spool_mb": spool_mb}))

    def start(self, limit_bytes=None):
        limit = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))) if limit_bytes else None
        return subprocess.Popen([self.program, self.config, "15", "400"], stderr=(self.folder / "log").open("a"), preexec_fn=limit)


def drain(device, collector, name):
    """Runs the device until its spool is empty and says so; returns its last status."""
    collector.calm = True
    process = device.start()
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    # The last process only uploads: it records into a window that never ends.
    process = subprocess.Popen([device.program, device.config, "100000000", "1"], stderr=(device.folder / "log").open("a"))
    end, equal = time.monotonic() + 60, 0
    while time.monotonic() < end and equal < 8:  # Looks in a row: an earlier status may agree by chance while rows are on their way.
        time.sleep(0.2)
        with collector.lock:
            status = next((s for s in collector.status.values()), None)
            equal = equal + 1 if status and len(collector.rows) == status["committed"] - sum(status["dropped"].values()) else 0
    process.kill()
    process.wait()
    return status


def check(device, collector, status):
    committed, dropped = status["committed"], sum(status["dropped"].values())
    assert len(collector.rows) == committed - dropped, f"{len(collector.rows)} rows, {committed} committed, {dropped} dropped"
    boots = {}
    for _, boot, seq in collector.rows:
        boots.setdefault(boot, []).append(seq)
    missing = sum(max(s) - len(s) for s in boots.values())
    assert missing <= dropped, f"{missing} numbers are missing, {dropped} were dropped"
    return committed, dropped, len(boots)


def killed(program, folder, kills):
    collector = Collector(1)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    device, rng = Device(program, folder, "killed", collector.server_address[1]), random.Random(2)
    for _ in range(kills):
        process = device.start()
        time.sleep(rng.uniform(0.02, 0.35))
        process.kill()
        process.wait()
    committed, dropped, boots = check(device, collector, drain(device, collector, "killed"))
    assert committed > kills and dropped == 0 and boots > kills // 4, (committed, dropped, boots)
    print(f"{kills} kills: {committed} records committed, all arrived, {collector.duplicates} came twice; answers {collector.answers}")
    collector.shutdown()


def full_disk(program, folder):
    """The file may not grow: records wait, or are dropped and counted."""
    collector = Collector(3)
    collector.calm = True
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    device = Device(program, folder, "full", collector.server_address[1], spool_mb=1)
    process = device.start()
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    process.wait()
    for limit in (30_000, 60_000, 8_000):
        process = device.start(limit)
        time.sleep(1.0)
        assert process.poll() is None, "a full disk ended the device"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    committed, dropped, _ = check(device, collector, drain(device, collector, "full"))
    log = (device.folder / "log").read_text()
    assert "full" in log or "disk I/O" in log or "cannot" in log, log
    print(f"full disk: {committed} records committed, {dropped} dropped, the rest arrived")
    collector.shutdown()


def small_disk(program, folder):
    """A disk of 6 MB that records fill: the oldest go and are counted, the newest arrive."""
    mount = folder / "small"
    mount.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", mount], capture_output=True).returncode:
        print("small disk: skipped, mounting a tmpfs needs root")
        return
    collector = Collector(4)
    collector.away = True
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    try:
        device = Device(program, folder, "small", collector.server_address[1])
        log = (folder / "small.log").open("w")
        process = subprocess.Popen([program, device.config, "2", "2000"], stderr=log)
        end = time.monotonic() + 120  # The status says what was dropped, also to a collector that is busy.
        while time.monotonic() < end and not any(sum(x["dropped"].values()) > 300 for x in collector.status.values()):
            time.sleep(0.2)
        assert process.poll() is None, "a full disk ended the device"
        process.kill()  # With the disk full.
        process.wait()
        process = subprocess.Popen([program, device.config, "2", "2000"], stderr=log)  # And begins on a full disk.
        time.sleep(2)
        collector.away = False
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        committed, dropped, boots = check(device, collector, drain(device, collector, "small"))
        last = {}
        for _, boot, seq in collector.rows:
            last.setdefault(boot, set()).add(seq)
        longest = max(last.values(), key=len)
        newest = max(longest)
        assert dropped > 100 and all(newest - i in longest for i in range(200)), (committed, dropped, sorted(longest)[-20:])
        print(f"small disk: {committed} records committed, the oldest {dropped} dropped and counted, the rest arrived")
    finally:
        collector.shutdown()
        subprocess.run(["umount", "-l", mount], check=False)


def locked_spool(program, folder):
    """Another process has the spool when the device starts: it tries again, and telemetry works once the other has gone."""
    collector = Collector(5)
    collector.calm = True
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    device = Device(program, folder, "locked", collector.server_address[1])
    first = device.start()
    time.sleep(1)
    second = device.start()
    time.sleep(3)
    assert second.poll() is None, "a locked spool ended the device"
    end = time.monotonic() + 40
    while time.monotonic() < end and not collector.rows:  # Else the second might bring the first's rows with its own.
        time.sleep(0.2)
    first.kill()
    first.wait()
    boots = len({boot for _, boot, _ in collector.rows})
    end = time.monotonic() + 40
    while time.monotonic() < end and len({boot for _, boot, _ in collector.rows}) == boots:
        time.sleep(0.2)
    assert len({boot for _, boot, _ in collector.rows}) == boots + 1, "the second never came to its spool"
    second.send_signal(signal.SIGTERM)
    assert second.wait(60) == 0
    assert "another process has it" in (device.folder / "log").read_text()
    committed, dropped, _ = check(device, collector, drain(device, collector, "locked"))
    print(f"locked spool: {committed} records committed, {dropped} dropped while it waited, the rest arrived")
    collector.shutdown()


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    killed(program, folder, int(sys.argv[3]) if len(sys.argv) > 3 else 40)
    full_disk(program, folder)
    small_disk(program, folder)
    locked_spool(program, folder)


if __name__ == "__main__":
    main()
