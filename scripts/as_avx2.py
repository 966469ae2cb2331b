#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Other runtimes as they are on a core with AVX2 only, on a core that has more.

Usage: as_avx2.py SITE_PACKAGES DEST   (needs cc and objdump; make bench ISA=avx2)

None of them has a switch for it. Copies their packages to DEST and replaces each `cpuid` (0F A2) of their libraries by `ud2` (0F 0B),
which DEST/as_avx2.so, built from as_avx2.c, answers without AVX-512, VNNI and AMX. What they choose by it runs at full speed.
Then: PYTHONPATH=DEST LD_PRELOAD=DEST/as_avx2.so OCTET_ISA=avx2 python … (make bench does so).
"""
import glob
import os
import re
import shutil
import subprocess
import sys

PACKAGES = ("ai_edge_litert", "openvino", "onnxruntime", "MNN", "mnn.libs", "_mnncengine*.so", "_tools*.so")  # Folders and files, as glob has them.
CPUID, UD2 = b"\x0f\xa2", b"\x0f\x0b"


def load_segments(path):
    """(virtual address, file offset, bytes in the file) of each loaded segment."""
    lines = subprocess.run(["objdump", "-p", path], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"LOAD off\s+(0x\w+) vaddr (0x\w+).*\n\s+filesz (0x\w+)", lines)
    return [(int(vaddr, 16), int(offset, 16), int(size, 16)) for offset, vaddr, size in found]


def cpuid_addresses(path):
    with subprocess.Popen(["objdump", "-d", "--no-show-raw-insn", path], stdout=subprocess.PIPE, text=True) as objdump:
        return [int(line.split(":")[0], 16) for line in objdump.stdout if line.rstrip().endswith("\tcpuid")]


def replace_cpuid(path):
    """How many were replaced."""
    with open(path, "rb") as file:
        code = bytearray(file.read())
    if CPUID not in code:
        return 0
    segments = load_segments(path)
    addresses = cpuid_addresses(path)
    for address in addresses:
        at = next(address - vaddr + offset for vaddr, offset, size in segments if vaddr <= address < vaddr + size)
        if code[at : at + 2] != CPUID:
            sys.exit(f"octet: {path}: {address:#x}: expected cpuid, found {code[at:at + 2].hex()}")
        code[at : at + 2] = UD2
    with open(path, "wb") as file:
        file.write(code)
    return len(addresses)


def libraries_of(place):
    found = [place] if os.path.isfile(place) else [os.path.join(folder, file) for folder, _, files in os.walk(place) for file in files]
    return [file for file in found if re.search(r"\.so(\.\d+)*$", file)]


def main():
    site_packages, dest = sys.argv[1:]
    os.makedirs(dest, exist_ok=True)
    for source in (place for name in PACKAGES for place in glob.glob(os.path.join(site_packages, name))):
        copy = os.path.join(dest, os.path.basename(source))
        shutil.copytree(source, copy, dirs_exist_ok=True) if os.path.isdir(source) else shutil.copy(source, copy)
        for file in libraries_of(copy):
            count = replace_cpuid(file)
            if count:
                print(f"octet: {os.path.relpath(file, dest)}: {count} cpuid instructions replaced")
    here = os.path.dirname(os.path.abspath(__file__))
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", os.path.join(dest, "as_avx2.so"), os.path.join(here, "as_avx2.c")], check=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main()
