#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Android presets, with the NDK where ANDROID_NDK_HOME names one and a stand-in for it elsewhere: the Java binding's native library is
built for x86_64 with a few operators, has pages of 16 KB, exports what it should and needs nothing but the system.

Usage: android.py REPOSITORY WORK_FOLDER      (skips where clang-16, lld-16 or libc++ are not)
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

REPOSITORY, WORK = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
OPERATORS = "add;conv_2d;depthwise_conv_2d;fully_connected;reshape;softmax"
SYSTEM = r"(lib(c|m|dl|log|pthread|gcc_s)\.so|ld-linux)"


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"FAILED: {' '.join(str(c) for c in command)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def check(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")


def main():
    ndk = os.environ.get("ANDROID_NDK_HOME")
    if not ndk and not (shutil.which("clang++-16") and shutil.which("ld.lld-16") and pathlib.Path("/usr/lib/llvm-16/include/c++/v1").exists()):
        print("skipped: neither ANDROID_NDK_HOME nor clang-16, lld-16 and libc++-16-dev are here")
        return 77
    environment = {**os.environ, "ANDROID_NDK_HOME": ndk or str(REPOSITORY / "tests/package/ndk")}
    build = WORK / "android-x86_64"
    run("cmake", "--preset", "android-x86_64", "-B", build, f"-DOCTET_OPS={OPERATORS}", cwd=REPOSITORY, env=environment)
    run("ninja", "-C", build, "--quiet", "octet_jni", env=environment)
    library = build / "java/liboctet_jni.so"
    alignments = {int(a, 16) for a in re.findall(r"LOAD(?:\s+0x\w+){5}.*?(0x\w+)$", run("readelf", "-lW", library), re.M)}
    check(alignments and all(a % 16384 == 0 for a in alignments), f"segments aligned to 16 KB, found {alignments}")
    needed = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", library))
    check(all(re.match(SYSTEM, n) for n in needed), f"needs nothing but the system, found {needed}")
    names = set(run("nm", "-D", "--defined-only", library).split()[2::3])
    check("Java_org_tensorflow_lite_Native_invoke" in names, "the native methods")
    strangers = sorted(n for n in names if not re.match(r"Java_|TfLite", n))
    check(not strangers, f"exports nothing else, found {strangers[:10]}")
    print(f"Android preset ({'NDK' if ndk else 'stand-in'}): {library.stat().st_size} bytes, pages of 16 KB, needs {' '.join(needed)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
