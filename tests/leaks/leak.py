#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cycles of create, run, close in Python leave memory flat. Usage: leak.py MODULE_FOLDER MODEL CYCLES"""
import os
import pathlib
import sys

import numpy as np

sys.path.insert(0, sys.argv[1])
import octet  # noqa: E402


def resident():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


def main():
    model, count = sys.argv[2], int(sys.argv[3])
    early = 0
    for i in range(count):
        it = octet.Interpreter(model_path=model)
        it.allocate_tensors()
        detail = it.get_input_details()[0]
        it.set_tensor(detail["index"], np.ones(detail["shape"], detail["dtype"]))
        it.invoke()
        it.get_tensor(it.get_output_details()[0]["index"])
        if i == count // 5:
            early = resident()
    late = resident()
    print(f"Python: {count} cycles of create, run, close; resident {early} kB after a fifth, {late} kB at the end")
    return late - early > 1024


if __name__ == "__main__":
    sys.exit(main())
