#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds examples/custom_delegate out of tree with plain CMake, and runs models with it.

Usage: custom_delegate.py OCTET OCTET_TESTS REPOSITORY WORK_FOLDER
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

octet, tests, repository, work = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])
shutil.rmtree(work, ignore_errors=True)
example = work / "custom_delegate"
shutil.copytree(repository / "examples/custom_delegate", example)  # A copy: nothing of octet's build is near.
subprocess.run(["cmake", "-S", example, "-B", work / "build", f"-DOCTET_INCLUDE={repository.resolve() / 'include'}"], check=True, stdout=subprocess.DEVNULL)
subprocess.run(["cmake", "--build", work / "build"], check=True, stdout=subprocess.DEVNULL)
library = str((work / "build/libexample_delegate.so").resolve())
result = subprocess.run([tests, "--gtest_filter=CustomDelegate.*"], env={**os.environ, "OCTET_EXAMPLE_DELEGATE": library}, capture_output=True, text=True)
print(result.stdout[-2000:], result.stderr[-500:])
assert result.returncode == 0 and "SKIPPED" not in result.stdout


def bench(*flags):
    model = repository / "tests/ops/vectors/ADD/0.tflite"
    return subprocess.run([octet, "bench", model, "--runs", "2", *flags], capture_output=True, text=True)


told = json.loads(bench("--json", "--delegate", library).stdout)["delegates"]
assert [d["name"] for d in told] == ["example", "cpu"], told
for d in told:
    assert set(d) >= {"name", "nodes", "total_nodes", "mac_share", "partitions", "copies", "reasons", "failures"}, d
assert told[0]["nodes"] + told[1]["nodes"] == told[0]["total_nodes"] == 1, told
wrong = bench("--delegate", library + ";only=sub")
assert wrong.returncode == 3 and "expected only=add or only=mul" in wrong.stderr, wrong
strict = bench("--delegate", library + ";only=mul", "--require-delegate", "95%")
assert strict.returncode == 1 and "0.0%" in strict.stderr and "switched off by the option" in strict.stderr, strict
for flags, told in ((("--deny", "add"), False), (("--deny", "ad"), True), (("--deny", "#7"), True)):
    assert ("kept nothing from a delegate" in bench("--delegate", library, *flags).stderr) is told, flags
assert bench("--delegate", "nosuch").returncode == 2
assert bench("--delegate", "/nowhere/libnothing.so").returncode == 2
assert bench("--require-delegate", "lots").returncode == 2
