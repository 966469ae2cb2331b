#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the table of src/importers/savedmodel/known_ops.cc with TensorFlow's own registry of ops: operands and results
with their types.

Usage: scripts/check_known_ops.py        (needs a Python with tensorflow)
"""
import pathlib
import re
import sys

from tensorflow.python.framework import op_def_registry

FILE = pathlib.Path(__file__).resolve().parent.parent / "src/importers/savedmodel/known_ops.cc"


def spelled(arguments):
    return ",".join((f"{a.number_attr}*" if a.number_attr else "") + (a.type_attr or (f"{a.type_list_attr}+" if a.type_list_attr else str(a.type)))
                    for a in arguments)


def main():
    wrong = 0
    rows = re.findall(r'^    \{"(\w+)", "([^"]*)", "([^"]*)", "[^"]*"\},', FILE.read_text(), re.M)
    for name, inputs, outputs in rows:
        op = op_def_registry.get(name)
        found = (spelled(op.input_arg), spelled(op.output_arg)) if op else ("no such op", "")
        if found != (inputs, outputs):
            wrong += 1
            print(f"{name}: the table has {inputs} -> {outputs}, TensorFlow {' -> '.join(found)}")
    print(f"{len(rows)} ops, {wrong} of them wrong")
    return 1 if wrong or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
