#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the machine code of 8-bit products: do their inner loops keep all sums in registers?

  spills.py OBJDUMP OBJECT...

A loop that spills computes the same numbers at half the speed, and no machine at hand need have its instructions to show it (AVX-VNNI
once spilled eleven of twelve sums in every step, unnoticed). So the object files are asked. An inner loop ends in a jump back and has no
other such jump inside; it is a product's where it has one of PRODUCTS; it spills where it stores a vector register on the stack. Reading
there what no round changes is no spill. Exits with 1 where a loop spills or a file has no loop of products, with 77 without OBJDUMP.
"""
import os
import re
import shutil
import subprocess
import sys

PRODUCTS = re.compile(r"(\{vex\} )?(vpdpbusd|vpmaddwd|tdpbusd)\b|([su]dot|u?s?mmla|[su]mlal2?)\b")
INSTRUCTION = re.compile(r"\s*([0-9a-f]+):\s+(.*)")
FUNCTION = re.compile(r"[0-9a-f]+ <(.*)>:$")
JUMP = re.compile(r"(?:j[a-z]+|b(?:\.[a-z]+)?|cbn?z|tbn?z)\s+(?:.*,\s*)?(?:0x)?([0-9a-f]+)\s+<")
STORE = re.compile(r"v?mov\w+\s+%[xyz]mm\d+,.*\((%rsp|%rbp)|st[rp]\s+q\d+,.*\[(sp|x29)\b")
KEEPS_FRAME = re.compile(r"mov\s+%rsp,\s*%rbp|mov\s+x29, sp")
# A round of theirs is a whole pixel, rescaling included, and hands columns on to the next one where registers are short.
EXCEPTED = re.compile(r"\bThreeColumns<")


def functions(objdump, path):
    """Yields the name and the instructions (address, text) of each function."""
    listing = subprocess.run([objdump, "-dC", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
    name, lines = "", []
    for line in listing.splitlines():
        if start := FUNCTION.match(line):
            yield name, lines
            name, lines = start.group(1), []
        elif found := INSTRUCTION.match(line):
            lines.append((int(found.group(1), 16), found.group(2)))
    yield name, lines


def inner_loops(lines):
    """The loops of a function that have no other loop inside, as lists of instructions."""
    place = {address: i for i, (address, _) in enumerate(lines)}
    loops = []
    for end, (_, text) in enumerate(lines):
        jump = JUMP.match(text)
        begin = place.get(int(jump.group(1), 16), end + 1) if jump else end + 1
        if begin <= end:
            loops.append((begin, end))
    for begin, end in loops:
        if not any(begin <= b and e <= end for b, e in loops if (b, e) != (begin, end)):
            yield [text for _, text in lines[begin:end + 1]]


def spills(loop, keeps_frame):
    """The loop's stores of vectors on the stack. Where %rbp or x29 is no frame pointer, it is any other register."""
    stores = [(text, STORE.match(text)) for text in loop]
    return [text for text, found in stores if found and (keeps_frame or (found.group(1) or found.group(2)) in ("%rsp", "sp"))]


def judge(objdump, path):
    """What is wrong with an object file, in lines."""
    wrong, loops = [], 0
    for name, lines in functions(objdump, path):
        keeps_frame = any(KEEPS_FRAME.match(text) for _, text in lines)
        for loop in inner_loops(lines):
            products = sum(bool(PRODUCTS.match(text)) for text in loop)
            if not products or EXCEPTED.search(name):
                continue
            loops += 1
            if found := spills(loop, keeps_frame):
                wrong.append(f"{name} spills in a loop of {products} products: {'; '.join(found)}. Fewer rows or panels a step keep the sums in registers")
    print(f"{os.path.basename(path)}: {loops} loops of products")
    return wrong or ([] if loops else ["no loop of products found: are the instructions' names in PRODUCTS?"])


def main():
    objdump, objects = sys.argv[1], sys.argv[2:]
    if not shutil.which(objdump):
        print(f"skipped: no {objdump} (Debian: apt-get install binutils)")
        return 77
    wrong = [f"{path}: {line}" for path in objects for line in judge(objdump, path)]
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
