#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docker/compose.yaml without a container engine: read by podman-compose's parser, then its services are played by hand, in its order, with its
commands, files and passwords, on a real PostgreSQL; an inference of the gateway arrives on the pages.

Usage: compose.py OCTET WORK MODEL.tflite PODMAN_COMPOSE
Not shown here: the networks, read-only roots and restarts that an engine makes; the image by itself is tested by scripts/container.sh.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from postgres import Postgres, binaries, free_port  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docker"


def parse(parser, work, models):
    """The file as the parser understands it. Its engine is never asked for more than its version."""
    stub = work / "bin"
    stub.mkdir()
    (stub / "podman").write_text("#!/bin/sh\necho podman version 4.3.1\n")
    (stub / "podman").chmod(0o755)
    command = [parser, "-f", FOLDER / "compose.yaml", "config"]
    environment = {**os.environ, "PATH": f"{stub}:{os.environ['PATH']}"}
    refused = subprocess.run(command, capture_output=True, text=True, env={k: v for k, v in environment.items() if k != "MODELS"})
    assert refused.returncode and "the folder with model.tflite" in refused.stderr, refused.stderr
    text = subprocess.run(command, capture_output=True, text=True, check=True, env={**environment, "MODELS": str(models)}).stdout
    python = pathlib.Path(parser).parent / "python"  # Brings its reader of YAML along.
    return json.loads(subprocess.run([python, "-c", "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"], input=text, capture_output=True, text=True, check=True).stdout)


def in_order(services):
    """Each after what it depends on."""
    done = []
    while len(done) < len(services):
        ready = [n for n, s in services.items() if n not in done and all(d in done for d in s.get("depends_on", {}))]
        assert ready, "services depend on each other"
        done += sorted(ready)
    return done


class Play:
    def __init__(self, octet, work, pg, config):
        self.pg, self.config, self.running = pg, config, []
        self.ports = {"8000": free_port(), "8088": free_port(), "8090": free_port()}
        self.places = {"/usr/bin/octet": octet, "@db/": f"@127.0.0.1:{pg.port}/", "/var/lib/octet": str(work / "spool"), "octet fleet token": f"{octet} fleet token"}
        (work / "spool").mkdir()
        for volume in config["services"]["gateway"]["volumes"]:
            source, target = volume.split(":")[:2]
            if target.startswith("/var"):
                continue
            source = pathlib.Path(source) if source.startswith("/") else FOLDER / source
            assert source.exists(), volume
            self.places[target] = str(source)
        telemetry = json.loads(pathlib.Path(self.places["/etc/octet/telemetry.json"]).read_text())
        telemetry["endpoint"] = telemetry["endpoint"].replace("collector:8088", f"127.0.0.1:{self.ports['8088']}")
        for key in ("spool", "token_file"):
            telemetry[key] = telemetry[key].replace("/var/lib/octet", str(work / "spool"))
        (work / "telemetry.json").write_text(json.dumps(telemetry))
        self.places["/etc/octet/telemetry.json"] = str(work / "telemetry.json")

    def words(self, service):
        entry = service.get("entrypoint") or ["/usr/bin/octet", "serve", "--address", "0.0.0.0", "--port", "8000"]  # The image's.
        words = []
        for word in [*entry, *service.get("command", [])]:
            for place, here in self.places.items():
                word = word.replace(place, here)
            words.append(str(self.ports.get(word, word)))
        return words

    def start(self, name):
        service = self.config["services"][name]
        waits_for_end = any(s.get("depends_on", {}).get(name, {}).get("condition") == "service_completed_successfully" for s in self.config["services"].values())
        if waits_for_end:
            subprocess.run(self.words(service), check=True, timeout=60)
        else:
            self.running.append(subprocess.Popen(self.words(service)))

    def get(self, port, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[port]}{path}", body)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

    def until(self, what, seconds=60):
        end = time.monotonic() + seconds
        while True:
            try:
                if found := what():
                    return found
            except OSError:
                pass
            assert time.monotonic() < end, "not within the time"
            time.sleep(0.2)


def play(play_, pg):
    services = play_.config["services"]
    database = services["db"]["environment"]
    pg.query(f"CREATE ROLE {database['POSTGRES_USER']} LOGIN SUPERUSER PASSWORD '{database['POSTGRES_PASSWORD']}'", database="postgres")  # What the image's start does.
    pg.query(f"CREATE DATABASE {database['POSTGRES_DB']} OWNER {database['POSTGRES_USER']}", database="postgres")
    pg.query((FOLDER / "roles.sql").read_text())
    pathlib.Path(pg.data, "pg_hba.conf").write_text("host all postgres 127.0.0.1/32 trust\nhost all all all scram-sha-256\n")
    pg.query("SELECT pg_reload_conf()")
    for name in in_order(services):
        if name != "db":
            play_.start(name)
    play_.until(lambda: play_.get("8000", "/v2/health/ready") is not None)
    body = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
    for _ in range(20):
        assert json.loads(play_.get("8000", "/v2/models/model/infer", json.dumps(body).encode()))["outputs"][0]["data"] == [2, 3, 4, 5]
    play_.until(lambda: "first-look" in play_.get("8090", "/api/distributions?model=model"))
    users = {r[0] for r in pg.query("SELECT DISTINCT usename FROM pg_stat_activity WHERE usename LIKE 'octet%'")}
    assert users == {"octet_ingest", "octet_reader"}, users


def main():
    octet, work, model, parser = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), sys.argv[3], sys.argv[4]
    if not binaries() or not os.path.exists(parser):
        print("skipped: no PostgreSQL server or no podman-compose here (python3 -m venv build/compose-venv; build/compose-venv/bin/pip install podman-compose)")
        return 77
    shutil.rmtree(work, ignore_errors=True)
    (work / "models").mkdir(parents=True)
    shutil.copy(model, work / "models" / "model.tflite")
    config = parse(parser, work, work / "models")
    with Postgres(str(work) + "-postgres") as pg:
        stage = Play(octet, work, pg, config)
        try:
            play(stage, pg)
        finally:
            for process in stage.running:
                process.send_signal(signal.SIGTERM)
            codes = [process.wait(40) for process in stage.running]
    assert codes == [0] * 3, codes
    print("compose: parsed; database, init, enrol, collector, pages and gateway played by its commands: inferences arrive on the pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
