#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/ops/vectors: small models of one operator each with inputs and LiteRT's outputs, in the format that
octet_conformance reads (src/cli/tfio.h), so that every operator is tested without any other data.

Usage: scripts/op_vectors.py [OUT_FOLDER]      with the Python of scripts/litert_venv.sh; needs flatc.
Models are written with the classes that flatc makes of src/tflite/schema.fbs. The same LiteRT gives the same files.
"""
import pathlib
import struct
import subprocess
import sys
import tempfile

import flatbuffers
import numpy as np
from flatbuffers import flexbuffers

ROOT = pathlib.Path(__file__).resolve().parent.parent
TYPES = {"f32": (0, "f4"), "f16": (1, "f2"), "i32": (2, "i4"), "u8": (3, "u1"), "i64": (4, "i8"), "str": (5, None), "bool": (6, "?"), "i16": (7, "i2"),
         "c64": (8, "c8"), "i8": (9, "i1"), "f64": (10, "f8"), "u64": (12, "u8"), "resource": (13, None), "u32": (15, "u4"), "u16": (16, "u2")}
rng = np.random.default_rng(0)


def load_schema():
    """The object classes of the schema, made by flatc."""
    folder = tempfile.mkdtemp()
    subprocess.run(["flatc", "--python", "--gen-object-api", "--gen-onefile", "-o", folder, str(ROOT / "src/tflite/schema.fbs")], check=True)
    text = "".join(p.read_text() for p in sorted(pathlib.Path(folder).rglob("*.py")))
    space = {"np": np, "flatbuffers": flatbuffers}
    exec(compile(text.replace("from flatbuffers.compat import import_numpy\nnp = import_numpy()", ""), "schema", "exec"), space)
    return space


S = load_schema()


class T:
    """A tensor: an input when it has data and is not constant, computed when it has none."""

    def __init__(self, dtype, shape=(), data=None, const=False, quant=None, axis=0, variable=False, lo=None, hi=None):
        self.dtype, self.shape, self.const, self.quant, self.axis, self.variable = dtype, tuple(shape), const, quant, axis, variable
        self.data = data
        if isinstance(data, str) and data == "random":
            self.data = random_values(dtype, self.shape, lo, hi)
        elif data is not None and dtype != "str":
            self.data = np.asarray(data, dtype=TYPES[dtype][1])
            self.shape = self.data.shape
        elif data is not None:
            self.shape = (len(data),)


def random_values(dtype, shape, lo, hi):
    kind = np.dtype(TYPES[dtype][1]).kind
    if kind == "f":
        return rng.uniform(-3 if lo is None else lo, 3 if hi is None else hi, shape).astype(TYPES[dtype][1])
    if kind == "c":
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(TYPES[dtype][1])
    if kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    info = np.iinfo(TYPES[dtype][1])
    low = lo if lo is not None else max(info.min, -100)
    high = hi if hi is not None else min(info.max, 100)
    return rng.integers(low, high, shape, endpoint=True).astype(TYPES[dtype][1])


def strings_buffer(strings):
    parts = [s if isinstance(s, bytes) else s.encode() for s in strings]
    at, offsets = 4 * (len(parts) + 2), []
    for p in parts:
        offsets.append(at)
        at += len(p)
    return struct.pack(f"<{len(parts) + 2}i", len(parts), *offsets, at) + b"".join(parts)


def raw(t):
    return strings_buffer(t.data) if t.dtype == "str" else np.ascontiguousarray(t.data).tobytes()


class Op:
    def __init__(self, name, inputs, outputs, options=None, version=1, custom=None, /, **fields):
        self.name, self.inputs, self.outputs, self.options, self.version, self.custom, self.fields = name, inputs, outputs, options, version, custom, fields


class Graph:
    def __init__(self, inputs, outputs, ops):
        self.inputs, self.outputs, self.ops = inputs, outputs, ops


def build(graphs):
    m = S["ModelT"]()
    m.version, m.description = 3, "octet operator vector"
    m.buffers, m.subgraphs, m.operatorCodes = [S["BufferT"]()], [], []
    codes = {}
    for g in graphs:
        sub = S["SubGraphT"]()
        sub.name, sub.tensors, sub.operators = f"g{len(m.subgraphs)}", [], []
        index = {}

        def number(t):
            if t is None:
                return -1
            if id(t) not in index:
                index[id(t)] = len(sub.tensors)
                sub.tensors.append(tensor(m, t, f"t{len(sub.tensors)}"))
            return index[id(t)]

        sub.inputs = [number(t) for t in g.inputs]
        for op in g.ops:
            key = (op.name, op.version)
            if key not in codes:
                codes[key] = len(m.operatorCodes)
                code = S["OperatorCodeT"]()
                builtin = getattr(S["BuiltinOperator"], op.name, S["BuiltinOperator"].CUSTOM)
                code.deprecatedBuiltinCode, code.builtinCode, code.version = min(builtin, 127), builtin, op.version
                if builtin == S["BuiltinOperator"].CUSTOM:
                    code.customCode = op.name
                m.operatorCodes.append(code)
            o = S["OperatorT"]()
            o.opcodeIndex, o.inputs, o.outputs = codes[key], [number(t) for t in op.inputs], [number(t) for t in op.outputs]
            if op.options:
                table = S[op.options + "T"]()
                for field, value in op.fields.items():
                    setattr(table, field, value)
                second = hasattr(S["BuiltinOptions2"], op.options)
                union = S["BuiltinOptions2" if second else "BuiltinOptions"]
                setattr(o, "builtinOptions2Type" if second else "builtinOptionsType", getattr(union, op.options))
                setattr(o, "builtinOptions2" if second else "builtinOptions", table)
            if op.custom is not None:
                o.customOptions = list(op.custom)
            sub.operators.append(o)
        sub.outputs = [number(t) for t in g.outputs]
        m.subgraphs.append(sub)
    b = flatbuffers.Builder(1024)
    b.Finish(m.Pack(b), b"TFL3")
    return bytes(b.Output())


def tensor(m, t, name):
    out = S["TensorT"]()
    out.name, out.type, out.shape, out.isVariable, out.hasRank = name, TYPES[t.dtype][0], list(t.shape), t.variable, True
    out.buffer = 0
    if t.const:
        buffer = S["BufferT"]()
        buffer.data = list(raw(t))
        m.buffers.append(buffer)
        out.buffer = len(m.buffers) - 1
    if t.quant:
        q = S["QuantizationParametersT"]()
        q.scale, q.zeroPoint = np.atleast_1d(t.quant[0]).astype(float).tolist(), np.atleast_1d(t.quant[1]).tolist()
        q.quantizedDimension = t.axis
        out.quantization = q
    return out


def run(model, inputs, runs, reference):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # Who only writes models needs none: flex_vectors.py.

    resolver = OpResolverType.BUILTIN_REF if reference else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    it = Interpreter(model_content=model, experimental_op_resolver_type=resolver)
    it.allocate_tensors()
    results = []
    for _ in range(runs):
        for d, t in zip(it.get_input_details(), inputs):
            it.set_tensor(d["index"], np.array(t.data, dtype=np.bytes_ if t.dtype == "str" else None).reshape(t.shape))
        it.invoke()
        results.append([np.array(it.get_tensor(d["index"])) for d in it.get_output_details()])
    return results


def tensor_bytes(dtype, shape, data):
    head = struct.pack("<H", 0) + struct.pack("<BB", TYPES[dtype][0], len(shape)) + struct.pack(f"<{len(shape)}i", *shape)
    return head + struct.pack("<Q", len(data)) + data


def io_bytes(inputs, outputs, results):
    out = b"TFIO" + struct.pack("<II", 1, len(results))
    for values in results:
        out += struct.pack("<HBHH", 0, 0, len(inputs), len(outputs))
        for t in inputs:
            out += tensor_bytes(t.dtype, t.shape, raw(t))
        for t, v in zip(outputs, values):
            data = strings_buffer(v.ravel()) if t.dtype == "str" else np.ascontiguousarray(v).tobytes()
            out += tensor_bytes(t.dtype, v.shape, data)
            real = v.dtype.kind in "fc"
            finite = np.abs(v[np.isfinite(v)]).astype(float) if real else np.zeros(0)
            out += struct.pack("<Bff", 1 if real else 0, 1e-5 * (finite.max() if finite.size else 1) if real else 0, 1e-5 if real else 0)
        out += struct.pack("<H", 0)
    return out


class Vectors:
    def __init__(self, folder):
        self.folder, self.made, self.failed = folder, set(), []

    def add(self, name, graphs, case="0", runs=1):
        main = graphs[0]
        model = build(graphs)
        error = None
        # LiteRT's reference kernel of this one leaves out the last channel of each window; the reference resolver
        # lacks a few operators. For both, its optimized kernels say what is right.
        for reference in (False,) if name == "LOCAL_RESPONSE_NORMALIZATION" else (True, False):
            try:
                results = run(model, main.inputs, runs, reference)
                break
            except Exception as e:
                error = e
        else:
            self.failed.append(f"{name}: {str(error)[:150]}")
            return
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{case}.tflite").write_bytes(model)
        (folder / f"{case}.io").write_bytes(io_bytes(main.inputs, main.outputs, results))
        self.made.add(name)

    def one(self, name, inputs, outputs, options=None, version=1, case="0", runs=1, custom=None, **fields):
        """One operator whose computed inputs are the model's."""
        real = [t for t in inputs if t is not None and not t.const and not t.variable]
        self.add(name, [Graph(real, outputs, [Op(name, inputs, outputs, options, version, custom, **fields)])], case, runs)


