#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""octet's Python interface beside LiteRT's, on the demo's model.

Usage: python_api.py OCTET MODULE_FOLDER WORK_FOLDER REPOSITORY CLASSIC_PLUGIN OPAQUE_PLUGIN MODELS      (run by a Python with numpy and ai_edge_litert)
"""
import ast
import contextlib
import importlib
import inspect
import io
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
MODELS = pathlib.Path(sys.argv[7])  # Of binding_models.cc.
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

    def test_tensors_of_other_subgraphs_are_litert_s(self):
        pair = [kind(str(MODELS / "two.tflite")) for kind in (LiteRT, octet.Interpreter)]
        for it in pair:
            it.allocate_tensors()
        details = [[(d["name"], d["index"], list(d["shape"]), d["dtype"]) for d in it.get_tensor_details(1)] for it in pair]
        self.assertEqual(details[0], details[1])
        actions = [lambda it: it.get_tensor_details(2), lambda it: it.get_tensor_details(-1), lambda it: it.get_tensor(0, 1), lambda it: it.get_tensor(0, 2)]
        kinds = [list(self.errors(lambda a=a, it=it: a(it) for a in actions)) for it in pair]
        self.assertEqual(kinds[0], kinds[1])
        left = np.full((1, 4), 5, np.float32)
        for it in pair:  # What a runner computed is there.
            self.assertEqual(it.get_signature_runner("minus")(left=left, right=left - 3)["result"][0, 0], 3)
            index = next(d["index"] for d in it.get_tensor_details(1) if d["name"] == "minus")
            self.assertEqual(it.get_tensor(index, 1)[0, 0], 3)
        self.assertEqual(pair[0]._get_full_signature_list(), pair[1]._get_full_signature_list())

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


class WrongUse(Models):
    """The column "Python" of docs/wrong_use.md; two threads are above."""

    def test_every_kind_is_told(self):
        it = octet.Interpreter(model_content=self.float_bytes)
        index = it.get_input_details()[0]["index"]
        zeros = np.zeros((1, 28, 28, 1), np.float32)
        cases = [
            (RuntimeError, "not ready", it.invoke),
            (ValueError, "Try calling allocate_tensors\\(\\) first", lambda: it.set_tensor(index, zeros)),
            (ValueError, "Run allocate_tensors\\(\\) first", lambda: it.get_tensor(index)),
            (ValueError, 'Invalid signature_key provided: "none"', lambda: it.get_signature_runner("none")),
            (ValueError, "Invalid number of inputs", lambda: it.get_signature_runner()()),
            (ValueError, "Invalid Input name \\(none\\)", lambda: it.get_signature_runner()(none=zeros)),
        ]
        for kind, text, action in cases:
            with self.assertRaisesRegex(kind, text):
                action()
        it.allocate_tensors()
        cases = [
            (ValueError, "Got 27 but expected 28 for dimension 2", lambda: it.set_tensor(index, zeros[:, :, :27])),
            (ValueError, "Got 3 but expected 4", lambda: it.set_tensor(index, zeros[0])),
            (ValueError, "Got value of type INT32 but expected type FLOAT32", lambda: it.set_tensor(index, zeros.astype(np.int32))),
            (ValueError, "Invalid tensor index 9999", lambda: it.get_tensor(9999)),
            (ValueError, "Invalid tensor index", lambda: it.get_tensor(1 << 40)),
            (RuntimeError, "is not an input", lambda: it.resize_tensor_input(9999, [1])),
            (RuntimeError, "not negative", lambda: it.resize_tensor_input(index, [-1, 28, 28, 1])),
            (ValueError, "subgraph_index is out of range: 7", lambda: it.get_tensor_details(7)),
        ]
        for kind, text, action in cases:
            with self.assertRaisesRegex(kind, text):
                action()
        it.set_tensor(index, zeros)  # And it still works.
        it.invoke()

    def test_no_array_of_memory_that_is_not_there(self):
        it = octet.Interpreter(model_content=self.float_bytes)
        index, output = (details()[0]["index"] for details in (it.get_input_details, it.get_output_details))
        memory = it.tensor(output)
        with self.assertRaisesRegex(ValueError, "Run allocate_tensors"):
            memory()
        it.allocate_tensors()
        self.assertEqual(memory().shape, (1, 10))
        it.resize_tensor_input(index, [4, 28, 28, 1])
        with self.assertRaisesRegex(ValueError, "Run allocate_tensors"):
            memory()

    def test_constants_are_read_only(self):
        it = octet.Interpreter(model_content=self.float_bytes)
        it.allocate_tensors()
        tensors = [d["index"] for d in it.get_tensor_details()]
        constants = [i for i in tensors if not it.tensor(i)().flags.writeable]
        self.assertGreater(len(constants), 1)
        self.assertLess(len(constants), len(tensors))
        for i in constants:
            with self.assertRaisesRegex(ValueError, "is a constant of the model"):
                it.set_tensor(i, it.get_tensor(i))

    def test_a_wrong_shape_does_not_stay(self):
        it = octet.Interpreter(model_content=self.float_bytes)
        index = it.get_input_details()[0]["index"]
        it.resize_tensor_input(index, [1, 27, 28, 3])
        self.assertEqual(it.get_input_details()[0]["shape"].tolist(), [1, 27, 28, 3])  # At once, as LiteRT says it.
        run = it.get_signature_runner()
        (name,) = run.get_input_details()
        for shape in ([28], [2, 28], [28]):
            with self.assertRaises(ValueError):
                run(**{name: np.zeros(shape, np.float32)})
        (scores,) = run(**{name: samples(1)}).values()
        self.assertEqual(scores.shape, (1, 10))

    def test_names_may_be_no_utf_8(self):
        name = octet.Interpreter(model_content=self.float_bytes).get_input_details()[0]["name"].encode()
        it = octet.Interpreter(model_content=self.float_bytes.replace(name, name[:-1] + b"\xff"))
        self.assertEqual(it.get_input_details()[0]["name"], name[:-1].decode() + "\ufffd")

    def test_content_is_bytes(self):
        for content in (10**12, "text", [1, 2]):
            with self.assertRaises(TypeError):
                octet.Interpreter(model_content=content)
        for kind in (bytes, bytearray, memoryview, lambda b: np.frombuffer(b, np.uint8)):
            octet.Interpreter(model_content=kind(self.float_bytes)).allocate_tensors()

    def test_errors_are_of_litert_s_classes(self):
        content = self.float_bytes

        def ready(kind):
            it = kind(model_content=content)
            it.allocate_tensors()
            return it

        def strict(kind):
            it = ready(kind)
            it.resize_tensor_input(it.get_input_details()[0]["index"], [1, 28, 28, 3], strict=True)

        zeros = np.zeros((1, 28, 28, 1), np.float32)
        cases = [
            lambda kind: kind(), lambda kind: kind(model_path="/nowhere.tflite"), lambda kind: kind(model_content=b"garbage" * 9),
            lambda kind: kind(model_path="/nowhere.tflite", model_content=content), lambda kind: kind(model_content=content, num_threads=-1),
            lambda kind: kind(model_content=content, num_threads="4"), lambda kind: kind(model_content=content).invoke(),
            lambda kind: kind(model_content=content).set_tensor(0, zeros), lambda kind: ready(kind).set_tensor(0, zeros[0]),
            lambda kind: ready(kind).set_tensor(0, zeros.astype(np.int8)), lambda kind: ready(kind).set_tensor(0, zeros[:, :27]),
            lambda kind: ready(kind).set_tensor(9999, zeros), lambda kind: ready(kind).get_tensor(9999), lambda kind: ready(kind).get_tensor(-1),
            lambda kind: ready(kind).get_tensor(0, 7), lambda kind: ready(kind).get_tensor_details(7), lambda kind: ready(kind).resize_tensor_input(9999, [1]),
            lambda kind: ready(kind).resize_tensor_input(0, [-1, 28, 28, 1]), strict, lambda kind: ready(kind).get_signature_runner("none"),
            lambda kind: ready(kind).get_signature_runner()(), lambda kind: kind(model_content=content, experimental_op_resolver_type=17),
        ]
        for number, case in enumerate(cases):
            found = []
            for kind in (LiteRT, octet.Interpreter):
                with self.assertRaises(Exception) as caught:
                    case(kind)
                found.append(type(caught.exception))
            self.assertIs(found[0], found[1], number)


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

    def test_wishes_that_do_not_fit_are_told(self):
        def asked(error, word, **attributes):
            converter = octet.Converter.from_keras_file(SOURCE)
            for name, value in attributes.items():
                setattr(converter.target_spec if hasattr(converter.target_spec, name) else converter, name, value)
            with self.assertRaises(error) as caught:
                converter.convert()
            self.assertIn(word, str(caught.exception))

        default, data = [octet.Optimize.DEFAULT], lambda: ([x[None]] for x in samples(4))
        asked(ValueError, "representative_dataset", optimizations=default, supported_ops=[octet.OpsSet.TFLITE_BUILTINS_INT8])
        asked(ValueError, "representative_dataset", optimizations=default, supported_types=[np.int8])
        asked(ValueError, "inference_input_type", inference_input_type=np.int8)
        asked(ValueError, "int16", optimizations=default, representative_dataset=data, inference_input_type=np.int16, inference_output_type=np.int16)
        asked(octet.ConverterError, "StableHLO", supported_ops=[octet.OpsSet.EXPERIMENTAL_STABLEHLO_OPS])
        asked(octet.ConverterError, "float64", supported_types=[np.float64])
        asked(octet.ConverterError, "_experimental_calibrate_only", _experimental_calibrate_only=True)
        with self.assertRaises(octet.ConverterError):
            octet.Converter.experimental_from_jax([], [])

    def test_wishes_reach_the_quantizer(self):
        def made(**attributes):
            converter = octet.Converter.from_keras_file(SOURCE)
            converter.optimizations = {octet.Optimize.DEFAULT}
            converter.representative_dataset = octet.RepresentativeDataset(lambda: ([x[None]] for x in samples(8)))
            for name, value in attributes.items():
                setattr(converter.target_spec if hasattr(converter.target_spec, name) else converter, name, value)
            it = octet.Interpreter(model_content=converter.convert())
            scales = max(len(d["quantization_parameters"]["scales"]) for d in it.get_tensor_details())
            return it.get_input_details()[0]["dtype"], it.get_output_details()[0]["dtype"], scales

        int16 = [octet.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
        self.assertGreater(made()[2], 1)
        self.assertEqual(made(_experimental_disable_per_channel=True)[2], 1)
        self.assertEqual(made(supported_types=[np.int8], inference_input_type=np.uint8, inference_output_type=np.uint8)[:2], (np.uint8, np.uint8))
        self.assertEqual(made(inference_input_type=np.int8)[:2], (np.int8, np.float32))
        self.assertEqual(made(supported_ops=int16, inference_input_type=np.int16, inference_output_type=np.int16)[:2], (np.int16, np.int16))
        self.assertEqual(made(supported_types=[np.float16]), (np.float32, np.float32, 0))  # As there: the type asked for counts, samples or not.


class Views(Models):
    """What tf.lite.experimental offers around the two."""

    def test_analyzer_names_operators_tensors_and_sizes(self):
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            octet.Analyzer.analyze(model_content=self.int8_bytes, gpu_compatibility=True)
        for part in ("=== TFLite ModelAnalyzer ===", "Op#0 CONV_2D(T#", "type:INT8 RO ", "Signature#0 key: 'serving_default'", "Model size:", "GPU COMPATIBILITY WARNING"):
            self.assertIn(part, text.getvalue())
        for arguments in ({}, {"model_path": "a", "model_content": b"b"}, {"model_content": b"garbage"}):
            with self.assertRaises(ValueError):
                octet.Analyzer.analyze(**arguments)

    def debugger(self, **arguments):
        converter = octet.Converter.from_keras_file(SOURCE)
        converter.optimizations = [octet.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([x[None]] for x in samples(24))
        return octet.QuantizationDebugger(converter=converter, debug_dataset=lambda: ([x[None]] for x in samples(1)), **arguments)

    def test_debugger_finds_the_layers_errors(self):
        options = octet.QuantizationDebugOptions(
            layer_debug_metrics={"l1": lambda diff: np.abs(diff).mean()},
            layer_direct_compare_metrics={"steps": lambda real, integers, scale, zero: float(np.abs(real / scale + zero - integers).max())},
            model_debug_metrics={"worst": lambda real, quantized: float(np.abs(real[0] - quantized[0]).max())})
        debugger = self.debugger(debug_options=options)
        debugger.run()
        self.assertGreater(len(debugger.layer_statistics), 8)
        for found in debugger.layer_statistics.values():
            self.assertAlmostEqual(found["stddev"] ** 2 + found["mean_error"] ** 2, found["mean_squared_error"], delta=1e-3 * found["mean_squared_error"] + 1e-9)
            self.assertGreaterEqual(found["max_abs_error"], found["l1"])
        self.assertLess(debugger.model_statistics["worst"], 0.2)
        table = io.StringIO()
        debugger.layer_statistics_dump(table)
        lines = table.getvalue().splitlines()
        self.assertEqual(lines[0], "op_name,tensor_idx,num_elements,stddev,mean_error,max_abs_error,mean_squared_error,l1,steps,scale,zero_point,tensor_name")
        self.assertEqual(len(lines), 1 + len(debugger.layer_statistics))

    def test_debugger_keeps_the_denied_in_float(self):
        debugger = self.debugger()
        debugger.run()
        count = len(debugger.layer_statistics)
        debugger.options = octet.QuantizationDebugOptions(denylisted_ops=["DEPTHWISE_CONV_2D"])
        debugger.run()
        self.assertLess(len(debugger.layer_statistics), count)

    def test_debugger_says_what_it_lacks(self):
        for arguments in ({}, {"quant_debug_model_content": self.int8_bytes}):
            with self.assertRaises(ValueError):
                octet.QuantizationDebugger(**arguments)
        with self.assertRaises(ValueError):
            octet.QuantizationDebugOptions(layer_debug_metrics={"stddev": np.std})


class Stubs(unittest.TestCase):
    """The .pyi files say what is there."""

    def test_names_and_arguments_are_those_of_the_modules(self):
        checked = 0
        for stub in sorted(pathlib.Path(octet.__file__).parent.glob("*.pyi")):
            try:
                module = importlib.import_module("octet" if stub.stem == "__init__" else f"octet.{stub.stem}")
            except ModuleNotFoundError as error:
                self.assertIn(error.name, ("keras", "ray"))  # Of octet.qat and octet.ray, where they are.
                continue
            for node in ast.parse(stub.read_text()).body:
                if isinstance(node, ast.FunctionDef):
                    self.same(module, node)
                    checked += 1
                elif isinstance(node, ast.ClassDef) and not any(getattr(b, "id", "") == "TypedDict" for b in node.bases):
                    for member in node.body:
                        if isinstance(member, ast.FunctionDef):
                            self.same(getattr(module, node.name), member)
                            checked += 1
        self.assertGreater(checked, 40)

    def same(self, owner, node):
        found = inspect.getattr_static(owner, node.name)
        if isinstance(found, property):
            return
        parameters = inspect.signature(getattr(found, "__func__", found)).parameters
        a = node.args
        stubbed = [p.arg for p in a.posonlyargs + a.args] + ([a.vararg.arg] if a.vararg else []) + [p.arg for p in a.kwonlyargs] + ([a.kwarg.arg] if a.kwarg else [])
        self.assertEqual(stubbed, list(parameters), f"{owner}.{node.name}")


class Compat(Models):
    def test_the_known_names_are_octet_s(self):
        octet.compat.install()
        from tflite_runtime.interpreter import Interpreter as Stand

        self.assertIs(Stand, octet.Interpreter)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
