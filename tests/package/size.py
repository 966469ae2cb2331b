#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Libraries do not grow unseen.

Usage: size.py LIBOCTET                         stripped, the library with every operator
       size.py OCTET MODEL.tflite WORK_FOLDER   the runtime that octet package builds for the keyword model (minutes)
"""
import pathlib
import subprocess
import sys
import tempfile

MOST_BYTES = {"library": 3_000_000, "runtime": 400_000}


def stripped_bytes(library):
    with tempfile.TemporaryDirectory() as folder:
        small = pathlib.Path(folder, "small.so")
        subprocess.run(["strip", "-o", small, library], check=True)
        return small.stat().st_size


def runtime_bytes(octet, model, work):
    if not pathlib.Path(model).exists():
        print(f"skipped: {model} is not there")
        sys.exit(77)
    subprocess.run([octet, "package", model, "--output", work], check=True, stdout=subprocess.DEVNULL)
    return pathlib.Path(work, "liboctet.so.0").stat().st_size


def main():
    what = "library" if len(sys.argv) == 2 else "runtime"
    size = stripped_bytes(sys.argv[1]) if what == "library" else runtime_bytes(*sys.argv[1:4])
    print(f"{what}: {size:,} bytes of at most {MOST_BYTES[what]:,}")
    return size > MOST_BYTES[what]


if __name__ == "__main__":
    sys.exit(main())
