#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The jar and the .aar are what Java and Android expect: Java 8 classes, libraries of 16 KB pages that need nothing unusual.

Usage: layout.py REPOSITORY BUILD_FOLDER WORK_FOLDER       (skips where no jar was built)
"""
import io
import pathlib
import re
import struct
import subprocess
import sys
import zipfile

REPOSITORY, BUILD, WORK = (pathlib.Path(a) for a in sys.argv[1:4])


def check(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")


def segment_alignments(elf):
    """Of the loaded segments of a 64-bit little-endian ELF file."""
    check(elf[:6] == b"\x7fELF\x02\x01", "a 64-bit little-endian library")
    offset, = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    for i in range(count):
        kind, = struct.unpack_from("<I", elf, offset + i * size)
        if kind == 1:
            yield struct.unpack_from("<Q", elf, offset + i * size + 48)[0]


def check_library(data, name):
    check(all(a % 16384 == 0 for a in segment_alignments(data)), f"{name}: segments aligned to 16 KB")
    check(b"Java_org_tensorflow_lite_Native_invoke" in data, f"{name}: the native methods")
    path = WORK / "lib.so"
    path.write_bytes(data)
    needed = re.findall(r"NEEDED.*\[(.*)\]", subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout)
    unusual = [n for n in needed if not re.match(r"lib(c|m|dl|stdc\+\+|gcc_s|pthread|log)\.so|ld-linux", n)]
    check(not unusual, f"{name} needs {unusual}")


def check_classes(archive, name):
    classes = [n for n in archive.namelist() if n.endswith(".class")]
    check("org/tensorflow/lite/Interpreter.class" in classes, f"{name}: Interpreter")
    strangers = [n for n in classes if not n.startswith("org/tensorflow/lite/")]
    check(not strangers, f"{name}: classes of others: {strangers}")
    versions = {struct.unpack(">H", archive.read(n)[6:8])[0] for n in classes}
    check(versions == {52}, f"{name}: class files of Java 8 (52), found {versions}")


def main():
    jar = BUILD / "java/octet-lite.jar"
    if not jar.exists():
        print("skipped: no jar was built (no JDK when CMake ran)")
        return 77
    WORK.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(jar) as archive:
        check_classes(archive, "jar")
        natives = [n for n in archive.namelist() if n.startswith("octet/native/")]
        check(natives, "jar: a native library")
        for name in natives:
            check_library(archive.read(name), name)
        check(archive.namelist()[0] == "META-INF/MANIFEST.MF", "jar: the manifest comes first")
    pack = [sys.executable, REPOSITORY / "bindings/java/pack.py", "aar"]
    options = ["--version", "0", "--classes", BUILD / "java/classes", "--native", f"x86_64={BUILD / 'java/liboctet_jni.so'}"]
    for out in ("a.aar", "b.aar"):
        subprocess.run([*pack, WORK / out, *options], check=True)
    check((WORK / "a.aar").read_bytes() == (WORK / "b.aar").read_bytes(), "aar: the same bytes each time")
    with zipfile.ZipFile(WORK / "a.aar") as archive:
        names = archive.namelist()
        for name in ("AndroidManifest.xml", "classes.jar", "R.txt", "proguard.txt", "jni/x86_64/liboctet_jni.so"):
            check(name in names, f"aar: {name}")
        check(b'package="org.tensorflow.lite"' in archive.read("AndroidManifest.xml"), "aar: the manifest's package")
        check(b"-keepclasseswithmembernames class org.tensorflow.lite.Native" in archive.read("proguard.txt"), "aar: R8 keeps the native methods")
        check_library(archive.read("jni/x86_64/liboctet_jni.so"), "aar")
        check_classes(zipfile.ZipFile(io.BytesIO(archive.read("classes.jar"))), "classes.jar")
    print("jar and aar: all checks passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