def f(*shape, **k):
    return T("f32", shape, "random", **k)


def c(dtype, data):
    return T(dtype, data=data, const=True)


def o(dtype="f32", *shape, **k):
    return T(dtype, shape, **k)


def q8(*shape, scale=0.05, zero=3, **k):
    return T("i8", shape, "random", quant=(scale, zero), **k)


def unary(v):
    for name, options in [("ABS", "AbsOptions"), ("CEIL", None), ("COS", "CosOptions"), ("ELU", None), ("EXP", "ExpOptions"), ("FLOOR", None),
                          ("GELU", "GeluOptions"),
                          ("HARD_SWISH", "HardSwishOptions"), ("LEAKY_RELU", "LeakyReluOptions"), ("LOGISTIC", None), ("LOG_SOFTMAX", "LogSoftmaxOptions"),
                          ("NEG", "NegOptions"), ("RELU", None), ("RELU6", None), ("RELU_0_TO_1", None), ("RELU_N1_TO_1", None), ("ROUND", None),
                          ("SIGN", "SignOptions"),
                          ("SIN", None), ("SQUARE", "SquareOptions"), ("TANH", None), ("ZEROS_LIKE", "ZerosLikeOptions")]:
        v.one(name, [f(2, 3)], [o("f32", 2, 3)], options, **({"alpha": 0.2} if name == "LEAKY_RELU" else {}))
    for name in ("LOG", "RSQRT", "SQRT"):
        v.one(name, [f(2, 3, lo=0.1, hi=4)], [o("f32", 2, 3)])
    for name in ("HARD_SWISH", "RELU", "RELU6"):
        v.one(name, [q8(2, 5)], [o("i8", 2, 5, quant=(0.03, -1))], "HardSwishOptions" if name == "HARD_SWISH" else None, 2 if name != "HARD_SWISH" else 1, "i8")
    v.one("LOGISTIC", [q8(2, 5)], [o("i8", 2, 5, quant=(1 / 256, -128))], None, 2, "i8")
    v.one("TANH", [q8(2, 5)], [o("i8", 2, 5, quant=(1 / 128, 0))], None, 2, "i8")
    v.one("LOGICAL_NOT", [T("bool", (2, 3), "random")], [o("bool", 2, 3)], "LogicalNotOptions")
    for name, case in (("REAL", "f32"), ("IMAG", "f32"), ("COMPLEX_ABS", "f32")):
        v.one(name, [T("c64", (2, 3), "random")], [o(case, 2, 3)])
    v.one("SOFTMAX", [f(2, 5)], [o("f32", 2, 5)], "SoftmaxOptions", beta=1.0)
    v.one("SOFTMAX", [q8(2, 5)], [o("i8", 2, 5, quant=(1 / 256, -128))], "SoftmaxOptions", 2, "i8", beta=1.0)
    v.one("L2_NORMALIZATION", [f(2, 4)], [o("f32", 2, 4)], "L2NormOptions")
    v.one("LOCAL_RESPONSE_NORMALIZATION", [f(1, 2, 2, 6)], [o("f32", 1, 2, 2, 6)], "LocalResponseNormalizationOptions", radius=0, bias=1.0, alpha=0.5, beta=0.5)
    v.one("CAST", [f(2, 3)], [o("i32", 2, 3)], "CastOptions", inDataType=0, outDataType=2)
    v.one("BITCAST", [f(2, 3)], [o("i32", 2, 3)], "BitcastOptions")
    v.one("QUANTIZE", [f(2, 3)], [o("i8", 2, 3, quant=(0.05, 3))], "QuantizeOptions")
    v.one("DEQUANTIZE", [q8(2, 3)], [o("f32", 2, 3)], "DequantizeOptions", 2)
    v.one("FAKE_QUANT", [f(2, 3)], [o("f32", 2, 3)], "FakeQuantOptions", min=-2.0, max=2.0, numBits=8)
    v.one("PRELU", [f(1, 2, 3), T("f32", (1, 1, 3), "random", const=True)], [o("f32", 1, 2, 3)])


