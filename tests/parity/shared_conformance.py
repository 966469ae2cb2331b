#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Operator vectors and whole models of the shared folder: never fewer than recorded here, with both
kernel choices. Raise the numbers when operators are added.

Usage: shared_conformance.py OCTET_CONFORMANCE SHARED_FOLDER
"""
import re
import subprocess
import sys

conformance, shared = sys.argv[1:3]
LEAST = {"conformance/ops": 2787, "zoo/models": 108}


def main():
    failed = 0
    for folder, least in LEAST.items():
        for kernels in ("reference", "fast"):
            result = subprocess.run([conformance, "--kernels", kernels, f"{shared}/{folder}"], capture_output=True, text=True, check=False)
            match = re.search(r"^(\d+) passed, (\d+) failed$", result.stdout, re.M)
            passed = int(match[1]) if match else 0
            failed += passed < least
            print(f"{'ok     ' if passed >= least else 'FAILED '} {folder}, {kernels}: {passed} agree, at least {least} must")
    print(f"{2 * len(LEAST) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
