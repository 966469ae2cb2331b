#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Core ML's specifications of real models' parts: coremltools reads them and infers every type anew, and an evaluator that
knows nothing of octet computes them from the tensors of octet's CPU run and compares what comes out.

Usage: coreml_spec.py OCTET MODULE_FOLDER WORK MODEL...      (run by a Python with coremltools)
"""
import json
import logging
import math
import pathlib
import shutil
import subprocess
import sys
import warnings

import numpy as np

warnings.simplefilter("ignore")
logging.disable(logging.ERROR)
import coremltools as ct  # noqa: E402
from coremltools.converters.mil.frontend.milproto import load as milproto  # noqa: E402

sys.path.insert(0, sys.argv[2])
import octet  # noqa: E402

OCTET, WORK = sys.argv[1], pathlib.Path(sys.argv[3])
TYPES = {1: np.bool_, 2: np.str_, 10: np.float16, 11: np.float32, 21: np.int8, 23: np.int32, 31: np.uint8}
CASTS = {"fp16": np.float16, "fp32": np.float32, "int32": np.int32, "int8": np.int8, "uint8": np.uint8, "bool": np.bool_}


def dims_of(tensor_type):
    return [d.constant.size for d in tensor_type.dimensions]


def value_of(value, weights):
    """A constant as an array; weights are read here, by the file's documented layout."""
    kind = value.type.tensorType
    dtype, shape = TYPES[kind.dataType], dims_of(kind)
    if value.WhichOneof("value") == "blobFileValue":
        at = value.blobFileValue.offset
        sentinel, code = np.frombuffer(weights, "<u4", 2, at)
        size, where = (int(v) for v in np.frombuffer(weights, "<u8", 2, at + 8))
        assert sentinel == 0xDEADBEEF and code == {np.float16: 1, np.float32: 2, np.uint8: 3, np.int8: 4}[dtype], (hex(sentinel), code)
        assert where == at + 64 and where % 64 == 0 and size == np.dtype(dtype).itemsize * math.prod(shape) and where + size <= len(weights)
        return np.frombuffer(weights, dtype, math.prod(shape), where).reshape(shape)
    tensor = value.immediateValue.tensor
    field = tensor.WhichOneof("value")
    values = getattr(tensor, field).values
    if field == "strings":
        return values[0]
    array = np.frombuffer(values, dtype) if field == "bytes" else np.array(list(values), dtype)
    return array.reshape(shape)