def binary(v):
    for name, options in [("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions"), ("DIV", "DivOptions"), ("MAXIMUM", "MaximumMinimumOptions"),
                          ("MINIMUM", "MaximumMinimumOptions"), ("SQUARED_DIFFERENCE", "SquaredDifferenceOptions"), ("FLOOR_DIV", "FloorDivOptions"),
                          ("FLOOR_MOD", "FloorModOptions"), ("ATAN2", "ATan2Options")]:
        v.one(name, [f(2, 3), f(2, 3, lo=0.5, hi=3)], [o("f32", 2, 3)], options, 2 if name == "FLOOR_DIV" else 1)
    v.one("POW", [f(2, 3, lo=0.2, hi=3), f(2, 3)], [o("f32", 2, 3)], "PowOptions")
    for name, options in (("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions")):
        v.one(name, [q8(2, 3), q8(2, 3, scale=0.1, zero=-4)], [o("i8", 2, 3, quant=(0.15, 1))], options, 2, "i8")
    for name, options in [("EQUAL", "EqualOptions"), ("NOT_EQUAL", "NotEqualOptions"), ("LESS", "LessOptions"), ("LESS_EQUAL", "LessEqualOptions"),
                          ("GREATER", "GreaterOptions"), ("GREATER_EQUAL", "GreaterEqualOptions")]:
        v.one(name, [T("i32", (2, 3), "random", lo=0, hi=2), T("i32", (2, 3), "random", lo=0, hi=2)], [o("bool", 2, 3)], options)
    for name, options in (("LOGICAL_AND", "LogicalAndOptions"), ("LOGICAL_OR", "LogicalOrOptions")):
        v.one(name, [T("bool", (2, 3), "random"), T("bool", (2, 3), "random")], [o("bool", 2, 3)], options)
    v.one("BITWISE_XOR", [T("i32", (2, 3), "random"), T("i32", (2, 3), "random")], [o("i32", 2, 3)], "BitwiseXorOptions")
    v.one("RIGHT_SHIFT", [T("i32", (2, 3), "random"), T("i32", (2, 3), "random", lo=0, hi=8)], [o("i32", 2, 3)], "RightShiftOptions")
    v.one("ADD_N", [f(2, 3), f(2, 3), f(2, 3)], [o("f32", 2, 3)], "AddNOptions")
    v.one("SELECT", [T("bool", (2, 3), "random"), f(2, 3), f(2, 3)], [o("f32", 2, 3)], "SelectOptions")
    v.one("SELECT_V2", [T("bool", (2, 1), "random"), f(2, 3), f(1, 3)], [o("f32", 2, 3)], "SelectV2Options")
    for name in ("ADD", "MULTIPLY", "MAXIMUM", "MINIMUM"):
        v.one("STABLEHLO_" + name, [T("i32", (2, 3), "random"), T("i32", (2, 3), "random")], [o("i32", 2, 3)])
    v.one("STABLEHLO_AND", [T("i32", (2, 3), "random"), T("i32", (2, 3), "random")], [o("i32", 2, 3)])
    v.one("STABLEHLO_SHIFT_LEFT", [T("i32", (2, 3), "random"), T("i32", (2, 3), "random", lo=0, hi=6)], [o("i32", 2, 3)], "StablehloShiftLeftOptions")


