# SPDX-License-Identifier: Apache-2.0
"""octet.telemetry from Python, and what lies in the spool after it.

Usage: python_telemetry.py LIBOCTET_TELEMETRY PYTHON_SOURCES WORK_FOLDER
"""
import importlib.util
import json
import os
import pathlib
import shutil
import sqlite3
import sys
import threading


def main():
    os.environ["OCTET_TELEMETRY_LIBRARY"] = sys.argv[1]
    spec = importlib.util.spec_from_file_location("telemetry", pathlib.Path(sys.argv[2]) / "telemetry.py")
    telemetry = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(telemetry)
    work = pathlib.Path(sys.argv[3])
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    config = {"endpoint": "http://127.0.0.1:9/v1/telemetry", "token": "t", "salt": "0123456789abcdef", "identity": "here", "spool": str(work / "spool.db")}
    (work / "telemetry.json").write_text(json.dumps(config))
    with telemetry.Telemetry(work / "telemetry.json") as t:
        series = t.series("detector", "7", precision="int8", threads=2, arena_bytes=1 << 20)

        def record():
            for _ in range(50):
                series.inference(invoke=1000, queue=10)

        threads = [threading.Thread(target=record) for _ in range(4)]
        [x.start() for x in threads]
        [x.join() for x in threads]
        series.stage("load", 5)
        series.operator("CONV_2D", 700)
        series.error("invoke")
        series.count("shadow_mismatch")
        series.fallback("RESIZE_BILINEAR", "type")
        assert t.lost == 0
    series.inference(invoke=1)  # After close: nothing happens.
    lines = [json.loads(line) for (line,) in sqlite3.connect(work / "spool.db").execute("SELECT line FROM records ORDER BY id")]
    assert len(lines) == 1, lines
    r = lines[0]
    assert r["key"]["model"] == "detector" and r["key"]["threads"] == 2 and r["gauge"]["arena_kb"] == 1024
    assert r["count"] == {"ok": 200, "shadow_mismatch": 1} and r["errors"] == {"invoke": 1} and r["fallback"] == [["RESIZE_BILINEAR", "type", 1]]
    assert r["lat"]["total"][3:7] == [200, 200 * 1010, 1010, 1010] and r["ops"]["CONV_2D"][4] == 700 and r["seq"] == 1
    try:
        telemetry.Telemetry(work / "none.json")
        raise AssertionError("a configuration that is not there")
    except ValueError as e:
        assert "none.json" in str(e)


if __name__ == "__main__":
    main()
