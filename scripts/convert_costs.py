#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Processor time and peak memory of `octet convert` as a whole process, against TFLiteConverter's; exit 1 where the goals are missed.

Usage: scripts/convert_costs.py OCTET FOLDER [--goal-time 20] [--goal-memory 10]

FOLDER/manifest.json names the models and their files, FOLDER/CONVERT.md has TFLiteConverter's figures in two tables:
- "Process start included": a fresh Python that imports TensorFlow and converts. These count as they are.
- "All conversions (fork)": a child of a Python that had TensorFlow already. Its processor time lacks the import, so the least
  import of the first table is added; its memory lacks the pages that it shares with its parent, so the larger of its peak and
  the least memory after an import counts.
Files that TFLiteConverter was not measured on (ONNX, .h5 and others) are compared with the import alone, which is the least
that any use of it costs. All three choices favour TFLiteConverter.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile


def rows(text):
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|"):
            yield cells


def number(cell, part=0):
    return float(cell.split("/")[part])


def converter_costs(text):
    """{(model, file): (seconds, MB)} and what the import alone costs."""
    processes, _, forks = text.partition("## All conversions (fork)")
    costs, imports = {}, []
    for cells in rows(processes):
        if len(cells) == 11 and "/" in cells[2] and cells[7].replace(".", "").isdigit():
            costs[cells[0], cells[1]] = number(cells[5], 1), float(cells[6])
            imports.append((number(cells[2], 1), float(cells[7])))
    least = min(seconds for seconds, _ in imports), min(memory for _, memory in imports)
    for cells in rows(forks):
        if len(cells) > 5 and cells[4].replace(".", "").isdigit():
            costs.setdefault((cells[0], cells[1]), (least[0] + float(cells[4]), max(least[1], float(cells[5]))))
    return costs, least


def octet_costs(octet, source, out):
    """(exit code, user and system seconds, MB) of the least of three runs."""
    best = None
    for _ in range(3):
        child = subprocess.Popen([octet, "convert", source, "-o", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        run = child.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
        best = run if best is None else (run[0], min(best[1], run[1]), min(best[2], run[2]))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("octet")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--goal-time", type=float, default=20)
    parser.add_argument("--goal-memory", type=float, default=10)
    given = parser.parse_args()
    costs, least = converter_costs((given.folder / "CONVERT.md").read_text())
    ratios, missed, measured = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        for model in json.loads((given.folder / "manifest.json").read_text())["models"]:
            for file in model["files"]:
                code, seconds, memory = octet_costs(given.octet, str(given.folder / file["file"]), f"{folder}/m.tflite")
                if code:
                    continue
                key = model["name"], pathlib.Path(file["file"]).name
                theirs = costs.get(key, least)
                measured += key in costs
                time_ratio, memory_ratio = theirs[0] / max(seconds, 1e-3), theirs[1] / memory
                ratios.append((time_ratio, memory_ratio, seconds, memory))
                if time_ratio < given.goal_time or memory_ratio < given.goal_memory:
                    missed.append(f"{file['file']}: {seconds:.3f} s, {memory:.1f} MB;"
                                  f" TFLiteConverter {theirs[0]:.2f} s, {theirs[1]:.0f} MB: {time_ratio:.1f}x, {memory_ratio:.1f}x")
    print("\n".join(missed))
    if not ratios:
        sys.exit("no file was converted")
    lowest = [min(r[k] for r in ratios) for k in (0, 1)]
    most = [max(r[k] for r in ratios) for k in (2, 3)]
    print(f"{len(ratios)} files, {measured} of them with figures of their own: at least {lowest[0]:.1f}x less time, {lowest[1]:.1f}x less memory; "
          f"at most {most[0]:.3f} s, {most[1]:.1f} MB; {len(missed)} miss a goal")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