def movers(v):
    v.one("RESHAPE", [f(2, 3), c("i32", [3, 2])], [o("f32", 3, 2)], "ReshapeOptions", newShape=[3, 2])
    v.one("SQUEEZE", [f(1, 2, 1, 3)], [o("f32", 2, 3)], "SqueezeOptions", squeezeDims=[0, 2])
    v.one("EXPAND_DIMS", [f(2, 3), c("i32", 1)], [o("f32", 2, 1, 3)], "ExpandDimsOptions")
    v.one("TRANSPOSE", [f(2, 3, 2), c("i32", [2, 0, 1])], [o("f32", 2, 2, 3)], "TransposeOptions")
    v.one("CONCATENATION", [f(2, 2), f(2, 3)], [o("f32", 2, 5)], "ConcatenationOptions", axis=1)
    v.one("PACK", [f(2, 2), f(2, 2)], [o("f32", 2, 2, 2)], "PackOptions", valuesCount=2, axis=1)
    v.one("UNPACK", [f(2, 3)], [o("f32", 3), o("f32", 3)], "UnpackOptions", num=2, axis=0)
    v.one("SPLIT", [c("i32", 1), f(2, 4)], [o("f32", 2, 2), o("f32", 2, 2)], "SplitOptions", numSplits=2)
    v.one("SPLIT_V", [f(2, 4), c("i32", [1, 3]), c("i32", 1)], [o("f32", 2, 1), o("f32", 2, 3)], "SplitVOptions", numSplits=2)
    v.one("SLICE", [f(3, 4), c("i32", [1, 0]), c("i32", [2, 2])], [o("f32", 2, 2)], "SliceOptions")
    v.one("STRIDED_SLICE", [f(4, 5), c("i32", [0, 1]), c("i32", [4, 5]), c("i32", [2, 2])], [o("f32", 2, 2)], "StridedSliceOptions")
    v.one("TILE", [f(2, 3), c("i32", [2, 1])], [o("f32", 4, 3)], "TileOptions")
    v.one("PAD", [f(2, 3), c("i32", [[1, 0], [0, 2]])], [o("f32", 3, 5)], "PadOptions")
    v.one("PADV2", [f(2, 3), c("i32", [[1, 0], [0, 2]]), c("f32", 7.0)], [o("f32", 3, 5)], "PadV2Options")
    v.one("MIRROR_PAD", [f(3, 4), c("i32", [[1, 1], [2, 0]])], [o("f32", 5, 6)], "MirrorPadOptions", mode=0)
    v.one("REVERSE_V2", [f(2, 3), c("i32", [1])], [o("f32", 2, 3)], "ReverseV2Options")
    v.one("REVERSE_SEQUENCE", [f(2, 4), T("i64", data=[2, 3])], [o("f32", 2, 4)], "ReverseSequenceOptions", seqDim=1, batchDim=0)
    v.one("GATHER", [f(4, 3), T("i32", data=[2, 0])], [o("f32", 2, 3)], "GatherOptions", axis=0)
    v.one("GATHER", [T("str", data=["one", "two", "", "four"]), T("i32", data=[3, 2, 0])], [o("str", 3)], "GatherOptions", case="str", axis=0)
    v.one("GATHER_ND", [f(3, 4), T("i32", data=[[0, 1], [2, 3]])], [o("f32", 2)], "GatherNdOptions")
    v.one("SCATTER_ND", [T("i32", data=[[0], [2]]), f(2, 3), c("i32", [4, 3])], [o("f32", 4, 3)], "ScatterNdOptions")
    v.one("SPACE_TO_BATCH_ND", [f(1, 4, 4, 1), c("i32", [2, 2]), c("i32", [[0, 0], [0, 0]])], [o("f32", 4, 2, 2, 1)], "SpaceToBatchNDOptions")
    v.one("BATCH_TO_SPACE_ND", [f(4, 2, 2, 1), c("i32", [2, 2]), c("i32", [[0, 0], [0, 0]])], [o("f32", 1, 4, 4, 1)], "BatchToSpaceNDOptions")
    v.one("SPACE_TO_DEPTH", [f(1, 4, 4, 1)], [o("f32", 1, 2, 2, 4)], "SpaceToDepthOptions", blockSize=2)
    v.one("DEPTH_TO_SPACE", [f(1, 2, 2, 4)], [o("f32", 1, 4, 4, 1)], "DepthToSpaceOptions", blockSize=2)
    v.one("BROADCAST_TO", [f(1, 3), c("i32", [2, 3])], [o("f32", 2, 3)], "BroadcastToOptions", 2)
    v.one("BROADCAST_ARGS", [T("i32", data=[1, 3]), T("i32", data=[2, 1])], [o("i32", 2)])
    v.one("FILL", [c("i32", [2, 3]), T("f32", data=2.5)], [o("f32", 2, 3)], "FillOptions")
    v.one("SHAPE", [f(2, 3)], [o("i32", 2)], "ShapeOptions", outType=2)
    v.one("RANK", [f(2, 3)], [o("i32")], "RankOptions")
    v.one("RANGE", [T("i32", data=1), T("i32", data=9), T("i32", data=3)], [o("i32", 3)], "RangeOptions")
    v.one("ONE_HOT", [T("i32", data=[0, 2, 1]), c("i32", 3), c("f32", 1.0), c("f32", 0.0)], [o("f32", 3, 3)], "OneHotOptions", axis=-1)
    v.one("MATRIX_DIAG", [f(2, 3)], [o("f32", 2, 3, 3)], "MatrixDiagOptions")
    v.one("MATRIX_SET_DIAG", [f(2, 3, 3), f(2, 3)], [o("f32", 2, 3, 3)], "MatrixSetDiagOptions")
    v.one("SPARSE_TO_DENSE", [c("i32", [[0, 1], [2, 0]]), c("i32", [3, 2]), f(2), c("f32", 0.5)], [o("f32", 3, 2)], "SparseToDenseOptions")
    v.one("DYNAMIC_UPDATE_SLICE", [f(3, 4), f(2, 2), T("i32", data=[1, 1])], [o("f32", 3, 4)], "DynamicUpdateSliceOptions")
    v.one("DILATE", [f(2, 3), c("i32", [2, 3]), c("f32", 0.0)], [o("f32", 3, 7)], "DilateOptions")
    v.one("STABLEHLO_PAD", [f(2, 3), c("f32", 0.5)], [o("f32", 4, 6)], "StablehloPadOptions", edgePaddingLow=[1, 0], edgePaddingHigh=[0, 1],
          interiorPadding=[1, 1])
    v.one("STABLEHLO_GATHER", [f(5, 3), T("i32", data=[[0], [4], [2]])], [o("f32", 3, 3)], "StablehloGatherOptions", offsetDims=[1], collapsedSliceDims=[0],
          startIndexMap=[0], indexVectorDim=1, sliceSizes=[1, 3], indicesAreSorted=False)


