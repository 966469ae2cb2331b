#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The central side against a real PostgreSQL: migrations, uploads under retries and restarts, hostile lines, partitions, quantiles, roles.

Usage: fleet.py OCTET LOAD WORK [NAME...]
"""
import gzip
import http.client
import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from postgres import Postgres, binaries  # noqa: E402

DEVICE = "9f86d081884c7d65"
DAY = 86_400_000_000


START_US = time.time_ns() // 1000 - 60_000_000  # One for all: a record that is made again is the same record.


def now_us():
    return time.time_ns() // 1000


def histogram(values, scale=5):
    """docs/telemetry.md, Histograms."""
    index = [math.ceil(math.log2(v) * 2**scale) - 1 for v in values if v > 0]
    counts = []
    if index:
        counts = [0] * (max(index) - min(index) + 1)
        for i in index:
            counts[i - min(index)] += 1
    return [scale, min(index) if index else 0, sum(v == 0 for v in values), len(values), sum(values), min(values), max(values), *counts]


def record(seq, at=None, device=DEVICE, boot="5feceb66ffc86f38", **fields):
    at = at or START_US
    line = {"v": 1, "device": device, "boot": boot, "seq": seq, "start_us": at, "end_us": at + 60_000_000, "mono_us": 1,
            "hardware": {"model": "pi", "mem_mb": 1024}, "key": {"model": "m", "version": "1", "delegate": "cpu", "threads": 2, "thermal": 0},
            "lat": {"invoke": histogram([1_000_000, 2_000_000, 3_000_000])}, "count": {"ok": 3}}
    line.update(fields)
    return line


def lines(*records):
    return "".join(json.dumps(r, separators=(",", ":")) + "\n" for r in records).encode()


class Ingest:
    def __init__(self, octet, pg):
        self.process = subprocess.Popen([octet, "fleet", "ingest", "--database", pg.url(user="octet_ingest"), "--address", "127.0.0.1", "--port", "0"], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[-1])

    def post(self, token, body, **headers):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            c.request("POST", "/v1/telemetry", body, {"Authorization": f"Bearer {token}", **headers})
            r = c.getresponse()
            return r.status, json.loads(r.read() or b"{}"), r
        finally:
            c.close()

    def get(self, path):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        c.request("GET", path)
        r = c.getresponse()
        return r.status, r.read().decode()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


class Tests:
    def __init__(self, octet, load, pg):
        self.octet, self.load, self.pg = octet, load, pg

    def fresh(self):
        """An empty fleet, and a token of DEVICE."""
        self.pg.query("DROP DATABASE IF EXISTS fleet WITH (FORCE)", database="postgres")
        self.pg.query("CREATE DATABASE fleet", database="postgres")
        self.run("init")
        return self.run("token", DEVICE).strip()

    def run(self, *words, code=0):
        done = subprocess.run([self.octet, "fleet", *words, "--database", self.pg.url()], capture_output=True, text=True, check=False)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def test_migrations_twice(self):
        self.fresh()
        before = self.pg.query("SELECT version, name, made FROM fleet.migration ORDER BY 1")
        assert "migration" not in self.run("init").replace("the fleet's schema", "")
        assert self.pg.query("SELECT version, name, made FROM fleet.migration ORDER BY 1") == before and len(before) >= 7
        self.pg.query("UPDATE fleet.migration SET digest = 'another' WHERE version = 2")
        errors = self.run("init", code=3)
        assert "is not this octet's" in errors and "new database" in errors, errors
        errors = self.run("init", "extra", code=2)
        assert "unknown argument 'extra'" in errors, errors
        done = subprocess.run([self.octet, "fleet", "init", "--database", "postgresql://postgres@127.0.0.1:1/x"], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "--database" in done.stderr, done.stderr

    def test_identical_batches(self):
        token = self.fresh()
        ingest = Ingest(self.octet, self.pg)
        try:
            body = lines(*[record(i) for i in range(1, 101)])
            answers = []
            threads = [threading.Thread(target=lambda: answers.append(ingest.post(token, body))) for _ in range(8)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            good = [a for code, a, _ in answers if code == 200]
            busy = [r for code, _, r in answers if code == 429]
            assert len(good) + len(busy) == 8 and len(good) >= 2 and all(r.getheader("Retry-After") for r in busy), answers
            assert sum(a["accepted"] for a in good) == 100 and all(a["accepted"] + a["duplicate"] == 100 for a in good)
            assert ingest.post(token, gzip.compress(body), **{"Content-Encoding": "gzip"})[1]["duplicate"] == 100
            more = ingest.post(token, lines(*[record(i) for i in range(95, 111)]))[1]
            assert (more["accepted"], more["duplicate"]) == (10, 6), more
            assert self.pg.one("SELECT count(*) FROM fleet.record") == "110"
            assert self.pg.query("SELECT rows, max_seq FROM fleet.boot") == [["110", "110"]]
        finally:
            assert ingest.stop() == 0
        self.pg.query("SELECT fleet.roll_up()")
        assert self.pg.one("SELECT sum(ok) FROM fleet.latency_hour") == "330" == self.pg.one("SELECT sum(ok) FROM fleet.latency_day")

    def test_who_may(self):
        token = self.fresh()
        ingest = Ingest(self.octet, self.pg)
        try:
            assert ingest.post("nobody", lines(record(1)))[0] == 401
            code, answer, _ = ingest.post(token, lines(record(1, device="aaaaaaaaaaaaaaaa"), record(2)))
            assert code == 200 and answer["rejected"] == 1 and answer["accepted"] == 1 and answer["errors"][0]["line"] == 1, answer
            self.run("token", DEVICE, "--revoke")
            deadline = time.time() + 10
            while ingest.post(token, lines(record(3)))[0] != 401:
                assert time.time() < deadline, "a revoked token still works"
                time.sleep(0.2)
        finally:
            ingest.stop()
        for role, forbidden in [("octet_ingest", "SELECT count(*) FROM fleet.record"), ("octet_ingest", "INSERT INTO fleet.device (name) VALUES ('aaaaaaaaaaaaaaaa')"), ("octet_ingest", "CREATE TEMP TABLE staging (x int)"), ("octet_ingest", "UPDATE fleet.record SET ok = 0"), ("octet_ingest", "SELECT * FROM fleet.token"),
                                ("octet_reader", "SELECT * FROM fleet.token"), ("octet_reader", "DELETE FROM fleet.device"), ("octet_reader", "SET default_transaction_read_only = off; DELETE FROM fleet.record"),
                                ("octet_reader", "SELECT fleet.maintain()")]:
            try:
                self.pg.query(forbidden, user=role)
                raise AssertionError(f"{role} may {forbidden}")
            except RuntimeError:
                pass
        views = [r[0] for r in self.pg.query("SELECT viewname FROM pg_views WHERE schemaname = 'fleet'")]
        for view in views:
            self.pg.query(f"SELECT * FROM fleet.{view}", user="octet_reader")

    def test_hostile_lines(self):
        token = self.fresh()
        good = record(1)
        bad = [b"", b"{", b"[]", b"null", b"{}", b'{"v":1}', b"\xff\xfe", b'{"v":1,"a":' + b"[" * 5000, b"x" * 70000, json.dumps(good).encode() + b" x",
               json.dumps(good)[:-1].encode() + b',"seq":2}']
        hist = good["lat"]["invoke"]
        for change in [{"v": 2}, {"v": "1"}, {"device": 5}, {"boot": "xyz"}, {"boot": "5FECEB66FFC86F38"}, {"seq": 0}, {"seq": -1}, {"seq": 2**63}, {"seq": 1.5}, {"start_us": -1}, {"end_us": 0},
                       {"start_us": 10**18, "end_us": 10**18}, {"hardware": []}, {"hardware": {"model": "x" * 129}}, {"hardware": {"mem_mb": "many"}}, {"key": {"threads": 10**12}}, {"key": {"model": {"a": 1}}},
                       {"key": {"model": "\x00"}}, {"key": {f"k{i}": "" for i in range(40)}}, {"lat": {"invoke": []}}, {"lat": {"invoke": hist[:6]}}, {"lat": {"invoke": [*hist[:3], 4, *hist[4:]]}},
                       {"lat": {"invoke": [9, *hist[1:]]}}, {"lat": {"invoke": [*hist, -1, 1]}}, {"lat": {"invoke": hist[:7] + [0] * 161}}, {"lat": {"invoke": [*hist[:5], 9, 1, *hist[7:]]}},
                       {"lat": {"invoke": [str(x) for x in hist]}}, {"lat": {"invoke": [5, 0, 0, 2**62, 1, 1, 1, 2**62, 2**62]}}, {"lat": {"invoke": [1e300] * 8}}, {"ops": {f"OP{i}": hist for i in range(65)}},
                       {"ops": {'A"B': hist}}, {"ops": {"A\\": hist}}, {"count": {"ok": -1}}, {"count": {"ok": 2**31}}, {"errors": {f"e{i}": 1 for i in range(17)}}, {"errors": {"e": 2e9}},
                       {"fallback": [["a", "b"]]}, {"fallback": [["a", "b", 1, 2]]}, {"fallback": {"a": 1}}, {"gauge": {"temp_c": 10**6}}, {"kind": "nonsense"},
                       {"kind": "status", "spool": "x", "committed": 1}, {"kind": "status", "spool": "0a1b2c3d4e5f6071", "committed": -5, "sent_us": 1},
                       {"kind": "status", "spool": "0a1b2c3d4e5f6071", "committed": 5}]:
            bad.append(json.dumps({**good, "seq": 7, **change}, ensure_ascii=False).encode())
        bad.append(json.dumps(good).replace('"model": "m"', '"model": "\\ud800"').encode())
        bad.append(json.dumps(good).replace('"threads": 2', '"thr\\u0065ads": "x"').encode())
        ingest = Ingest(self.octet, self.pg)
        try:
            for line in bad[1:]:
                code, answer, _ = ingest.post(token, line + b"\n")
                assert code == 200 and answer["rejected"] == 1 and answer["accepted"] == 0, (line[:200], code, answer)
            code, answer, _ = ingest.post(token, b"\n".join([lines(good).strip(), *bad, lines(record(2, key={"model": 'ß "q" \\ \t\n', "version": "1"})).strip()]))
            assert code == 200 and answer["accepted"] == 2 and answer["rejected"] == len(bad) - 1 and len(answer["errors"]) == 10, answer
            assert ingest.post(token, b"")[0] == 400 and ingest.post(token, b"x", **{"Content-Encoding": "gzip"})[0] == 400 and ingest.post(token, b"x", **{"Content-Encoding": "br"})[0] == 400
            assert ingest.post(token, gzip.compress(b"\n" * 9_000_000), **{"Content-Encoding": "gzip"})[0] == 413
            assert ingest.post(token, b"{}\n" * 5001)[0] == 413
            # Cardinality bomb: 256 new keys a day, then the lines are refused, the fleet goes on.
            bomb = [record(100 + i, key={"model": f"m{i}"}) for i in range(400)]
            answer = ingest.post(token, lines(*bomb))[1]
            assert 240 <= answer["accepted"] <= 256 and answer["accepted"] + answer["rejected"] == 400, answer
            assert int(self.pg.one("SELECT count(*) FROM fleet.series")) <= 260
            status, text = ingest.get("/metrics")
            assert status == 200 and "octet_ingest_rejected_total" in text and DEVICE not in text
        finally:
            assert ingest.stop() == 0
        self.pg.query("SELECT fleet.roll_up()")

    def test_database_restarts(self):
        """Uploads go on while the database dies and comes back; in the end every record is there once."""
        self.fresh()
        ingest = Ingest(self.octet, self.pg)
        try:
            play = subprocess.Popen([self.load, "--database", self.pg.url(), "--port", str(ingest.port), "--devices", "300", "--minutes", "60", "--batch-minutes", "5", "--inferences", "5", "--duplicates", "0.2",
                                     "--threads", "32"], stdout=subprocess.PIPE, text=True)
            time.sleep(3.5)
            saw_503 = 0
            for i in range(3):
                self.pg.stop("immediate" if i % 2 == 0 else "fast")
                deadline = time.time() + 5
                while time.time() < deadline and not saw_503:
                    status, _ = ingest.get("/ready")
                    saw_503 += status == 503
                    time.sleep(0.05)
                self.pg.start()
                time.sleep(0.7)
            out = json.loads(play.communicate(timeout=120)[0])
            assert play.returncode == 0 and saw_503, out
            assert int(self.pg.one("SELECT count(*) FROM fleet.record")) == out["records"] == 18000, out
            assert self.pg.one("SELECT count(*) FROM fleet.accounts WHERE missing <> 0") == "0"
            assert self.pg.one("SELECT count(*) FROM fleet.boot WHERE rows <> max_seq") == "0"
        finally:
            assert ingest.stop() == 0
        while int(self.pg.one("SELECT fleet.roll_up()")):
            pass
        assert self.pg.one("SELECT sum(ok) FROM fleet.latency_hour") == str(18000 * 5) == self.pg.one("SELECT sum(ok) FROM fleet.device_day")

    def login(self, role):
        """A database login of DEVICE."""
        self.pg.query(f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} LOGIN; END IF; END $$")
        self.run("token", DEVICE, "--role", role)

    def test_direct_upload(self):
        self.fresh()
        self.login("gw1")
        status = {"v": 1, "kind": "status", "device": DEVICE, "boot": "5feceb66ffc86f38", "spool": "0a1b2c3d4e5f6071", "sent_us": now_us(), "committed": 3, "dropped": {"age": 1}, "depth": 0, "bytes": 0,
                  "previous": {"boot": "6b86b273ff34fce1", "last_seq": 801, "clean": False}}
        body = [json.dumps(x) for x in (status, record(1, errors={"load": 1}, fallback=[["ADD", "type", 3]], ops={"ADD": histogram([5, 6])}), record(2), record(3, lat={"invoke": [1]}), record(4, device="aaaaaaaaaaaaaaaa"),
                                        record(5, at=now_us() - 400 * DAY))] + ["{"]
        quoted = ",".join("$q$" + line + "$q$" for line in body)
        assert self.pg.query(f"SELECT * FROM fleet.upload(ARRAY[{quoted}])", user="gw1") == [["2", "0", "3", "1"]]
        assert self.pg.query(f"SELECT * FROM fleet.upload(ARRAY[{quoted}])", user="gw1") == [["0", "2", "3", "1"]]
        assert self.pg.query("SELECT rows, committed, dropped, missing FROM fleet.accounts") == [["2", "3", "1", "0"]]
        assert self.pg.query("SELECT last_seq, clean FROM fleet.boot WHERE clean IS NOT NULL") == [["801", "f"]]
        for sql in ("SELECT * FROM fleet.device", "SELECT * FROM fleet.begin_batch(ARRAY[1], ARRAY[1], ARRAY[1], ARRAY[1], false)", "INSERT INTO fleet.record (device_id) VALUES (1)"):
            try:
                self.pg.query(sql, user="gw1")
                raise AssertionError(f"a device may {sql}")
            except RuntimeError:
                pass
        self.pg.query("SELECT fleet.roll_up()")
        assert self.pg.query("SELECT op, samples FROM fleet.operators") == [["ADD", "2"]]
        assert self.pg.query("SELECT op, reason, fallbacks FROM fleet.fallback") == [["ADD", "type", "3"]]
        assert self.pg.one(f"SELECT fleet.erase('{DEVICE}')") == "2" and self.pg.one("SELECT count(*) FROM fleet.device_day") == "0"

    def test_same_sums(self):
        """The collector sums records in memory, a direct upload in SQL: the same records give the same figures, hostile sums included."""
        rng = random.Random(9)

        def some(n):
            return [max(1, int(10 ** rng.uniform(2, 9)) if rng.random() < 0.1 else int(rng.lognormvariate(13, 0.4))) for _ in range(n)]

        sent = []
        for i in range(1, 121):
            lat = {stage: histogram([v * (rng.random() > 0.02) for v in some(rng.randint(1, 40))], rng.randint(0, 3)) for stage in rng.sample(["queue", "copy_in", "invoke", "copy_out", "total", "load", "first"], 4)}
            lat = {k: v for k, v in lat.items() if len(v) <= 167}
            if i > 40:
                lat["total"] = [5, 0, 0, 1, 10**18, 1, 1, 1]
            sent.append(record(i, at=START_US - i * 1_800_000_000, lat=lat, hardware={"model": f"pi{i % 3}"}, count={"ok": i, "deadline_miss": 1, "lost_frames": i % 4}, errors={"load": i % 3, "invoke": 1},
                               fallback=[["ADD", "type", i], ["MUL", "shape", 1]], ops={"ADD": histogram(some(5), 1), "CONV_2D": histogram([0, 0], 1)},
                               gauge={"rss_kb": 1000 + i, "limit_kb": 1050, "temp_c": i % 50} if i % 2 else {}))
        figures = {}
        for how in ("collector", "direct"):
            token = self.fresh()
            if how == "collector":
                ingest = Ingest(self.octet, self.pg)
                try:
                    assert ingest.post(token, lines(*sent))[1]["accepted"] == len(sent)
                finally:
                    ingest.stop()
            else:
                self.login("gw1")
                quoted = ",".join("$q$" + json.dumps(r) + "$q$" for r in sent)
                assert self.pg.query(f"SELECT * FROM fleet.upload(ARRAY[{quoted}])", user="gw1") == [[str(len(sent)), "0", "0", "0"]]
            while int(self.pg.one("SELECT fleet.roll_up()")):
                pass
            tables = {t: self.pg.query(f"SELECT h.model, t.* FROM (SELECT * FROM fleet.{t}) t JOIN fleet.hardware h ON h.id = t.hardware_id") for t in ("latency_hour", "latency_day", "operator_hour", "event_hour", "device_day")}
            figures[how] = {t: sorted(rows) for t, rows in tables.items()}
            assert self.pg.one("SELECT max(total[5]) FROM fleet.latency_day") == "9000000000000000000"  # Hostile: stays there.
        for t, rows in figures["collector"].items():
            assert rows and rows == figures["direct"][t], (t, [x for x in zip(rows, figures["direct"][t]) if x[0] != x[1]][:2])

    def test_partitions(self):
        token = self.fresh()
        self.pg.query("REVOKE EXECUTE ON FUNCTION fleet.maintain() FROM octet_ingest")  # The collector maintains when it starts: on a busy machine after the upload.
        ingest = Ingest(self.octet, self.pg)
        try:
            late = [record(i, at=now_us() - i * DAY) for i in range(1, 41)] + [record(100, at=now_us() + 300 * DAY)]
            answer = ingest.post(token, lines(*late))[1]
            assert answer["accepted"] + answer["expired"] == 41 and 9 <= answer["expired"] <= 11, answer
            waiting = int(self.pg.one("SELECT count(*) FROM fleet.record_default"))
            assert waiting > 20
            self.pg.query("SELECT fleet.maintain()")
            assert self.pg.one("SELECT count(*) FROM fleet.record_default") == "1"  # The one from the future.
            days = int(self.pg.one("SELECT count(*) FROM fleet.days('record')"))
            assert days >= waiting - 1 + 5
            again = ingest.post(token, lines(*late))[1]  # Now they meet their partitions: still duplicates.
            assert again["accepted"] == 0 and again["duplicate"] == answer["accepted"], again
            total = int(self.pg.one("SELECT count(*) FROM fleet.record"))
            self.pg.query("UPDATE fleet.setting SET value = 10 WHERE name = 'record_days'")
            dropped = self.pg.query("SELECT fleet.drop_old()")
            assert 18 <= len(dropped) <= 21 and int(self.pg.one("SELECT count(*) FROM fleet.record")) == total - len(dropped), (dropped, total)
            assert self.pg.one("SELECT min(at) >= fleet.day_start(fleet.oldest('record')) FROM fleet.record") == "t"
            plan = "\n".join(r[0] for r in self.pg.query("EXPLAIN SELECT * FROM fleet.record WHERE at >= now() - interval '1 hour' AND at < now()"))
            assert "Subplans Removed" in plan, plan
        finally:
            ingest.stop()

    def play(self, *options):
        done = subprocess.run([self.load, "--mode", "direct", "--database", self.pg.url(), *options], capture_output=True, text=True, check=True)
        while int(self.pg.one("SELECT fleet.roll_up()")):
            pass
        return json.loads(done.stdout)

    def report(self, code):
        done = subprocess.run([self.octet, "fleet", "report", "--json", "--database", self.pg.url(user="octet_reader")], capture_output=True, text=True, check=False)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def test_planted_bottleneck(self):
        """One hardware class is 30 % slower after a version: ranked first and judged regressed, with the operators as evidence; nothing else is."""
        self.fresh()
        self.play("--devices", "400", "--minutes", "60", "--slow-class", "pixel-6", "--slow-factor", "1.3", "--seed", "3")
        report = self.report(1)
        assert [(b["kind"], b["device_model"], b["model"], b["version"]) for b in report["bottlenecks"]] == [("regression", "pixel-6", "detector", "8")], report["bottlenecks"]
        first = report["bottlenecks"][0]
        assert first["operators"][0]["op"] == "CONV_2D" and 1.2 < first["operators"][0]["after_ms"] / first["operators"][0]["before_ms"] < 1.4 and first["since"] and first["lost_s"] > 0
        for v in report["rollouts"]:
            assert (v["verdict"] == "regressed") == (v["device_model"] == "pixel-6"), v
            if v["device_model"] == "pixel-6":
                assert 0.25 < v["p50_ms"]["low"] < 0.3 < v["p50_ms"]["high"] < 0.35, v
        page = os.path.join(os.path.dirname(self.pg.folder), "fleet.html")
        self.pg_report_page(page)
        assert self.pg.one("SELECT count(*) FROM fleet.accounts WHERE missing <> 0") == "0"

    def pg_report_page(self, page):
        subprocess.run([self.octet, "fleet", "report", "--html", page, "--database", self.pg.url(user="octet_reader")], capture_output=True, check=False)
        with open(page) as f:
            text = f.read()
        os.remove(page)
        assert "regressed: hold the rollout" in text and "http://" not in text.replace("http://www.w3.org", "") and "<script" not in text

    def test_no_bottleneck(self):
        """A fleet whose rollout changed nothing reports nothing, throttled and odd devices included."""
        self.fresh()
        for seed in ("21", "22"):
            self.play("--devices", "250", "--minutes", "50", "--seed", seed)
        report = self.report(0)
        assert report["bottlenecks"] == [] and all(v["verdict"] in ("ok", "unknown") for v in report["rollouts"]) and len(report["rollouts"]) == 8, report
        assert any(v["verdict"] == "ok" for v in report["rollouts"])

    def test_too_few_to_tell(self):
        self.fresh()
        self.play("--devices", "9", "--minutes", "50", "--slow-class", "raspberry-pi-4b", "--slow-factor", "3")
        assert all(v["verdict"] == "unknown" and "are needed" in v["reason"] for v in self.report(0)["rollouts"])

    def test_silent(self):
        self.fresh()
        self.play("--devices", "20", "--minutes", "10")
        self.pg.query("UPDATE fleet.device SET last_seen = now() - interval '30 hours' WHERE id = (SELECT min(id) FROM fleet.device WHERE rows > 0)")
        silent = [a for a in self.report(0)["attention"] if a["why"] == "silent"]
        assert len(silent) == 1 and 29.9 < silent[0]["value"] < 30.1, silent

    def test_quantiles(self):
        """hist_merge and hist_quantile against the exact quantiles of all values: within half a bucket of the merged scale, ends exact."""
        self.fresh()
        rng = random.Random(5)
        for case in range(40):
            parts, values = [], []
            for _ in range(rng.randint(1, 12)):
                shape, center = rng.random() * 2.5, 10 ** rng.uniform(2, 8)
                part = [int(center * math.exp(rng.gauss(0, shape))) for _ in range(rng.randint(1, 60))]
                if case % 5 == 0:
                    part += [0] * rng.randint(0, 5)
                scale = rng.randint(2, 5)
                h = histogram(part, scale)
                while len(h) > 167:
                    scale -= 1
                    h = histogram(part, scale)
                parts.append(h)
                values += part
            values.sort()
            array = ",".join(f"('{{{','.join(map(str, h))}}}'::bigint[])" for h in parts)
            qs = [0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1]
            wanted = ", ".join(f"fleet.hist_quantile(m, {q})" for q in qs)
            row = self.pg.query(f"SELECT m[1], m[3], m[4], m[5], m[6], m[7], (SELECT sum(c) FROM unnest(m[8:]) c), cardinality(m), {wanted} FROM (SELECT fleet.hist_merge(h) AS m FROM (VALUES {array}) x(h)) y")[0]
            scale, zero, count, total, least, most, inside, size = (int(x or 0) for x in row[:8])
            assert (zero, count, total, least, most) == (values.count(0), len(values), sum(values), values[0], values[-1]), (case, row)
            assert inside + zero == count and size <= 327
            for q, got in zip(qs, map(float, row[8:])):
                exact = values[max(1, math.ceil(q * count - 1e-9)) - 1]
                error = 2 ** (1 / 2**scale)
                assert got == exact == 0 or exact / error * 0.999 <= got <= exact * error * 1.001, (case, q, exact, got, scale)
            assert float(row[8]) == values[0] and float(row[-1]) == values[-1]


def main():
    octet, load, work, *names = sys.argv[1:]
    if not binaries():
        print("skipped: no PostgreSQL server here (Debian: postgresql-15)")
        return 77
    failed = 0
    with Postgres(work) as pg:
        tests = Tests(octet, load, pg)
        for name in names or [n for n in dir(Tests) if n.startswith("test_")]:
            start = time.monotonic()
            try:
                getattr(tests, name)()
                print(f"passed {name} {time.monotonic() - start:.1f} s", flush=True)
            except Exception as e:  # noqa: BLE001: one failed test does not hide the others.
                failed += 1
                import traceback
                traceback.print_exc()
                print(f"FAILED {name}: {e}", flush=True)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
