#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds examples/custom_op out of tree with plain CMake and runs a model with its operator.

Usage: custom_op.py OCTET_TESTS REPOSITORY WORK_FOLDER
"""
import os
import pathlib
import shutil
import subprocess
import sys

tests, repository, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
shutil.rmtree(work, ignore_errors=True)
example = work / "custom_op"
shutil.copytree(repository / "examples/custom_op", example)  # A copy: nothing of octet's build is near.
subprocess.run(["cmake", "-S", example, "-B", work / "build", f"-DOCTET_INCLUDE={repository.resolve() / 'include'}"], check=True, stdout=subprocess.DEVNULL)
subprocess.run(["cmake", "--build", work / "build"], check=True, stdout=subprocess.DEVNULL)
library = work / "build/libscale_op.so"
result = subprocess.run([tests, "--gtest_filter=CustomOps.*"], env={**os.environ, "OCTET_EXAMPLE_OPS": str(library.resolve())}, capture_output=True, text=True)
print(result.stdout[-2000:], result.stderr[-500:])
sys.exit(result.returncode or "SKIPPED" in result.stdout)
