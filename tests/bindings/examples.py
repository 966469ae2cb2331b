#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ten-line examples compile and say the same of one model; what a machine lacks (a JDK, numpy) is named and left out.

Usage: examples.py OCTET REPOSITORY BUILD_FOLDER WORK_FOLDER [PYTHON_WITH_NUMPY]
"""
import os
import pathlib
import shutil
import subprocess
import sys

OCTET, REPOSITORY, BUILD, WORK = (pathlib.Path(a) for a in sys.argv[1:5])
EXAMPLES = REPOSITORY / "examples/ten_lines"


def run(command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"FAILED: {' '.join(str(c) for c in command)}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def native(source, compiler, library, flags=()):
    binary = WORK / source.replace(".", "_")
    run([compiler, *flags, "-O1", "-Wall", "-Wextra", "-Werror", f"-I{REPOSITORY / 'include'}", EXAMPLES / source, "-o", binary, f"-L{BUILD}", f"-l{library}",
         "-pthread", f"-Wl,-rpath,{BUILD}"])
    return lambda model: run([binary, model])


def programs():
    yield "C", native("run.c", "cc", "octet")
    yield "C++", native("run.cc", "c++", "octet", ["-std=c++20"])
    yield "C, TensorFlow Lite's names", native("run_tflite.c", "cc", "tensorflowlite_c")
    yield "C++, TensorFlow Lite's names", native("run_tflite.cc", "c++", "tensorflowlite_c", ["-std=c++17"])
    jar = BUILD / "java/octet-lite.jar"
    if shutil.which("javac") and jar.exists():
        run(["javac", "-cp", jar, "-d", WORK, EXAMPLES / "Run.java"])
        yield "Java", lambda model: run(["java", "-cp", f"{jar}:{WORK}", "Run", model])
    else:
        print("Java: left out, no JDK here")
    python = sys.argv[5] if len(sys.argv) > 5 else "python3"
    if (BUILD / "python").exists() and shutil.which(python) and subprocess.run([python, "-c", "import numpy"], capture_output=True, check=False).returncode == 0:
        environment = {**os.environ, "PYTHONPATH": str(BUILD / "python")}
        yield "Python", lambda model: run([python, EXAMPLES / "run.py", model], env=environment)
    else:
        print("Python: left out, no numpy here")


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    model = WORK / "model.tflite"
    run([OCTET, "convert", REPOSITORY / "examples/demo/model.keras", "-o", model])
    answers = {}
    for name, program in programs():
        words = program(model).rsplit(" ", 1)
        answers[name] = (words[0], f"{float(words[1]):.4g}")
        print(f"{name}: {words[0]} {words[1]}")
    if len(set(answers.values())) != 1:
        sys.exit("FAILED: they differ")


if __name__ == "__main__":
    main()
