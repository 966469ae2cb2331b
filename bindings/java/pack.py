#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packs classes and native libraries as a jar or an aar. The same input gives the same bytes.

Usage: pack.py jar OUT.jar --version V --classes FOLDER [--module NAME] [--native PLATFORM=LIBRARY.so]...     (PLATFORM: linux-x86_64, linux-aarch64)
       pack.py aar OUT.aar --version V --classes FOLDER [--native ABI=LIBRARY.so]...          (ABI: x86_64, arm64-v8a, ...)
"""
import argparse
import io
import pathlib
import shutil
import subprocess
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent


def add(archive, name, data):
    info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
    info.external_attr = 0o644 << 16
    archive.writestr(info, data, zipfile.ZIP_DEFLATED)


def stripped(path, platform):
    """The library without symbols that only a linker of objects would want."""
    arm = "aarch64" in platform or "arm64" in platform
    tool = shutil.which("aarch64-linux-gnu-strip" if arm else "strip")
    if not tool:
        return pathlib.Path(path).read_bytes()
    with tempfile.NamedTemporaryFile(suffix=".so") as out:
        subprocess.run([tool, "--strip-unneeded", "-o", out.name, path], check=True)
        return pathlib.Path(out.name).read_bytes()


def classes_into(archive, folder):
    for path in sorted(folder.rglob("*.class")):
        add(archive, path.relative_to(folder).as_posix(), path.read_bytes())


def manifest(arguments, title):
    lines = ["Manifest-Version: 1.0", f"Automatic-Module-Name: {arguments.module}", f"Implementation-Title: {title}",
             f"Implementation-Version: {arguments.version}"]
    return "\r\n".join(lines) + "\r\n\r\n"


def jar(arguments):
    with zipfile.ZipFile(arguments.out, "w") as archive:
        add(archive, "META-INF/MANIFEST.MF", manifest(arguments, arguments.out.stem))
        add(archive, "META-INF/LICENSE", (REPOSITORY / "LICENSE").read_bytes())
        add(archive, f"META-INF/proguard/{arguments.out.stem}.pro", (HERE / "android/proguard.txt").read_bytes())
        classes_into(archive, arguments.classes)
        for platform, library in arguments.native:
            add(archive, f"octet/native/{platform}/{pathlib.Path(library).name}", stripped(library, platform))


def aar(arguments):
    classes = io.BytesIO()
    with zipfile.ZipFile(classes, "w") as archive:
        add(archive, "META-INF/MANIFEST.MF", manifest(arguments, "octet-lite"))
        classes_into(archive, arguments.classes)
    with zipfile.ZipFile(arguments.out, "w") as archive:
        add(archive, "AndroidManifest.xml", (HERE / "android/AndroidManifest.xml").read_bytes())
        add(archive, "classes.jar", classes.getvalue())
        add(archive, "R.txt", b"")
        add(archive, "proguard.txt", (HERE / "android/proguard.txt").read_bytes())
        add(archive, "LICENSE", (REPOSITORY / "LICENSE").read_bytes())
        for abi, library in arguments.native:
            add(archive, f"jni/{abi}/liboctet_jni.so", stripped(library, abi))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["jar", "aar"])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--module", default="org.tensorflow.lite")
    parser.add_argument("--classes", type=pathlib.Path, required=True)
    parser.add_argument("--native", action="append", default=[], type=lambda s: s.split("=", 1))
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    {"jar": jar, "aar": aar}[arguments.kind](arguments)


if __name__ == "__main__":
    main()
