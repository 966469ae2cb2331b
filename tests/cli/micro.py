#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""octet inspect --target micro: figures that can be checked by hand, a resolver, and the model's own bytes.

Usage: micro.py OCTET REPOSITORY WORK_FOLDER
"""
import json
import pathlib
import re
import subprocess
import sys

octet, repository, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
work.mkdir(parents=True, exist_ok=True)


def inspect(model, *flags):
    r = subprocess.run([octet, "inspect", str(model), "--target", "micro", *flags], capture_output=True, text=True)
    return r.returncode, r.stdout


# int8 [1,4,4,2] -> [1,4,4,3]: 32 and 48 bytes, both alive at the only operator.
conv = repository / "tests/ops/vectors/CONV_2D/i8.tflite"
code, text = inspect(conv, "--json")
facts = json.loads(text)
assert code == 0 and facts["arena_bytes"] == 32 + 48 == facts["lower_bound_bytes"], facts
assert facts["resolver"] == ["AddConv2D()"] and facts["model_bytes"] == conv.stat().st_size, facts

source = work / "conv.h"
code, _ = inspect(conv, "-o", str(source))
text = source.read_text()
assert code == 0 and "MicroMutableOpResolver<1>" in text and "resolver.AddConv2D()" in text
array = re.search(r"kModel\[kModelBytes\] = \{(.*)\};", text, re.S)[1]
assert bytes(int(b, 16) for b in re.findall(r"0x([0-9a-f]{2})", array)) == conv.read_bytes()

# What TFLite Micro lacks is named, and the exit code says so.
code, text = inspect(repository / "tests/ops/vectors/UNIQUE/0.tflite", "--json")
assert code == 3 and json.loads(text)["missing"] == ["UNIQUE"], text
print("micro: figures, resolver and array are right")