def reductions(v):
    for name in ("MEAN", "SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN"):
        v.one(name, [f(2, 3, 4), c("i32", [1])], [o("f32", 2, 4)], "ReducerOptions", keepDims=False)
    v.one("MEAN", [q8(2, 3, 4), c("i32", [1])], [o("i8", 2, 4, quant=(0.04, 2))], "ReducerOptions", 2, "i8", keepDims=False)
    for name in ("REDUCE_ANY", "REDUCE_ALL"):
        v.one(name, [T("bool", (2, 3), "random"), c("i32", [1])], [o("bool", 2)], "ReducerOptions", keepDims=False)
    v.one("ARG_MAX", [f(2, 5), c("i32", 1)], [o("i32", 2)], "ArgMaxOptions", outputType=2)
    v.one("ARG_MIN", [f(2, 5), c("i32", 1)], [o("i32", 2)], "ArgMinOptions", outputType=2)
    v.one("TOPK_V2", [f(2, 5), c("i32", 2)], [o("f32", 2, 2), o("i32", 2, 2)], "TopKV2Options")
    v.one("CUMSUM", [f(2, 5), c("i32", 1)], [o("f32", 2, 5)], "CumsumOptions", exclusive=False, reverse=True)
    v.one("WHERE", [T("bool", data=[[True, False], [True, True]])], [o("i64", 3, 2)], "WhereOptions")
    v.one("UNIQUE", [T("i32", data=[3, 1, 3, 2, 1])], [o("i32", 3), o("i32", 5)], "UniqueOptions", idxOutType=2)
    v.one("SEGMENT_SUM", [f(4, 3), T("i32", data=[0, 0, 1, 2])], [o("f32", 3, 3)], "SegmentSumOptions")
    for name in ("SUM", "PROD", "MAX", "MIN"):
        v.one("UNSORTED_SEGMENT_" + name, [f(4, 3), T("i32", data=[2, 0, 2, 1]), c("i32", 3)], [o("f32", 3, 3)], f"UnsortedSegment{name.title()}Options")
    v.one("REDUCE_WINDOW", [f(4, 5), c("f32", 0.0), c("i64", [2, 2]), c("i64", [1, 2]), c("i64", [1, 1])], [o("f32", 3, 2)], "ReduceWindowOptions",
          reduceFunction=1)
    v.one("BUCKETIZE", [f(2, 4)], [o("i32", 2, 4)], "BucketizeOptions", boundaries=[-1.0, 0.0, 2.0])
    body = (lambda a, b, y: Graph([a, b], [y], [Op("STABLEHLO_ADD", [a, b], [y])]))(o("f32"), o("f32"), o("f32"))
    x, y = f(4, 5), o("f32", 3, 2)
    v.add("STABLEHLO_REDUCE_WINDOW",
          [Graph([x], [y], [Op("STABLEHLO_REDUCE_WINDOW", [x, c("f32", 0.0)], [y], "StablehloReduceWindowOptions", windowDimensions=[2, 2],
          windowStrides=[1, 2], baseDilations=[1, 1], windowDilations=[1, 1], padding=[0, 0, 0, 0], bodySubgraphIndex=1)]), body])
    x, i, u, y = f(4, 2), T("i32", data=[[0], [2]]), f(2, 2), o("f32", 4, 2)
    v.add("STABLEHLO_SCATTER",
          [Graph([x, i, u], [y], [Op("STABLEHLO_SCATTER", [x, i, u], [y], "StablehloScatterOptions", indicesAreSorted=False, updateWindowDims=[1],
          insertedWindowDims=[0], scatterDimsToOperandDims=[0], indexVectorDim=1, uniqueIndices=False, updateComputationSubgraphIndex=1)]), body])


def weighted(v):
    conv = dict(padding=0, strideW=1, strideH=1, dilationWFactor=1, dilationHFactor=1)
    w = lambda *shape: T("f32", shape, "random", const=True)
    per_channel = lambda n, axis, *shape: T("i8", shape, "random", const=True, quant=(np.linspace(0.01, 0.03, n), np.zeros(n, int)), axis=axis)
    bias = lambda n, scale: T("i32", (n,), "random", const=True, quant=(scale * np.linspace(0.01, 0.03, n), np.zeros(n, int)))
    v.one("CONV_2D", [f(1, 4, 4, 2), w(3, 3, 3, 2), w(3)], [o("f32", 1, 4, 4, 3)], "Conv2DOptions", **conv)
    v.one("CONV_2D", [q8(1, 4, 4, 2), per_channel(3, 0, 3, 3, 3, 2), bias(3, 0.05)], [o("i8", 1, 4, 4, 3, quant=(0.2, -5))], "Conv2DOptions", 3, "i8", **conv)
    v.one("DEPTHWISE_CONV_2D", [f(1, 4, 4, 2), w(1, 3, 3, 2), w(2)], [o("f32", 1, 4, 4, 2)], "DepthwiseConv2DOptions", depthMultiplier=1, **conv)
    v.one("DEPTHWISE_CONV_2D", [q8(1, 4, 4, 2), per_channel(2, 3, 1, 3, 3, 2), bias(2, 0.05)], [o("i8", 1, 4, 4, 2, quant=(0.2, -5))], "DepthwiseConv2DOptions",
          3, "i8",
          depthMultiplier=1, **conv)
    v.one("TRANSPOSE_CONV", [c("i32", [1, 4, 4, 3]), w(3, 3, 3, 2), f(1, 2, 2, 2)], [o("f32", 1, 4, 4, 3)], "TransposeConvOptions", padding=0, strideW=2,
          strideH=2)
    v.one("FULLY_CONNECTED", [f(2, 5), w(3, 5), w(3)], [o("f32", 2, 3)], "FullyConnectedOptions")
    v.one("FULLY_CONNECTED", [q8(2, 5), T("i8", (3, 5), "random", const=True, quant=(0.02, 0)), T("i32", (3,), "random", const=True, quant=(0.001, 0))],
          [o("i8", 2, 3, quant=(0.1, 4))], "FullyConnectedOptions", 4, "i8")
    v.one("BATCH_MATMUL", [f(2, 3, 4), f(2, 4, 2)], [o("f32", 2, 3, 2)], "BatchMatMulOptions")
    conv3 = dict(padding=0, strideD=1, strideW=1, strideH=1, dilationDFactor=1, dilationWFactor=1, dilationHFactor=1)
    v.one("CONV_3D", [f(1, 3, 3, 3, 2), w(2, 2, 2, 2, 3)], [o("f32", 1, 3, 3, 3, 3)], "Conv3DOptions", **conv3)
    v.one("CONV_3D_TRANSPOSE", [c("i32", [1, 3, 3, 3, 2]), w(2, 2, 2, 2, 3), f(1, 3, 3, 3, 3)], [o("f32", 1, 3, 3, 3, 2)], "Conv3DOptions", **conv3)
    pool = dict(padding=0, strideW=2, strideH=2, filterWidth=2, filterHeight=2)
    for name in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"):
        v.one(name, [f(1, 4, 4, 2)], [o("f32", 1, 2, 2, 2)], "Pool2DOptions", **pool)
    v.one("AVERAGE_POOL_2D", [q8(1, 4, 4, 2)], [o("i8", 1, 2, 2, 2, quant=(0.05, 3))], "Pool2DOptions", 2, "i8", **pool)
    v.one("RESIZE_BILINEAR", [f(1, 3, 3, 2), c("i32", [5, 5])], [o("f32", 1, 5, 5, 2)], "ResizeBilinearOptions", halfPixelCenters=True)
    v.one("RESIZE_NEAREST_NEIGHBOR", [f(1, 3, 3, 2), c("i32", [5, 5])], [o("f32", 1, 5, 5, 2)], "ResizeNearestNeighborOptions")
    v.one("EMBEDDING_LOOKUP", [T("i32", data=[2, 0]), w(4, 3)], [o("f32", 2, 3)])
    v.one("EMBEDDING_LOOKUP_SPARSE",
          [T("i32", data=[1, 3, 0]), T("i32", data=[[0, 0], [0, 1], [1, 0]]), T("i32", data=[2, 2]), T("f32", data=[1.0, 2.0, 4.0]), w(4, 3)],
          [o("f32", 2, 3)], "EmbeddingLookupSparseOptions", combiner=0)
    v.one("RFFT2D", [f(4, 8), c("i32", [4, 8])], [o("c64", 4, 5)], "Rfft2dOptions")
    densify(v)


