#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What one call of each binding costs, beside the original's in the same run: a model so small that little else is measured.

Usage: overhead.py BUILD_FOLDER MODEL [ORIGINAL_LIBTENSORFLOWLITE_C]
       (run by a Python with numpy and ai_edge_litert; pymicro-wakeword from PyPI brings a libtensorflowlite_c)
"""
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

BUILD, MODEL = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
ORIGINAL = sys.argv[3] if len(sys.argv) > 3 else None
REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BUILD / "python"))


def c_program(work):
    binary = work / "overhead"
    subprocess.run(["cc", "-O2", f"-I{REPOSITORY}/include", REPOSITORY / "scripts/overhead.c", "-o", binary, "-ldl"], check=True)
    return binary


def python_call(kind):
    """A function that times one round of set, invoke, get."""
    it = kind(str(MODEL))
    it.allocate_tensors()
    x, y = it.get_input_details()[0], it.get_output_details()[0]
    value = np.ones(x["shape"], x["dtype"])

    def round_of(n):
        start = time.perf_counter_ns()
        for _ in range(n):
            it.set_tensor(x["index"], value)
            it.invoke()
            it.get_tensor(y["index"])
        return (time.perf_counter_ns() - start) / n

    return round_of


def java(work):
    source = work / "Overhead.java"
    source.write_text("""
import java.io.File; import java.nio.*; import org.tensorflow.lite.*;
public final class Overhead { public static void main(String[] a) {
  try (Interpreter it = new Interpreter(new File(a[0]))) {
    ByteBuffer x = ByteBuffer.allocateDirect(it.getInputTensor(0).numBytes()).order(ByteOrder.nativeOrder());
    ByteBuffer y = ByteBuffer.allocateDirect(it.getOutputTensor(0).numBytes()).order(ByteOrder.nativeOrder());
    long best = Long.MAX_VALUE;
    for (int r = 0; r < 300; ++r) { long s = System.nanoTime();
      for (int i = 0; i < 2000; ++i) { x.rewind(); y.rewind(); it.run(x, y); }
      best = Math.min(best, (System.nanoTime() - s) / 2000); }
    System.out.println(best); } } }
""")
    jar = BUILD / "java/octet-lite.jar"
    subprocess.run(["javac", "-cp", jar, "-d", work, source], check=True)
    return subprocess.run(["java", "-cp", f"{jar}:{work}", "Overhead", MODEL], check=True, capture_output=True, text=True).stdout.strip()


def main():
    import octet
    from ai_edge_litert.interpreter import Interpreter as LiteRT

    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        binary = c_program(work)
        libraries = {"octet": BUILD / "libtensorflowlite_c.so", "original": ORIGINAL}
        best = {}
        for _ in range(5):  # In turns: what disturbs one, disturbs the other.
            for name, library in libraries.items():
                if library:
                    best[name] = min(best.get(name, 1e9),
                                     float(subprocess.run([binary, library, MODEL], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                                          text=True).stdout))
        original_invoke = best.get("original", float("nan"))
        print(f"C, TfLiteInterpreterInvoke: octet {best['octet']:.0f} ns, original {original_invoke:.0f} ns")
        rounds = {"octet": python_call(octet.Interpreter), "original": python_call(LiteRT)}
        best = {name: min(r(500) for _ in range(3)) for name, r in rounds.items()}
        for _ in range(40):
            for name, r in rounds.items():
                best[name] = min(best[name], r(500))
        print(f"Python, set + invoke + get: octet {best['octet']:.0f} ns, original {best['original']:.0f} ns")
        print(f"Java, run() on direct buffers: octet {java(work)} ns"
              f" (the original's has no build for Linux; its invoke in C, which it calls, {original_invoke:.0f} ns)")


if __name__ == "__main__":
    main()