def windows(x, size, stride, pad, dilation, fill):
    """For each place of the window: the elements of x that it meets, [N, C, out h, out w]."""
    x = np.pad(x, ((0, 0), (0, 0), (pad[0], pad[1]), (pad[2], pad[3])), constant_values=fill)
    out = [(x.shape[2 + i] - (size[i] - 1) * dilation[i] - 1) // stride[i] + 1 for i in range(2)]
    for i in range(size[0]):
        for j in range(size[1]):
            top, left = i * dilation[0], j * dilation[1]
            yield i, j, x[:, :, top:top + (out[0] - 1) * stride[0] + 1:stride[0], left:left + (out[1] - 1) * stride[1] + 1:stride[1]]


def conv(x, weight, strides, pad_type, pad, dilations, groups, bias=None):
    assert pad_type == "custom"
    groups, y = int(groups), 0
    w = weight.reshape(groups, -1, *weight.shape[1:])  # [group, out, in, height, width]
    for i, j, part in windows(x, weight.shape[2:], strides, pad, dilations, 0):
        n, c, h, width = part.shape
        part = part.reshape(n, groups, c // groups, h * width)
        tap = w[:, :, :, i, j]
        y = y + (tap[None] * part if c == groups else np.matmul(tap[None], part)).reshape(n, -1, h, width)
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def conv_transpose(x, weight, strides, pad_type, pad, bias=None):
    n, c, h, w = x.shape
    _, out, kh, kw = weight.shape
    y = np.zeros((n, out, (h - 1) * strides[0] + kh, (w - 1) * strides[1] + kw), np.float32)
    for i in range(kh):
        for j in range(kw):
            part = np.einsum("nchw,co->nohw", x, weight[:, :, i, j])
            y[:, :, i:i + h * strides[0]:strides[0], j:j + w * strides[1]:strides[1]][:, :, :h, :w] += part
    y = y[:, :, pad[0]:y.shape[2] - pad[1], pad[2]:y.shape[3] - pad[3]]
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def pool(x, kernel_sizes, strides, pad_type, pad, ceil_mode, exclude_padding_from_average=None):
    assert pad_type == "custom" and not ceil_mode
    if exclude_padding_from_average is None:
        return np.max([part for _, _, part in windows(x, kernel_sizes, strides, pad, (1, 1), -np.inf)], axis=0)
    assert exclude_padding_from_average
    total = sum(part for _, _, part in windows(x, kernel_sizes, strides, pad, (1, 1), 0))
    return total / sum(part for _, _, part in windows(np.ones_like(x), kernel_sizes, strides, pad, (1, 1), 0))


def resize_bilinear(x, target_size_height, target_size_width, sampling_mode):
    for axis, out in ((2, int(target_size_height)), (3, int(target_size_width))):
        size = x.shape[axis]
        spacing = (size - 1) / max(out - 1, 1) if sampling_mode == "STRICT_ALIGN_CORNERS" else size / out
        at = np.arange(out) * spacing + (0.5 * spacing - 0.5 if sampling_mode == "UNALIGN_CORNERS" else 0)
        at = np.clip(at, 0, size - 1)
        low = np.floor(at).astype(int)
        shape = [1] * 4
        shape[axis] = out
        share = (at - low).astype(np.float32).reshape(shape)
        x = np.take(x, low, axis) * (1 - share) + np.take(x, np.minimum(low + 1, size - 1), axis) * share
    return x


def blocks(x, block_size, deeper):
    """The depth of an element in its block counts first (DCR)."""
    b = int(block_size)
    n, c, h, w = x.shape
    if deeper:
        return x.reshape(n, c, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4).reshape(n, c * b * b, h // b, w // b)
    return x.reshape(n, b, b, c // b // b, h, w).transpose(0, 3, 4, 1, 5, 2).reshape(n, c // b // b, h * b, w * b)


def affine(q, scale, zero_point, axis=None):
    shape = [1] * q.ndim
    if np.ndim(scale) == 1:
        shape[int(axis)] = len(scale)
        scale, zero_point = scale.reshape(shape), zero_point.reshape(shape)
    return ((q.astype(np.int32) - np.asarray(zero_point, np.int32)) * scale).astype(np.asarray(scale).dtype)


def quantize(input, scale, zero_point, output_dtype):
    limits = np.iinfo(CASTS[output_dtype])
    return np.clip(np.rint(input / scale) + int(zero_point), limits.min, limits.max).astype(CASTS[output_dtype])


def pad(x, pad, mode, constant_val):
    widths = [(0, 0)] * (x.ndim - len(pad) // 2) + [tuple(p) for p in np.reshape(pad, (-1, 2))]
    return np.pad(x, widths, constant_values=constant_val) if mode == "constant" else np.pad(x, widths, mode)


def softmax(x, axis):
    e = np.exp(x - x.max(int(axis), keepdims=True))
    return e / e.sum(int(axis), keepdims=True)


def gelu(x, mode):
    if mode == "TANH_APPROXIMATION":
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))
    return 0.5 * x * (1 + np.vectorize(math.erf, otypes=[np.float32])(x / np.sqrt(2)))


def tile_axes(axes):
    return tuple(int(a) for a in axes)


def gather(x, indices, axis, batch_dims, validate_indices):
    assert batch_dims == 0
    return np.take(x, indices, int(axis))


def cumsum(x, axis, exclusive, reverse):
    axis = int(axis)
    x = np.flip(x, axis) if reverse else x
    y = np.cumsum(x, axis, dtype=x.dtype) - (x if exclusive else 0)
    return np.flip(y, axis) if reverse else y


def swap(a, on):
    return np.swapaxes(a, -1, -2) if on else a


OPERATIONS = {
    "identity": lambda x: x, "cast": lambda x, dtype: x.astype(CASTS[dtype]), "transpose": lambda x, perm: np.transpose(x, perm), "reshape": lambda x, shape: x.reshape(shape),
    "conv": conv, "conv_transpose": conv_transpose, "avg_pool": pool, "max_pool": pool, "linear": lambda x, weight, bias=0: x @ weight.T + bias,
    "matmul": lambda x, y, transpose_x, transpose_y: np.matmul(swap(x, transpose_x), swap(y, transpose_y)),
    "dequantize": lambda input, **k: affine(input, **k), "quantize": quantize, "pad": pad, "softmax": softmax, "gelu": gelu, "cumsum": cumsum, "gather": gather,
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "real_div": lambda x, y: x / y, "maximum": lambda x, y: np.maximum(x, y),
    "minimum": lambda x, y: np.minimum(x, y), "pow": lambda x, y: np.power(x, y), "floor_div": lambda x, y: np.floor_divide(x, y), "equal": lambda x, y: x == y,
    "not_equal": lambda x, y: x != y, "less": lambda x, y: x < y, "less_equal": lambda x, y: x <= y, "greater": lambda x, y: x > y, "greater_equal": lambda x, y: x >= y,
    "logical_and": lambda x, y: x & y, "logical_or": lambda x, y: x | y, "logical_not": lambda x: ~x,
    "relu": lambda x: np.maximum(x, 0), "relu6": lambda x: np.clip(x, 0, 6), "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": lambda x: np.tanh(x), "exp": lambda x: np.exp(x),
    "sqrt": lambda x: np.sqrt(x), "abs": lambda x: np.abs(x), "square": lambda x: x * x, "sin": lambda x: np.sin(x), "cos": lambda x: np.cos(x), "floor": lambda x: np.floor(x),
    "ceil": lambda x: np.ceil(x), "sign": lambda x: np.sign(x), "clip": lambda x, alpha, beta: np.clip(x, alpha, beta), "log": lambda x, epsilon: np.log(x + epsilon),
    "leaky_relu": lambda x, alpha: np.where(x > 0, x, x * alpha), "elu": lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    "select": lambda cond, a, b: np.where(cond, a, b), "concat": lambda values, axis, interleave: np.concatenate(values, int(axis)),
    "slice_by_index": lambda x, begin, end, stride: x[tuple(slice(b, e, s) for b, e, s in zip(begin, end, stride))],
    "tile": lambda x, reps: np.tile(x, reps), "reverse": lambda x, axes: np.flip(x, tile_axes(axes)),
    "depth_to_space": lambda x, block_size: blocks(x, block_size, False), "space_to_depth": lambda x, block_size: blocks(x, block_size, True),
    "resize_bilinear": resize_bilinear,
    "upsample_nearest_neighbor": lambda x, scale_factor_height, scale_factor_width: x.repeat(int(scale_factor_height), 2).repeat(int(scale_factor_width), 3),
    "reduce_mean": lambda x, axes, keep_dims: x.mean(tile_axes(axes), keepdims=bool(keep_dims)), "reduce_sum": lambda x, axes, keep_dims: x.sum(tile_axes(axes), keepdims=bool(keep_dims)),
    "reduce_max": lambda x, axes, keep_dims: x.max(tile_axes(axes), keepdims=bool(keep_dims)), "reduce_min": lambda x, axes, keep_dims: x.min(tile_axes(axes), keepdims=bool(keep_dims)),
    "reduce_prod": lambda x, axes, keep_dims: x.prod(tile_axes(axes), keepdims=bool(keep_dims)),
    "reduce_sum_square": lambda x, axes, keep_dims: (x * x).sum(tile_axes(axes), keepdims=bool(keep_dims)),
    "reduce_log_sum_exp": lambda x, axes, keep_dims: np.log(np.exp(x - x.max()).sum(tile_axes(axes), keepdims=bool(keep_dims))) + x.max(),
    "reduce_argmax": lambda x, axis, keep_dims: x.argmax(int(axis)), "reduce_argmin": lambda x, axis, keep_dims: x.argmin(int(axis)),
}


def evaluate(block, weights, values):
    """Runs the operations in their order; each result must be what its type says."""
    for op in block.operations:
        attributes = {k: value_of(v, weights) for k, v in op.attributes.items()}
        name = attributes.pop("name")
        assert name == op.outputs[0].name and len(op.outputs) == 1 and name not in values, name
        if op.type == "const":
            result = attributes["val"]
        elif op.type == "constexpr_affine_dequantize":
            result = affine(attributes["quantized_data"], attributes["scale"], attributes["zero_point"], attributes["axis"])
        else:
            operands = {k: [values[b.name] for b in a.arguments] for k, a in op.inputs.items()}
            result = OPERATIONS[op.type](**{k: v if k == "values" else v[0] for k, v in operands.items()})
        kind = op.outputs[0].type.tensorType
        if kind.dataType != 2:
            result = np.asarray(result).astype(TYPES[kind.dataType]) if op.type != "cast" else result
            assert list(result.shape) == dims_of(kind) and result.dtype == TYPES[kind.dataType], (op.type, name, result.shape, dims_of(kind))
        values[name] = result
    return values


def check_part(package, interpreter):
    """Largest difference of its outputs to the CPU's: of floats in shares of the largest value, of integers in steps."""
    ct.models.MLModel(str(package), skip_model_load=True)
    data = package / "Data" / "com.apple.CoreML"
    spec = ct.utils.load_spec(str(data / "model.mlmodel"))
    assert spec.specificationVersion == 8 and spec.WhichOneof("Type") == "mlProgram"
    function = spec.mlProgram.functions["main"]
    # Types that we declare against those that coremltools infers from the operations' definitions.
    program = milproto.load(spec, specification_version=8, file_weights_dir=str(data / "weights"))
    block = function.block_specializations[function.opset]
    declared = {o.outputs[0].name: dims_of(o.outputs[0].type.tensorType) for o in block.operations}
    for output in program.functions["main"].outputs:
        assert list(output.shape) == declared[output.name], (output.name, output.shape)
    weights = (data / "weights" / "weight.bin").read_bytes()
    values = {i.name: interpreter.get_tensor(int(i.name[7:])).astype(TYPES[i.type.tensorType.dataType]) for i in function.inputs}
    with np.errstate(all="ignore"):
        evaluate(block, weights, values)
    real = step = 0.0
    for name in block.outputs:
        expected = interpreter.get_tensor(int(name[7:]))
        assert values[name].shape == expected.shape, name
        difference = float(np.abs(values[name].astype(np.float64) - expected.astype(np.float64)).max())
        if expected.dtype.kind == "f":
            real = max(real, difference / max(float(np.abs(expected).max()), 1e-6))
        else:
            step = max(step, difference)
    return real, step, len(block.operations), len(weights)


def value(detail, seed):
    random, dtype = np.random.default_rng(seed), detail["dtype"]
    if dtype == np.float32:
        return random.standard_normal(detail["shape"]).astype(np.float32)
    return random.integers(0, 100, detail["shape"]).astype(dtype) if dtype in (np.int8, np.uint8) else np.zeros(detail["shape"], dtype)


def check_model(model, precision):
    folder = WORK / model.stem
    shutil.rmtree(folder, ignore_errors=True)
    run = subprocess.run([OCTET, "bench", str(model), "--runs", "1", "--warmup", "0", "--json", "--delegate", f"coreml;spec_dir={folder};precision={precision}"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)["delegates"][0]
    reasons = sorted({f"{r['op']}: {r['reason']}" for r in answer["reasons"] if "its model is in" not in r["reason"]})
    packages = sorted(folder.glob("*.mlpackage"))
    interpreter = octet.Interpreter(model_path=str(model), experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    for seed, detail in enumerate(interpreter.get_input_details()):
        interpreter.set_tensor(detail["index"], value(detail, seed))
    interpreter.invoke()
    real = step = operations = size = 0
    for package in packages:
        r, s, o, b = check_part(package, interpreter)
        real, step, operations, size = max(real, r), max(step, s), operations + o, size + b
    return real, step, len(packages), operations, size, reasons, answer


def main():
    bad = parts = 0
    for path in sys.argv[4:]:
        model = pathlib.Path(path)
        for precision, tolerance in (("float32", 1e-4), ("float16", 2e-2)):
            real, step, packages, operations, size, reasons, _ = check_model(model, precision)
            hybrid, integers = "_dynamic" in model.stem, "_int8" in model.stem
            fine = real <= (5e-2 if hybrid or integers else tolerance) and step <= (8 if precision == "float16" else 3)
            bad, parts = bad + (not fine), parts + packages
            print(f"{model.name} {precision}: {packages} parts, {operations} operations, {size} bytes of weights, floats differ by {real:.2g}, integers by {step:g} steps{'' if fine else ' WRONG'}; {reasons}")
    print(f"{parts} parts, {bad} wrong")
    return 1 if bad or not parts else 0


sys.exit(main())