def densify(v):
    """A sparse constant: rows of values with their columns (as in compressed rows)."""
    dense = np.array([[0, 2, 0, 0], [0, 0, 0, 0], [5, 0, 0, 7]], "f4")
    t = T("f32", (3, 4), None, const=True)
    t.data = np.array([2, 5, 7], "f4")
    t.shape = (3, 4)
    y = o("f32", 3, 4)
    x = f(3, 4)
    z = o("f32", 3, 4)
    saved = globals()["tensor"]

    def sparse(m, tensor_, name):
        out = saved(m, tensor_, name)
        if tensor_ is t:
            s = S["SparsityParametersT"]()
            s.traversalOrder = [0, 1]
            rows, columns = S["DimensionMetadataT"](), S["DimensionMetadataT"]()
            rows.format, rows.denseSize = 0, 3
            columns.format = 1
            segments, indices = S["Int32VectorT"](), S["Int32VectorT"]()
            segments.values, indices.values = [0, 1, 1, 3], [1, 0, 3]
            columns.arraySegmentsType = columns.arrayIndicesType = S["SparseIndexVector"].Int32Vector
            columns.arraySegments, columns.arrayIndices = segments, indices
            s.dimMetadata = [rows, columns]
            out.sparsity = s
        return out

    globals()["tensor"] = sparse
    v.add("DENSIFY", [Graph([x], [z], [Op("DENSIFY", [t], [y], "DensifyOptions"), Op("ADD", [x, y], [z], "AddOptions")])])
    globals()["tensor"] = saved
    del dense


def recurrent(v):
    w = lambda *shape: T("f32", shape, "random", const=True, lo=-1, hi=1)
    state = lambda *shape: T("f32", shape, variable=True)
    n, i, h, t = 2, 3, 4, 3
    v.one("RNN", [f(n, i), w(h, i), w(h, h), w(h), state(n, h)], [o("f32", n, h)], "RNNOptions", runs=2, fusedActivationFunction=1)
    v.one("UNIDIRECTIONAL_SEQUENCE_RNN", [f(n, t, i), w(h, i), w(h, h), w(h), state(n, h)], [o("f32", n, t, h)], "SequenceRNNOptions",
          fusedActivationFunction=1)
    rnn = lambda: [w(h, i), w(h, h), w(h), state(n, h)]
    v.one("BIDIRECTIONAL_SEQUENCE_RNN", [f(n, t, i), *rnn(), *rnn(), None, None, None], [o("f32", n, t, h), o("f32", n, t, h)],
          "BidirectionalSequenceRNNOptions",
          fusedActivationFunction=1)
    cell = lambda: [*[w(h, i) for _ in range(4)], *[w(h, h) for _ in range(4)], None, None, None, *[w(h) for _ in range(4)], None, None]
    states = lambda: [state(n, h), state(n, h)]
    lstm = dict(fusedActivationFunction=4, cellClip=0.0, projClip=0.0)
    v.one("LSTM", [f(n, i), *cell(), *states(), None, None, None, None], [o("f32", n, h)], "LSTMOptions", runs=2, **lstm)
    v.one("UNIDIRECTIONAL_SEQUENCE_LSTM", [f(n, t, i), *cell(), *states(), None, None, None, None], [o("f32", n, t, h)], "UnidirectionalSequenceLSTMOptions",
          **lstm)
    v.one("BIDIRECTIONAL_SEQUENCE_LSTM", [f(n, t, i), *cell(), *cell(), *states(), *states(), *[None] * 9], [o("f32", n, t, h), o("f32", n, t, h)],
          "BidirectionalSequenceLSTMOptions", mergeOutputs=False, timeMajor=False, **lstm)
    v.one("SVDF", [f(n, i), w(4, i), w(4, 3), w(2), state(n, 12)], [o("f32", n, 2)], "SVDFOptions", runs=3, rank=2)


