#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which models octet writes with more operators, or more than 1 % more bytes, than TFLiteConverter does. Fails where one does
that is not told of in KNOWN, or no longer does what KNOWN says.

Usage: scripts/compare_operators.py OCTET FOLDER      FOLDER/manifest.json: models with their files; a file's
`tflite_converter` tells what TFLiteConverter made of it: n_ops over all subgraphs, ops by name, size in bytes, and what came
out of it (`check`). Where that file has no weights, or computes nonsense for want of them, its size says nothing and only the
operators are compared.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

KNOWN = {
    ("tf_custom_gradient", "saved_model"): "softplus that stays finite: log(1 + exp(x)), three operators, is infinite from x = 88.8",
}


def measure(octet, source):
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/m.tflite"
        if subprocess.run([octet, "convert", source, "-o", out], capture_output=True).returncode:
            return None
        listing = json.loads(subprocess.run([octet, "inspect", out, "--json"], capture_output=True, text=True, check=True).stdout)
        return sum(len(g.get("operators", [])) for g in listing["subgraphs"]), pathlib.Path(out).stat().st_size


def useless(told):
    """Why a file of TFLiteConverter's is no model, or nothing. Variables that no operator gives a value have lost their weights."""
    if told["ops"].get("READ_VARIABLE") and not told["ops"].get("ASSIGN_VARIABLE"):
        return "it reads variables whose values were left out"
    if told.get("check", {}).get("nonfinite"):
        return "its outputs are not finite"
    return ""


def main(octet, folder):
    more, known, dead, files, ours, theirs = [], [], [], 0, 0, 0
    for model in json.loads((pathlib.Path(folder) / "manifest.json").read_text())["models"]:
        for file in model["files"]:
            told = file.get("tflite_converter") or {}
            if told.get("status") != "builtins" or not told.get("n_ops"):
                continue
            made = measure(octet, f"{folder}/{file['file']}")
            if made is None:
                continue
            files, ours, theirs = files + 1, ours + made[0], theirs + told["n_ops"]
            line = f"{model['name']} {file['format']}: {made[0]} operators against {told['n_ops']}, {made[1]} bytes against {told['size']}"
            reason = KNOWN.get((model["name"], file["format"]))
            larger = made[1] > 1.01 * told["size"]
            if made[0] > told["n_ops"] or (larger and not useless(told)):
                known.append(f"{line}; {reason}") if reason else more.append(line)
            elif reason:
                more.append(f"{line}; KNOWN says more, because {reason}")
            elif larger:
                dead.append(f"{line}, which is no model: {useless(told)}")
    print("\n".join(more + known + dead))
    print(f"{files} files: {ours} operators against {theirs}; more operators or bytes in {len(more)},"
          f" for a reason in {len(known)}, than a file that is no model in {len(dead)}")
    return bool(more)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
