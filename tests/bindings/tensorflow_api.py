#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""octet.Converter and octet.compat where TensorFlow is: what its objects become, beside the original's converter.

Usage: tensorflow_api.py OCTET MODULE_FOLDER        (run by a Python with tensorflow)
"""
import contextlib
import io
import os
import sys
import tempfile
import unittest

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1", OCTET_COMMAND=sys.argv[1])
sys.path.insert(0, sys.argv[2])

import keras  # noqa: E402
import numpy as np  # noqa: E402
import octet  # noqa: E402
import tensorflow as tf  # noqa: E402

Original, OriginalInterpreter = tf.lite.TFLiteConverter, tf.lite.Interpreter


class Doubled(keras.layers.Layer):  # Nobody but this program knows what it computes.
    def call(self, x):
        return x + x


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = keras.layers.Dense(8, activation="relu"), keras.layers.Dense(3)

    def call(self, x):
        return self.second(self.first(x))


def model(*more):
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(8, activation="relu"), *more, keras.layers.Dense(3)])


def samples():
    return np.random.default_rng(0).standard_normal((16, 4)).astype(np.float32)


def outputs(content, interpreter=octet.Interpreter):
    it = interpreter(model_content=content)
    it.allocate_tensors()
    found = []
    for x in samples():
        it.set_tensor(it.get_input_details()[0]["index"], x[None])
        it.invoke()
        found.append(it.get_tensor(it.get_output_details()[0]["index"])[0])
    return np.array(found)


class Converter(unittest.TestCase):
    def same(self, content, expected):
        np.testing.assert_allclose(outputs(content), expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(outputs(content, OriginalInterpreter), expected, rtol=1e-4, atol=1e-5)

    def test_every_public_attribute_is_there_with_its_default(self):
        theirs, ours = Original.from_keras_model(model()), octet.Converter.from_keras_model(model())
        for name in [n for n in dir(theirs) if not n.startswith("_") or n.startswith("_experimental")]:
            self.assertTrue(hasattr(ours, name), name)
            value = getattr(theirs, name)
            if value is None or isinstance(value, (bool, str, set)):
                self.assertEqual(getattr(ours, name), value, name)

    def test_models_functions_and_folders(self):
        sequential = model()
        expected = sequential(samples()).numpy()
        self.same(octet.Converter.from_keras_model(sequential).convert(), expected)
        function = tf.function(lambda x: sequential(x)).get_concrete_function(tf.TensorSpec((1, 4), tf.float32))
        self.same(octet.Converter.from_concrete_functions([function], sequential).convert(), expected)
        self.same(octet.Converter.from_concrete_functions([function]).convert(), expected)
        folder = os.path.join(self.folder(), "exported")
        sequential.export(folder, verbose=False)
        converter = octet.Converter.from_saved_model(folder)
        self.same(converter.convert(), expected)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = tf.lite.RepresentativeDataset(lambda: ([x[None]] for x in samples()))
        converter.inference_input_type = converter.inference_output_type = tf.int8
        it = octet.Interpreter(model_content=converter.convert())
        self.assertIs(it.get_input_details()[0]["dtype"], np.int8)

    def folder(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return folder.name

    def test_code_goes_by_a_saved_model(self):
        for built in (model(Doubled()), Subclassed()):
            expected = built(samples()).numpy()
            self.same(octet.Converter.from_keras_model(built).convert(), expected)

    def test_the_debugger_with_the_converter(self):
        converter = octet.Converter.from_keras_model(model(Doubled()))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([x[None]] for x in samples())
        debugger = octet.QuantizationDebugger(converter=converter, debug_dataset=lambda: ([x[None]] for x in samples()))
        debugger.run()
        self.assertTrue(debugger.layer_statistics)

    def test_programs_that_say_tf_lite(self):
        import octet.compat

        octet.compat.install()
        self.assertIs(tf.lite.Interpreter, octet.Interpreter)
        converter = tf.lite.TFLiteConverter.from_keras_model(model())
        converter.target_spec = tf.lite.TargetSpec(supported_ops=[tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
        content = converter.convert()
        with contextlib.redirect_stdout(io.StringIO()) as text:
            tf.lite.experimental.Analyzer.analyze(model_content=content)
        self.assertIn("FULLY_CONNECTED", text.getvalue())
        np.testing.assert_allclose(outputs(content), model()(samples()).numpy(), atol=1e-2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
