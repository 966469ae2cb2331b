#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which models octet writes with more operators, or more than 1 % more bytes, than TFLiteConverter does.

Usage: scripts/compare_operators.py OCTET FOLDER      FOLDER/manifest.json: models with their files; a file's
`tflite_converter` tells what TFLiteConverter made of it: n_ops over all subgraphs, size in bytes.
"""
import json
import pathlib
import subprocess
import sys
import tempfile


def measure(octet, source):
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/m.tflite"
        if subprocess.run([octet, "convert", source, "-o", out], capture_output=True).returncode:
            return None
        listing = json.loads(subprocess.run([octet, "inspect", out, "--json"], capture_output=True, text=True, check=True).stdout)
        return sum(len(g.get("operators", [])) for g in listing["subgraphs"]), pathlib.Path(out).stat().st_size


def main(octet, folder):
    more, files, ours, theirs = [], 0, 0, 0
    for model in json.loads((pathlib.Path(folder) / "manifest.json").read_text())["models"]:
        for file in model["files"]:
            told = file.get("tflite_converter") or {}
            if told.get("status") != "builtins" or not told.get("n_ops"):
                continue
            made = measure(octet, f"{folder}/{file['file']}")
            if made is None:
                continue
            files, ours, theirs = files + 1, ours + made[0], theirs + told["n_ops"]
            if made[0] > told["n_ops"] or made[1] > 1.01 * told["size"]:
                more.append(f"{model['name']} {file['format']}: {made[0]} operators against {told['n_ops']}, {made[1]} bytes against {told['size']}")
    print("\n".join(more))
    print(f"{files} files: {ours} operators against {theirs}; more operators or bytes in {len(more)}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
