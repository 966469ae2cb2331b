#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""octet's Python interface beside LiteRT's, on the demo's model.

Usage: python_api.py OCTET MODULE_FOLDER WORK_FOLDER REPOSITORY CLASSIC_PLUGIN OPAQUE_PLUGIN      (run by a Python with numpy and ai_edge_litert)
"""
import os
import pathlib
import sys
import threading
import unittest

import numpy as np

OCTET, MODULE, WORK, REPOSITORY = (pathlib.Path(a) for a in sys.argv[1:5])
sys.path.insert(0, str(MODULE))
os.environ["OCTET_COMMAND"] = str(OCTET)

import octet  # noqa: E402
import octet.compat  # noqa: E402
from ai_edge_litert.interpreter import Interpreter as LiteRT  # noqa: E402

SOURCE = REPOSITORY / "examples/demo/model.keras"
PLUGINS = sys.argv[5:7]  # TensorFlow Lite's delegates in libraries: classic, opaque.


def samples(count):
    return np.random.default_rng(0).random((count, 28, 28, 1), np.float32)


class Models(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        WORK.mkdir(parents=True, exist_ok=True)
        cls.float_bytes = octet.Converter.from_keras_file(SOURCE).convert()
        converter = octet.Converter.from_keras_file(SOURCE)
        converter.optimizations = [octet.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([x[None]] for x in samples(24))
        converter.target_spec.supported_ops = {octet.OpsSet.TFLITE_BUILTINS_INT8}
        converter.inference_input_type = converter.inference_output_type = np.int8
        cls.int8_bytes = converter.convert()


class Interpreter(Models):
    def both(self, content):
        return LiteRT(model_content=content), octet.Interpreter(model_content=content)

    def test_details_are_litert_s(self):
        for content in (self.float_bytes, self.int8_bytes):
            theirs, ours = self.both(content)
            self.assertEqual(theirs.get_signature_list(), ours.get_signature_list())
            self.assertEqual(theirs.num_subgraphs(), ours.num_subgraphs())
            pairs = zip(theirs.get_input_details() + theirs.get_output_details(), ours.get_input_details() + ours.get_output_details())
            for a, b in pairs:
                self.assertEqual(list(a), list(b))
                for key in ("name", "index", "dtype", "quantization", "sparsity_parameters"):
                    self.assertEqual(a[key], b[key])
                for key in ("shape", "shape_signature"):
                    np.testing.assert_array_equal(a[key], b[key])
                    self.assertEqual(a[key].dtype, b[key].dtype)
                for key, value in a["quantization_parameters"].items():
                    np.testing.assert_array_equal(value, b["quantization_parameters"][key])

    def test_outputs_are_litert_s(self):
        for content, tolerance in ((self.float_bytes, 1e-5), (self.int8_bytes, 1)):  # LiteRT's fast kernels may be one off.
            outputs = []
            for it in self.both(content):
                it.allocate_tensors()
                x = samples(1) if tolerance < 1 else (samples(1) * 255 - 128).astype(np.int8)
                it.set_tensor(it.get_input_details()[0]["index"], x)
                it.invoke()
                outputs.append(it.get_tensor(it.get_output_details()[0]["index"]).astype(np.float64))
            self.assertLessEqual(np.abs(outputs[0] - outputs[1]).max(), tolerance)

    def test_errors_are_litert_s(self):
        def provoke(it):
            index = it.get_input_details()[0]["index"]
            yield lambda: it.invoke()
            yield lambda: it.get_tensor(index)
            it.allocate_tensors()
            yield lambda: it.set_tensor(index, np.zeros((1, 28, 28, 1), np.int32))
            yield lambda: it.set_tensor(index, np.zeros((1, 28, 27, 1), np.float32))
            yield lambda: it.set_tensor(index, np.zeros((28, 28, 1), np.float32))
            yield lambda: it.get_tensor(9999)
            yield lambda: it.resize_tensor_input(index, [1, 30, 28, 1], strict=True)
            yield lambda: it.get_signature_runner("none")

        theirs, ours = (list(self.errors(provoke(it))) for it in self.both(self.float_bytes))
        self.assertEqual(theirs, ours)

    @staticmethod
    def errors(actions):
        for action in actions:
            try:
                action()
                yield "none"
            except Exception as e:  # The kinds are what is compared.
                yield type(e).__name__

    def test_resize_and_batch(self):
        it = octet.Interpreter(model_content=self.float_bytes)
        index = it.get_input_details()[0]["index"]
        it.resize_tensor_input(index, [5, 28, 28, 1])
        it.allocate_tensors()
        x = samples(5)
        it.set_tensor(index, x)
        it.invoke()
        together = it.get_tensor(it.get_output_details()[0]["index"])
        run = it.get_signature_runner()
        name = next(iter(run.get_input_details()))
        for i in range(5):
            alone = next(iter(run(**{name: x[i:i + 1]}).values()))
            np.testing.assert_allclose(alone[0], together[i], rtol=1e-5, atol=1e-6)

    def test_views_guard_against_reallocation(self):
        it = octet.Interpreter(model_content=self.float_bytes)
        it.allocate_tensors()
        view = it.tensor(it.get_input_details()[0]["index"])()
        view[...] = 1
        with self.assertRaises(RuntimeError):
            it.allocate_tensors()
        del view
        it.allocate_tensors()
        it.invoke()

    def test_a_view_outlives_its_interpreter(self):
        it = octet.Interpreter(model_content=self.float_bytes)
        it.allocate_tensors()
        view = it.tensor(it.get_input_details()[0]["index"])()
        del it
        view[...] = 3
        self.assertEqual(float(view.sum()), 3 * view.size)

    def test_two_threads_on_one_interpreter_are_told(self):
        it = octet.Interpreter(model_content=self.float_bytes)
        it.resize_tensor_input(it.get_input_details()[0]["index"], [256, 28, 28, 1])
        it.allocate_tensors()
        errors = []

        def work():
            for _ in range(20):
                try:
                    it.invoke()
                except RuntimeError as e:
                    errors.append(str(e))

        threads = [threading.Thread(target=work) for _ in range(2)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertTrue(any("another thread" in e for e in errors))

    def test_real_values_around_integers(self):
        it = octet.Interpreter(model_content=self.int8_bytes)
        it.allocate_tensors()
        it.set_input(0, samples(1))
        it.invoke()
        self.assertAlmostEqual(float(it.get_output(0).sum()), 1.0, delta=0.1)  # Softmax.

    def test_bad_arguments(self):
        for arguments in ({}, {"model_path": "a", "model_content": b"b"}, {"model_path": "/nowhere.tflite"}, {"model_content": b"garbage"},
                          {"model_content": self.float_bytes, "num_threads": 0}, {"model_content": self.float_bytes, "num_threads": "2"}):
            with self.assertRaises(ValueError):
                octet.Interpreter(**arguments)


class Delegates(unittest.TestCase):
    def run_with(self, delegates, **more):
        it = octet.Interpreter(model_path=REPOSITORY / "tests/ops/vectors/ADD/0.tflite", experimental_delegates=delegates, **more)
        it.allocate_tensors()
        for detail in it.get_input_details():
            it.set_tensor(detail["index"], np.random.default_rng(detail["index"]).random(detail["shape"], np.float32))
        it.invoke()
        return it, it.get_tensor(it.get_output_details()[0]["index"])

    def test_external_delegates_run(self):
        _, expected = self.run_with(None)
        for plugin in PLUGINS:
            it, y = self.run_with([octet.load_delegate(plugin, {"split": 0})])
            np.testing.assert_array_equal(y, expected)
            details = it.get_delegate_details()
            self.assertEqual([d["name"] for d in details], [os.path.basename(plugin), "cpu"])
            self.assertEqual([d["nodes"] for d in details], [1, 0])
            self.assertEqual(details[0]["failures"], [])
            kept, y = self.run_with([octet.load_delegate(plugin)], delegate_deny=["add"], shadow_share=1.0)
            np.testing.assert_array_equal(y, expected)
            self.assertEqual(kept.get_delegate_details()[0]["reasons"][0]["reason"], "denied by 'add'")

    def test_failures_are_told(self):
        it, y = self.run_with([octet.load_delegate(PLUGINS[0], {"fail": "prepare"})])
        np.testing.assert_array_equal(y, self.run_with(None)[1])
        details = it.get_delegate_details()[0]
        self.assertIn("the firmware is too old", details["failures"][0])
        self.assertEqual(details["reasons"], [{"node": 0, "op": "add", "place": details["reasons"][0]["place"], "reason": "the delegate refused the model"}])
        with self.assertRaisesRegex(ValueError, "Failed to load delegate from .*\n.*no such device"):
            octet.load_delegate(PLUGINS[0], {"fail": "create"})
        with self.assertRaises(OSError):
            octet.load_delegate("/nowhere/libdelegate.so")
        with self.assertRaises(ValueError):
            self.run_with(["gpu"])


class Converter(Models):
    def test_sizes_follow_the_scheme(self):
        converter = octet.Converter.from_keras_file(SOURCE)
        converter.optimizations = [octet.Optimize.DEFAULT]
        dynamic = converter.convert()
        converter.target_spec.supported_types = [np.float16]
        half = converter.convert()
        self.assertLess(len(self.int8_bytes), len(self.float_bytes))
        self.assertLess(len(dynamic), len(self.float_bytes))
        self.assertLess(len(half), len(self.float_bytes))

    def test_a_missing_model_is_an_error_with_its_name(self):
        with self.assertRaises(octet.ConverterError) as caught:
            octet.Converter.from_keras_file("/nowhere.keras").convert()
        self.assertIn("/nowhere.keras", str(caught.exception))


class Compat(Models):
    def test_the_known_names_are_octet_s(self):
        octet.compat.install()
        from tflite_runtime.interpreter import Interpreter as Stand

        self.assertIs(Stand, octet.Interpreter)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