def control(v):
    a, go, y = f(3), T("bool", data=True), o("f32", 3)
    branch = lambda op: (lambda x, z: Graph([x], [z], [Op(op, [x], [z])]))(o("f32", 3), o("f32", 3))
    v.add("IF", [Graph([go, a], [y], [Op("IF", [go, a], [y], "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2)]), branch("ABS"), branch("NEG")])
    index = T("i32", data=1)
    v.add("STABLEHLO_CASE",
          [Graph([index, a], [y], [Op("STABLEHLO_CASE", [index, a], [y], "StablehloCaseOptions", branchSubgraphIndices=[1, 2])]), branch("ABS"), branch("NEG")])
    v.add("STABLEHLO_COMPOSITE",
          [Graph([a], [y], [Op("STABLEHLO_COMPOSITE", [a], [y], "StableHLOCompositeOptions", name="octet.absolute", decompositionSubgraphIndex=1,
          compositeAttributes=list(flexbuffers.Dumps({})), version=1)]),
                                  branch("ABS")])
    i, oi, oa = T("i32", data=0), o("i32"), o("f32", 3)
    ci, ca, test = o("i32"), o("f32", 3), o("bool")
    bi, ba, bn, bo = o("i32"), o("f32", 3), o("i32"), o("f32", 3)
    v.add("WHILE", [Graph([i, a], [oi, oa], [Op("WHILE", [i, a], [oi, oa], "WhileOptions", condSubgraphIndex=1, bodySubgraphIndex=2)]),
                    Graph([ci, ca], [test], [Op("LESS", [ci, c("i32", 4)], [test], "LessOptions")]),
                    Graph([bi, ba], [bn, bo], [Op("ADD", [bi, c("i32", 1)], [bn], "AddOptions"), Op("ADD", [ba, ba], [bo], "AddOptions")])])
    x, h, r, s = T("f32", data=2.0), o("resource"), o("f32"), o("f32")
    h1 = o("resource")
    counter = [Graph([x], [s], [Op("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=1),
                                Op("VAR_HANDLE", [], [h], "VarHandleOptions", container="", sharedName="v"),
                                Op("READ_VARIABLE", [h], [r], "ReadVariableOptions"), Op("ADD", [x, r], [s], "AddOptions"),
                                Op("ASSIGN_VARIABLE", [h, s], [], "AssignVariableOptions")]),
               Graph([], [], [Op("VAR_HANDLE", [], [h1], "VarHandleOptions", container="", sharedName="v"),
                              Op("ASSIGN_VARIABLE", [h1, c("f32", 5.0)], [], "AssignVariableOptions")])]
    for name in ("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"):
        v.add(name, counter, runs=3)
    keys, table, found, size, table1 = T("str", data=["b", "x", "a"]), o("resource", 1), o("i64", 3), o("i64", 1), o("resource", 1)
    options = dict(tableId=3, keyDtype=5, valueDtype=4)
    tables = [Graph([keys], [found, size], [Op("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=1),
                                            Op("HASHTABLE", [], [table], "HashtableOptions", **options),
                                            Op("HASHTABLE_FIND", [table, keys, c("i64", [-1])], [found], "HashtableFindOptions"),
                                            Op("HASHTABLE_SIZE", [table], [size], "HashtableSizeOptions")]),
              Graph([], [], [Op("HASHTABLE", [], [table1], "HashtableOptions", **options),
                             Op("HASHTABLE_IMPORT", [table1, c("str", ["a", "b"]), c("i64", [10, 20])], [], "HashtableImportOptions")])]
    for name in ("HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_SIZE"):
        v.add(name, tables)
    v.one("HASHTABLE_LOOKUP", [T("i32", data=[4, 1, 9]), c("i32", [1, 4, 6]), c("f32", [[1, 2], [3, 4], [5, 6]])], [o("f32", 3, 2), o("u8", 3)])
    v.one("SKIP_GRAM", [T("str", data=["the quick brown fox"])], [o("str", 4)], "SkipGramOptions", ngramSize=2, maxSkipSize=1, includeAllNgrams=True)
    v.one("LSH_PROJECTION", [c("f32", [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]), T("i32", data=[[5, 6], [7, 8]]), T("f32", data=[0.5, 1.5])], [o("i32", 2)],
          "LSHProjectionOptions", type=1)


def random(v):
    for name in ("RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL"):
        v.one(name, [c("i32", [2, 5])], [o("f32", 2, 5)], "RandomOptions", runs=2, seed=7, seed2=9)
    v.one("MULTINOMIAL", [f(2, 4), c("i32", 6)], [o("i64", 2, 6)], "RandomOptions", runs=2, seed=7, seed2=9)
    v.one("STABLEHLO_RNG_BIT_GENERATOR", [T("u64", data=[3, 5])], [o("u64", 2), o("u32", 3, 3)], "StablehloRngBitGeneratorOptions", algorithm=1)
    boxes = T("f32", data=[[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, 2, 1, 3]])
    scores = T("f32", data=[0.9, 0.75, 0.6])
    limits = [c("i32", 3), c("f32", 0.5), c("f32", 0.1)]
    v.one("NON_MAX_SUPPRESSION_V4", [boxes, scores, *limits], [o("i32", 3), o("i32")], "NonMaxSuppressionV4Options")
    v.one("NON_MAX_SUPPRESSION_V5", [boxes, scores, *limits, c("f32", 0.5)], [o("i32", 3), o("f32", 3), o("i32")], "NonMaxSuppressionV5Options")
    apart, tied = T("f32", data=[[0, 2 * i, 1, 2 * i + 1] for i in range(5)]), T("f32", data=[0.9, 0.5, 0.5, 0.5, 0.5])
    v.one("NON_MAX_SUPPRESSION_V4", [apart, tied, c("i32", 5), *limits[1:]], [o("i32", 5), o("i32")], "NonMaxSuppressionV4Options", case="tied")


def customs(v):
    v.one("AudioSpectrogram", [f(40, 1)], [o("f32", 1, 4, 9)], custom=flexbuffers.Dumps({"window_size": 16, "stride": 8, "magnitude_squared": True}))
    v.one("Mfcc", [f(1, 2, 65, lo=0, hi=4), c("i32", [16000])], [o("f32", 1, 2, 5)],
          custom=flexbuffers.Dumps({"upper_frequency_limit": 4000, "lower_frequency_limit": 20, "filterbank_channel_count": 12, "dct_coefficient_count": 5}))
    q = q8(2, 3)
    v.one("NumericVerify", [q, T("f32", data=0.05 * (q.data.astype("f4") - 3) + 0.01)], [o("f32", 2, 3)],
          custom=flexbuffers.Dumps({"tolerance": 5.0, "log_if_failed": True}))
    v.one("TFLite_Detection_PostProcess", [f(1, 6, 4, lo=-1, hi=1), f(1, 6, 3, lo=0, hi=1), T("f32", (6, 4), "random", const=True, lo=0.2, hi=0.8)],
          [o("f32", 1, 3, 4), o("f32", 1, 3), o("f32", 1, 3), o("f32", 1)],
          custom=flexbuffers.Dumps({"max_detections": 3, "max_classes_per_detection": 1, "detections_per_class": 3, "use_regular_nms": True,
                                    "nms_score_threshold": 0.0,
                                    "nms_iou_threshold": 0.5, "num_classes": 2, "y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0}))


def edges(v):
    """What the cases above do not meet."""
    halves = T("f32", data=[[-4, 6, 1, 3, -1, 5], [2, -8, 3, 0.5, 7, -1]])  # Between two steps of a quantized row.
    v.one("FULLY_CONNECTED", [halves, T("i8", (3, 6), "random", const=True, quant=(0.02, 0)), c("f32", [0.5, 0, -1])], [o("f32", 2, 3)],
          "FullyConnectedOptions", 9, "halves", asymmetricQuantizeInputs=True)
    zeros = lambda *shape: T("u8", data=rng.choice([128, 128, 3, 250], shape), const=True, quant=(0.01, 128))  # 128 is -128 to hybrid operators.
    state = lambda *shape: T("f32", shape, variable=True)
    v.one("RNN", [f(2, 20), zeros(18, 20), zeros(18, 18), T("f32", (18,), "random", const=True), state(2, 18)], [o("f32", 2, 18)], "RNNOptions", 2, "u8", 2,
          fusedActivationFunction=4)
    v.one("SVDF", [f(2, 20), zeros(4, 20), zeros(4, 3), None, state(2, 12)], [o("f32", 2, 4)], "SVDFOptions", 2, "u8", 2, rank=1)
    v.one("CONV_2D", [f(1, 4, 4, 3), zeros(3, 3, 3, 3), c("f32", [0.5, 0, -1])], [o("f32", 1, 4, 4, 3)], "Conv2DOptions", 5, "u8", strideW=1, strideH=1)
    v.one("RESIZE_NEAREST_NEIGHBOR", [f(1, 3, 4, 2), c("i32", [5, 7])], [o("f32", 1, 5, 7, 2)], "ResizeNearestNeighborOptions", 3, "both", alignCorners=True,
          halfPixelCenters=True)
    v.one("FAKE_QUANT", [f(2, 3)], [o("f32", 2, 3)], "FakeQuantOptions", case="positive", min=0.5, max=2.0, numBits=8)
    v.one("ADD", [T("i16", (2, 3), "random"), T("i16", (3,), "random")], [o("i16", 2, 3)], "AddOptions", 3, "i16", fusedActivationFunction=3)
    scores = T("f32", data=[[[0, 0.75, 0.25, 0.75, 0.25], [0, 0.25, 0.5, 0.25, 0.5], [0, 0.125, 0.125, 0.125, 0.125]]])
    v.one("TFLite_Detection_PostProcess", [f(1, 3, 4, lo=-1, hi=1), scores, c("f32", [[0.2, 0.2, 0.1, 0.1], [0.5, 0.5, 0.1, 0.1], [0.8, 0.8, 0.1, 0.1]])],
          [o("f32", 1, 6, 4), o("f32", 1, 6), o("f32", 1, 6), o("f32", 1)], case="equal",
          custom=flexbuffers.Dumps({"max_detections": 3, "max_classes_per_detection": 2, "use_regular_nms": False, "nms_score_threshold": 0.0,
                                    "nms_iou_threshold": 0.5, "num_classes": 4, "y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0}))
    w = lambda *shape: T("f32", shape, "random", const=True, lo=-0.5, hi=0.5)
    gates = [*[w(4, 3) for _ in range(4)], *[w(4, 4) for _ in range(4)], None, None, None, *[w(4) for _ in range(4)], None, None]
    v.one("UNIDIRECTIONAL_SEQUENCE_LSTM", [f(2, 3, 3), *gates, state(2, 4), state(2, 4), *[None] * 4], [o("f32", 2, 3, 4)],
          "UnidirectionalSequenceLSTMOptions", case="linear", fusedActivationFunction=0, cellClip=0.0, projClip=0.0)
    v.one("FULLY_CONNECTED", [q8(2, 6), T("i8", (3, 6), "random", const=True, quant=(0.02, 5)), T("i32", data=[9, -4, 0], const=True, quant=(0.001, 0))],
          [o("i8", 2, 3, quant=(0.3, 1))], "FullyConnectedOptions", 4, "offset")


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "tests/ops/vectors")
    v = Vectors(folder)
    for part in (unary, binary, movers, reductions, weighted, recurrent, control, random, customs, edges):
        part(v)
    size = sum(p.stat().st_size for p in folder.rglob("*.*"))
    print(f"{len(v.made)} operators, {sum(1 for _ in folder.rglob('*.io'))} vectors, {size} bytes in {folder}")
    for line in v.failed:
        print("LiteRT refused", line)
    return bool(v.failed)


if __name__ == "__main__":
    sys.exit(main())
