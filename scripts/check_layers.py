#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a folder of src/ includes a folder that its layer may not see.

Usage: scripts/check_layers.py [REPOSITORY]
"""
import pathlib
import re
import sys

# One line per folder, in the order in which data flows. "*" sees everything.
MAY_INCLUDE = {
    "base": "",
    "kernels": "base",
    "ops": "base kernels",
    "tflite": "base ops",
    "runtime": "base kernels ops tflite",
    "tflite_abi": "base ops runtime",
    "delegates": "base ops runtime tflite_abi",
    "api": "base runtime delegates",
    "graph": "base ops",
    "data": "base",
    "importers": "base ops graph data tflite",
    "passes": "base ops graph",
    "exporter": "base ops graph tflite",
    "quantizer": "base kernels ops graph passes exporter tflite runtime data",
    "report": "base",
    "checker": "base ops graph",
    "telemetry": "base",
    "serve": "base tflite runtime delegates telemetry",
    "fleet": "base telemetry serve report",
    "cli": "*",
}


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "src"
    bad = 0
    for file in sorted(f for f in root.rglob("*") if f.suffix in (".h", ".cc")):
        layer = file.relative_to(root).parts[0]
        allowed = MAY_INCLUDE[layer].split() + [layer]
        for number, line in enumerate(file.read_text().splitlines(), 1):
            match = re.match(r'#include "(\w+)/', line)
            if match and "*" not in allowed and match[1] not in allowed and match[1] in MAY_INCLUDE:
                print(f"{file}:{number}: {layer} must not include {match[1]}")
                bad += 1
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
