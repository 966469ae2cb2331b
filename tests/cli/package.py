#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""octet package --list: the operators of several models, once each, with their types; and what it says when it cannot build.

Usage: package.py OCTET REPOSITORY WORK_FOLDER       (building the library itself is tests/package/install.py's, it takes minutes)
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

OCTET, REPOSITORY, WORK = (pathlib.Path(a) for a in sys.argv[1:4])


def run(*arguments, code=0, **options):
    done = subprocess.run([OCTET, *arguments], capture_output=True, text=True, check=False, **options)
    if done.returncode != code:
        sys.exit(f"FAILED: octet {arguments}: exit {done.returncode}, expected {code}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def main():
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    models = []
    for name in ("ADD", "CONV_2D"):
        models.append(WORK / f"{name}.tflite")
        shutil.copy(REPOSITORY / f"tests/ops/vectors/{name}/0.tflite", models[-1])
        models[-1].chmod(0o444)
    out = WORK / "out"
    for _ in range(2):  # Over what is there, too.
        report = json.loads(run("package", *models, "-o", out, "--list", "--json"))
    names = [op["name"] for op in report["operators"]]
    assert "add" in names and "conv_2d" in names and names == sorted(set(names)), names
    lines = (out / "ops.txt").read_text().splitlines()
    assert lines[0].startswith("#") and any(line.startswith("conv_2d: ") for line in lines), lines
    for model in models:
        assert (out / model.name).read_bytes() == model.read_bytes()
    run("package", out / models[0].name, "-o", out, "--list")  # In place.
    assert (out / models[0].name).read_bytes() == models[0].read_bytes()
    (WORK / "other").mkdir()
    shutil.copy(models[1], WORK / "other" / models[0].name)
    assert "another model has that file name" in run("package", models[0], WORK / "other" / models[0].name, "-o", WORK / "both", "--list", code=2)
    assert not (WORK / "both").exists()
    (WORK / "none.tflite").write_bytes(b"garbage")
    assert "none.tflite" in run("package", WORK / "none.tflite", "-o", out, code=2)
    # No build program on PATH: said with its name, not silently left out.
    assert "cmake" in run("package", *models, "-o", out, code=2, env={**os.environ, "PATH": "/nowhere"})
    print("octet package: all checks passed")


if __name__ == "__main__":
    main()
