# SPDX-License-Identifier: Apache-2.0
"""What the modules with the models share: their folder, their numbers, and how a model is written with its inputs and outputs."""
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

OUT = pathlib.Path(__file__).resolve().parent.parent.parent / "tests/importers/data/onnx"
RNG = np.random.default_rng()  # One for all modules; begin_fixture sets where it stands.
F, I, N = TensorProto.FLOAT, TensorProto.INT64, helper.make_node


def begin_fixture():
    """Every fixture draws the same numbers, whichever were made before it."""
    RNG.bit_generator.state = np.random.default_rng(7).bit_generator.state


def floats(*shape, scale=0.5):
    return (RNG.standard_normal(shape) * scale).astype(np.float32)


def model(nodes, inputs, outputs, weights, opset=17, functions=(), domains=(), ir=8):
    graph = helper.make_graph(nodes, "fixture", [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs],
                              [helper.make_tensor_value_info(n, t, s) for n, t, s in outputs], [numpy_helper.from_array(v, k) for k, v in weights.items()])
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(d, 1) for d in domains]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir, functions=list(functions), producer_name="fixture")


def save(name, m, inputs, expected=None):
    if not any(i.domain == "com.microsoft" for i in m.opset_import):
        onnx.checker.check_model(m)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{name}.onnx").write_bytes(m.SerializeToString(deterministic=True))
    if expected is None:
        expected = ReferenceEvaluator(m).run(None, {i.name: v for i, v in zip(m.graph.input, inputs)})
    arrays = {f"in{i}": v for i, v in enumerate(inputs)} | {f"out{i}": np.asarray(v, order="C") for i, v in enumerate(expected)}
    np.savez(OUT / f"{name}.npz", **arrays)


def computed(m, inputs):
    return onnxruntime.InferenceSession(m.SerializeToString()).run(None, {i.name: v for i, v in zip(m.graph.input, inputs)})
