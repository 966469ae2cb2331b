# SPDX-License-Identifier: Apache-2.0
"""What the tests of the octet command share: its arguments, running it, and a count of what held.

A test is called as NAME.py OCTET SOURCE_FOLDER WORK_FOLDER and ends with `sys.exit(finish())`.
"""
import pathlib
import subprocess
import sys

octet, source, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
sys.path.insert(0, str(source / "scripts"))  # demo_data.npy
held, failed = [], []


def run(*args):
    return subprocess.run([octet, *map(str, args)], capture_output=True, text=True, errors="replace", check=False)


def expect(what, condition):
    print(("ok      " if condition else "FAILED  ") + what)
    (held if condition else failed).append(what)


def finish(left_out=""):
    """Prints the counts, and what was not checked; the exit code."""
    print(f"{len(held)} passed, {len(failed)} failed" + (f"; left out: {left_out}" if left_out else ""))
    return bool(failed)
