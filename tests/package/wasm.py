#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The runtime core as a WebAssembly module gives the same bits under Node as here.

Usage: wasm.py REPOSITORY WORK_FOLDER NATIVE_PROGRAM MODEL...     (skips where clang-16, wasi-libc, libc++ for wasm32 or Node are not)
"""
import os
import pathlib
import shutil
import subprocess
import sys

repository, work = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
native, models = sys.argv[3], sys.argv[4:]


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"FAILED: {' '.join(str(c) for c in command)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def main():
    here = all(shutil.which(p) for p in ("clang++-16", "wasm-ld-16", "node")) and pathlib.Path("/usr/include/wasm32-wasi/c++/v1").exists()
    if not here:
        print("skipped: Debian's clang-16, lld-16, libclang-rt-16-dev-wasm32, libc++-16-dev-wasm32, wasi-libc and nodejs are not all here")
        return 77
    build = work / "wasm"
    operators = os.environ.get("OCTET_WASM_OPS", "add;average_pool_2d;conv_2d;depthwise_conv_2d;fully_connected;max_pool_2d;mean;pad;reshape;softmax;quantize;dequantize")
    run("cmake", "--preset", "wasm", "-B", build, f"-DOCTET_OPS={operators}", cwd=repository)
    run("ninja", "-C", build, "--quiet", "octet_run")
    module = build / "examples/wasm/octet_run.wasm"
    failed = False
    for model in models:
        # Without vectors, as there: floats are the same bits on one instruction set only.
        here, there = run(native, model, env=dict(os.environ, OCTET_ISA="scalar")), run("node", "--no-warnings", repository / "examples/wasm/run.mjs", module, model)
        failed |= here != there
        print(f"{pathlib.Path(model).name}: {'the same bits' if here == there else f'natively {here!r}, WebAssembly {there!r}'}")
    print(f"octet_run.wasm: {module.stat().st_size} bytes")
    return failed


if __name__ == "__main__":
    sys.exit(main())
