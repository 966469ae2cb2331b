# SPDX-License-Identifier: Apache-2.0
"""org.octet.telemetry from Java, and what lies in the spool after it.

Usage: telemetry_java.py OCTET_TELEMETRY.jar WORK_FOLDER
"""
import contextlib
import json
import pathlib
import shutil
import sqlite3
import subprocess
import sys


def main():
    jar, work = sys.argv[1], pathlib.Path(sys.argv[2])
    if not shutil.which("javac") or not pathlib.Path(jar).exists():
        print("skipped: no JDK here (Debian: openjdk-17-jdk-headless)")
        return 77
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for name in ("telemetry.json", "telemetry.json.timed"):
        config = {"endpoint": "http://127.0.0.1:9/v1/telemetry", "token": "t", "salt": "0123456789abcdef", "identity": "here", "spool": str(work / f"{name}.db")}
        (work / name).write_text(json.dumps(config))
    source = pathlib.Path(__file__).parent / "TelemetryTest.java"
    subprocess.run(["javac", "-Xlint:all,-processing", "-Werror", "-cp", jar, "-d", work, source], check=True)
    subprocess.run(["java", "-Xcheck:jni", "-Xmx64m", "-cp", f"{jar}:{work}", "TelemetryTest", work / "telemetry.json"], check=True)
    with contextlib.closing(sqlite3.connect(work / "telemetry.json.db")) as db:
        lines = [json.loads(line) for (line,) in db.execute("SELECT line FROM records ORDER BY id")]
    r = lines[0]
    assert r["key"]["model"] == "détecteur" and r["key"]["threads"] == 2 and r["key"]["delegated"] == 60 and r["gauge"]["arena_kb"] == 1024, r
    assert r["count"] == {"ok": 200, "shadow_mismatch": 1} and r["errors"] == {"invoke": 1} and r["fallback"] == [["RESIZE_BILINEAR", "type", 1]], r
    assert r["lat"]["total"][3:7] == [200, 200 * 1010, 1010, 1010] and r["lat"]["load"][3] == 1 and r["ops"]["CONV_2D"][4] == 700 and r["seq"] == 1, r
    assert all("AFTER" not in x.get("ops", {}) for x in lines), lines
    return 0


if __name__ == "__main__":
    sys.exit(main())
