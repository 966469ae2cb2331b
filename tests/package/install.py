#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `make package` left in dist/, each installed in an empty place and used there.

Usage: install.py REPOSITORY WORK_FOLDER                   (skips where dist/ holds no packages)
       install.py REPOSITORY WORK_FOLDER BUILD_FOLDER      what `cmake --install` leaves, without packing
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

REPOSITORY, WORK = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
DIST = REPOSITORY / "dist"
EXAMPLES = REPOSITORY / "examples/ten_lines"
MODEL = WORK / "model.tflite"
ANSWER = re.compile(r"digit: 40 bytes, first value 0\.000380")
ARM = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]
ARM_ROOT = REPOSITORY / "build/arm-root"  # scripts/arm_root.sh


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"FAILED: {' '.join(str(c) for c in command)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def answers(what, *command, **options):
    out = run(*command, MODEL, **options)
    if not ANSWER.search(out):
        sys.exit(f"FAILED: {what} says {out!r}")
    print(f"{what}: ok")


def packages(pattern):
    return sorted(DIST.glob(pattern))


def debian():
    """Runtime, tools and headers from the Debian packages, unpacked into an empty root."""
    root = WORK / "debian"
    for package in packages("*amd64.deb"):
        run("dpkg-deb", "-x", package, root)
        control = run("dpkg-deb", "-f", package)
        if "Package: liboctet0" in control and "libc6" not in control:
            sys.exit(f"FAILED: {package} names no dependencies")
    library = next(root.rglob("liboctet.so.0")).parent
    environment = {**os.environ, "LD_LIBRARY_PATH": str(library)}
    run(root / "usr/bin/octet", "convert", REPOSITORY / "examples/demo/model.keras", "-o", MODEL, env=environment)
    binary = WORK / "debian_program"
    run("cc", EXAMPLES / "run.c", f"-I{root}/usr/include", f"-L{library}", "-loctet", "-o", binary)
    answers("Debian packages, C", binary, env=environment)
    run("cc", EXAMPLES / "run_tflite.c", f"-I{root}/usr/include", f"-L{library}", "-ltensorflowlite_c", "-o", binary)
    answers("Debian packages, TensorFlow Lite's C", binary, env=environment)


def tarball(machine, prefix, emulator):
    """The tarball: find_package and the static library."""
    archive = packages(f"octet-*{machine}*.tar.gz")[0]
    place = WORK / f"tarball-{machine}"
    place.mkdir()
    run("tar", "xzf", archive, "-C", place, "--strip-components=1")
    programs(place, machine, prefix, emulator)


def installed(build):
    """The components of a build folder: the command converts, programs find the rest."""
    place = WORK / "installed"
    run("cmake", "--build", build, "--target", "octet_static", "octet_shared", "octet_tensorflowlite_c", "octet")
    for component in ("runtime", "tools", "dev"):
        run("cmake", "--install", build, "--prefix", place, "--component", component)
    run(place / "bin/octet", "convert", REPOSITORY / "examples/demo/model.keras", "-o", MODEL)
    programs(place, "this machine", "", [])


def programs(place, machine, prefix, emulator):
    """Those of the ten lines, by find_package, against what lies in `place`."""
    config = next(place.rglob("octetConfig.cmake")).parent
    build = WORK / f"consumer-{machine.replace(' ', '-')}"
    toolchain = [f"-DCMAKE_TOOLCHAIN_FILE={REPOSITORY / 'cmake/aarch64.cmake'}"] if emulator else []
    run("cmake", "-S", REPOSITORY / "tests/package/consumer", "-B", build, f"-Doctet_DIR={config}", f"-DEXAMPLES={EXAMPLES}", "-DCMAKE_BUILD_TYPE=Release", *toolchain)
    run("cmake", "--build", build)
    for program in ("shared", "static", "modern", "tflite"):
        answers(f"find_package on {machine}, {program}", *emulator, build / program)
    names = run(f"{prefix}nm", "-g", "--defined-only", next(place.rglob("liboctet.a")))
    strangers = [n for n in re.findall(r" [TDRB] (\S+)", names) if not re.match(r"octet_|TfLite", n)]
    if strangers:
        sys.exit(f"FAILED: the static library shows {strangers[:10]}")
    environment = {**os.environ, "PKG_CONFIG_PATH": str(next(place.rglob("octet.pc")).parent)}
    if shutil.which("pkg-config") and not emulator:
        print("pkg-config:", run("pkg-config", "--cflags", "--libs", "octet", env=environment).strip().replace(str(place), ""))


def wheel():
    """The wheel in a new environment of each Python that is here."""
    names = [f"python3.{minor}" for minor in range(9, 20)]
    managed = [p for n in names for p in sorted(pathlib.Path.home().glob(f".pyenv/versions/{n[6:]}.*/bin/{n}"))]
    pythons = managed if len(managed) > 1 else [n for n in names if shutil.which(n) and works(n)]
    for python in sorted({pythons[0], pythons[-1]}, key=pythons.index):
        venv = WORK / f"venv-{pathlib.Path(python).name}"
        run(python, "-m", "venv", venv)
        run(venv / "bin/pip", "install", "-q", packages("octet-*x86_64.whl")[0])
        answers(f"wheel on {pathlib.Path(python).name}", venv / "bin/python", EXAMPLES / "run.py")
        run(venv / "bin/octet", "inspect", MODEL)


