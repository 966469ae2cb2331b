#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pymicro-wakeword, a client of libtensorflowlite_c that calls it by ctypes, runs unchanged on octet's library.

Its four streaming int8 models (resource variables hold the past) hear a sweep through its own front end and features of every loudness. On octet
each step is the integer of LiteRT's reference kernels; the copy that the package ships may be some steps away from those, as its optimized
kernels round otherwise, and has to come to the same decisions.

Usage: wakeword.py LIBTENSORFLOWLITE_C                  (the Python that scripts/third_party.sh makes)
       wakeword.py --run LIBRARY_OR_SHIPPED OUT.npz      one library in a process of its own
"""
import ctypes
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

SECONDS, RATE, STEPS = 4, 16000, 1500


def stimuli():
    """Features for the wake words: 40 per 10 ms, as the front end gives them (0 to about 26)."""
    from pymicro_wakeword import MicroWakeWordFeatures

    t = np.arange(SECONDS * RATE) / RATE
    random = np.random.default_rng(0)
    sound = random.normal(size=t.size) * 2000 + 8000 * np.sin(2 * np.pi * (200 + 300 * t) * t)
    yield from MicroWakeWordFeatures().process_streaming(sound.astype(np.int16).tobytes())
    for step in range(STEPS):
        loudness = 1 + 3 * (step // 60 % 8)
        yield from np.clip(random.normal(loudness, 0.5 + 2 * random.random(), (3, 1, 1, 40)), 0, 26).astype(np.float32)


def run(library, out):
    from pymicro_wakeword import MicroWakeWord, Model

    found = {}
    for model in Model:
        word = MicroWakeWord.from_builtin(model, libtensorflowlite_c_path=None if library == "shipped" else library)
        copy, heard = word.lib.TfLiteTensorCopyFromBuffer, []

        def listen(tensor, data, size, copy=copy, heard=heard):
            heard.append(np.frombuffer(ctypes.string_at(data, size), np.int8))
            return copy(tensor, data, size)

        word.lib.TfLiteTensorCopyFromBuffer = listen
        steps, decisions = [], []
        for features in stimuli():
            decisions.append(bool(word.process_streaming(features)))
            if len(heard) > len(steps):
                steps.append(round(word._probabilities[-1] / word.output_scale) + word.output_zero_point)
        word.lib.TfLiteTensorCopyFromBuffer = copy
        found |= {f"{model.value}_inputs": np.array(heard), f"{model.value}_steps": np.array(steps), f"{model.value}_decisions": np.array(decisions)}
    np.savez(out, **found)


def reference_steps(model, inputs):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    it = Interpreter(model_path=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    it.allocate_tensors()
    x, y = it.get_input_details()[0], it.get_output_details()[0]
    for values in inputs:
        it.set_tensor(x["index"], values.view(x["dtype"]).reshape(x["shape"]))
        it.invoke()
        yield int(it.get_tensor(y["index"]).item())


def main():
    if sys.argv[1] == "--run":
        run(*sys.argv[2:])
        return 0
    import pymicro_wakeword

    models = pathlib.Path(pymicro_wakeword.__file__).parent / "models"
    failed = 0
    with tempfile.TemporaryDirectory() as work:
        results = []
        for library in ("shipped", sys.argv[1]):
            out = f"{work}/{len(results)}.npz"
            subprocess.run([sys.executable, __file__, "--run", library, out], check=True, stderr=subprocess.DEVNULL)
            results.append(np.load(out))
        shipped, ours = results
        for word in (m.value for m in pymicro_wakeword.Model):
            expected = np.array(list(reference_steps(str(models / f"{word}.tflite"), ours[f"{word}_inputs"])))
            steps = ours[f"{word}_steps"]
            same = np.array_equal(steps, expected) and np.array_equal(ours[f"{word}_decisions"], shipped[f"{word}_decisions"])
            print(f"{word}: {steps.size} steps up to {steps.max()}, {int((steps != expected).sum())} differ from LiteRT's reference kernels, "
                  f"{int((shipped[f'{word}_steps'] != expected).sum())} of the shipped copy do (by {np.abs(shipped[f'{word}_steps'] - expected).max()}); "
                  f"decisions {'the same' if same else 'or steps DIFFER'}")
            failed += not same
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
