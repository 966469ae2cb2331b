#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""libtensorflowlite_c exports what TensorFlow Lite 2.17's does (symbols.txt, of the copy that pymicro-wakeword 2.5 ships) and what headers
before and after it declare, and octet's headers declare every one of them.

Usage: symbols.py REPOSITORY LIBRARY
"""
import pathlib
import re
import subprocess
import sys

OLDER = """TfLiteInterpreterOptionsAddRegistrationExternal TfLiteRegistrationExternalCreate TfLiteRegistrationExternalDelete
TfLiteRegistrationExternalGetBuiltInCode TfLiteRegistrationExternalGetCustomName TfLiteRegistrationExternalGetVersion TfLiteRegistrationExternalSetInit
TfLiteRegistrationExternalSetFree TfLiteRegistrationExternalSetPrepare TfLiteRegistrationExternalSetInvoke TfLiteRegistrationExternalSetAsyncKernel
TfLiteRegistrationExternalSetInplaceOperator"""  # 2.10 to 2.16.
NEWER = "TfLiteOpaqueContextGetExternalContext TfLiteOpaqueContextGetMetadata TfLiteOpaqueTensorSetNonCpuAllocation"  # LiteRT.

repository, library = pathlib.Path(sys.argv[1]), sys.argv[2]
wanted = set((repository / "tests/tflite_abi/symbols.txt").read_text().split()) | {*OLDER.split(), *NEWER.split()}
listed = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
exported = {line.split()[-1].split("@")[0] for line in listed.splitlines()}
headers = "".join(p.read_text() for p in (repository / "include/tensorflow").rglob("*.h"))
declared = set(re.findall(r"\b(TfLite\w+)\(", headers))
failed = False
for what, there in (("not exported", exported), ("in no header", declared)):
    missing = sorted(wanted - there)
    failed |= bool(missing)
    print(f"{len(wanted)} names, {what}: {' '.join(missing) or 'none'}")
sys.exit(failed)