def works(python):
    return subprocess.run([python, "-c", "import venv, ensurepip"], capture_output=True, check=False).returncode == 0


def arm_system(*command, environment=()):
    """A program of build/arm-root as qemu runs it."""
    folders = ":".join(str(ARM_ROOT / f"usr/lib/aarch64-linux-gnu/{f}") for f in ("blas", "lapack"))  # What unpacking alone does not link.
    options = [o for e in (f"LD_LIBRARY_PATH={folders}", *environment) for o in ("-E", e)]
    return ["qemu-aarch64", "-L", ARM_ROOT, *options, *command]


def arm_wheel():
    """Its tags, its machine, and, where an Arm Python is, the ten lines."""
    for path in packages("octet-*aarch64.whl"):
        place = WORK / "arm-wheel"
        run(sys.executable, "-m", "zipfile", "-e", path, place)
        kind = run("readelf", "-h", place / "octet/_native.abi3.so")
        tag = next(place.glob("*.dist-info/WHEEL")).read_text()
        if "AArch64" not in kind or "linux_aarch64" not in tag:
            sys.exit(f"FAILED: {path}")
        print("wheel for aarch64: ok")
        command = place / "octet/bin/octet"
        if command.exists():
            command.chmod(0o755)  # zipfile unpacks no modes; pip does.
            emulator = ["qemu-aarch64", "-L", ARM_ROOT] if ARM_ROOT.exists() else ARM
            arm_model = WORK / "arm.tflite"
            run(*emulator, command, "convert", REPOSITORY / "examples/demo/model.keras", "-o", arm_model)
            if arm_model.read_bytes() != MODEL.read_bytes():
                sys.exit("FAILED: the command for aarch64 converts to other bytes")
            run("dpkg-deb", "-x", packages("octet_*_arm64.deb")[0], WORK / "arm-debian")
            run(*emulator, WORK / "arm-debian/usr/bin/octet", "inspect", arm_model)
            print("command on aarch64 (qemu), of the wheel and the package: ok")
        for python in sorted(ARM_ROOT.glob("usr/bin/python3.*"))[:1]:
            answers("wheel on aarch64 (qemu)", *arm_system(python, EXAMPLES / "run.py", environment=[f"PYTHONPATH={place}"]))


def jar():
    path = packages("octet-lite-*.jar")[0]
    if not shutil.which("javac"):
        print("jar: left out, no JDK here")
        return
    run("javac", "-cp", path, "-d", WORK, EXAMPLES / "Run.java")
    answers("jar", "java", "-cp", f"{path}:{WORK}", "Run")
    for java in ARM_ROOT.glob("usr/lib/jvm/java-17-openjdk-arm64/bin/java"):
        answers("jar on aarch64 (qemu)", *arm_system(java, "-XX:TieredStopAtLevel=1", "-cp", f"{path}:{WORK}", "Run"))
    print("jar holds", re.findall(r"octet/native/(\S+)/", run("unzip", "-l", path)))


def selective():
    """octet package: a runtime for one model, small, that runs it."""
    out = WORK / "device"
    int8 = WORK / "int8.tflite"
    octet = REPOSITORY / "build/release/octet"
    data = WORK / "data.npz"
    run(REPOSITORY / "build/litert-venv/bin/python", "-c", f"import numpy as np; np.savez('{data}', x=np.random.default_rng(0).random((24, 28, 28, 1), np.float32))")
    run(octet, "quantize", REPOSITORY / "examples/demo/model.keras", "--data", data, "-o", int8, "--io", "int8")
    run(octet, "package", int8, "-o", out)
    size = (out / "liboctet.so").stat().st_size
    binary = WORK / "device_program"
    run("cc", EXAMPLES / "run.c", f"-I{out}/include", f"-L{out}", "-loctet", f"-Wl,-rpath,{out}", "-o", binary, "-DOCTET")
    run(binary, int8, env={**os.environ, "LD_LIBRARY_PATH": str(out)})
    refused = subprocess.run([binary, MODEL], capture_output=True, text=True, check=False, env={**os.environ, "LD_LIBRARY_PATH": str(out)})
    if refused.returncode == 0 or "CONV_2D of f32, left out of this build" not in refused.stderr:
        sys.exit(f"FAILED: a runtime of int8 operators says of a float model: {refused.stderr!r}")
    print(f"octet package: liboctet.so of {size} bytes runs its model, and refuses another")
    if size > 400_000:
        sys.exit("FAILED: more than 400,000 bytes")


def main():
    if len(sys.argv) > 3:
        shutil.rmtree(WORK, ignore_errors=True)
        WORK.mkdir(parents=True)
        installed(pathlib.Path(sys.argv[3]))
        return 0
    if not packages("*.deb"):
        print("skipped: no packages in dist/ (make package)")
        return 77
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    debian()
    tarball("x86_64", "", [])
    if packages("octet-*aarch64*.tar.gz") and shutil.which("qemu-aarch64"):
        tarball("aarch64", "aarch64-linux-gnu-", ARM)
    wheel()
    arm_wheel()
    jar()
    selective()
    size = min(p.stat().st_size for p in packages("octet-*x86_64.whl"))
    print(f"wheel: {size} bytes")
    return 1 if size > 10_000_000 else 0


if __name__ == "__main__":
    sys.exit(main())
