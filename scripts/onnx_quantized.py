#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small networks of many kinds, quantized by onnxruntime in ten ways, converted by octet and compared with onnxruntime
in steps of the output's scale. Prints the largest and the mean difference of every file, beside what onnxruntime's own
optimizations change. Needs torch, onnx, onnxruntime and numpy, and a processor whose byte products do not saturate
(x86: VNNI): onnxruntime's results on older ones are not what the model says.

Usage: scripts/onnx_quantized.py OCTET [NETWORK…]
"""
import json
import logging
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime as ort
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "build/onnx-quantized"
IMAGE = (3, 32, 32)
U8, S8, U16, S16 = QuantType.QUInt8, QuantType.QInt8, QuantType.QUInt16, QuantType.QInt16


def conv(i, o, k=3, stride=1, groups=1, act=nn.ReLU):
    return nn.Sequential(nn.Conv2d(i, o, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(o), act())


def head(c, classes=10):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, classes))


class Plus(nn.Module):
    def __init__(self, *layers, act=None):
        super().__init__()
        self.body, self.act = nn.Sequential(*layers), act or nn.Identity()

    def forward(self, x):
        return self.act(x + self.body(x))


class Excite(nn.Module):
    def __init__(self, c, gate):
        super().__init__()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, 4, 1), nn.ReLU(), nn.Conv2d(4, c, 1), gate)

    def forward(self, x):
        return x * self.gate(x)


def residual(c):
    return Plus(conv(c, c), nn.Conv2d(c, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c), act=nn.ReLU())


def inverted(c, wide, act, gate=None):
    return Plus(conv(c, wide, 1, act=act), conv(wide, wide, 5, groups=wide, act=act), *([Excite(wide, gate)] if gate else []),
                nn.Conv2d(wide, c, 1, bias=False), nn.BatchNorm2d(c))


class UNet(nn.Module):
    def __init__(self, up):
        super().__init__()
        self.a, self.b, self.c, self.up = conv(3, 6), conv(6, 12, stride=2), conv(12, 12, stride=2), up
        self.d, self.e, self.out = conv(24, 8, act=nn.LeakyReLU), conv(14, 6, act=nn.ELU), nn.Conv2d(6, 2, 1)

    def forward(self, x):
        a = self.a(x)
        b = self.b(a)
        d = self.d(torch.cat([self.up(self.c(b)), b], 1))
        return torch.sigmoid(self.out(self.e(torch.cat([F.interpolate(d, scale_factor=2), a], 1))))


class Yolo(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.a = nn.Sequential(conv(3, 8, stride=2, act=nn.SiLU), conv(8, 16, stride=2, act=nn.SiLU)), conv(8, 8, act=nn.SiLU)
        self.b, self.down, self.h1, self.h2 = conv(24, 16, 1, act=nn.SiLU), conv(16, 16, stride=2, act=nn.SiLU), nn.Conv2d(16, 8, 1), nn.Conv2d(16, 8, 1)

    def forward(self, x):
        y, z = self.stem(x).chunk(2, 1)
        z = self.a(z) + z
        x = self.b(torch.cat([y, z, F.max_pool2d(z, 5, 1, 2)], 1))
        o = torch.cat([self.h1(x).flatten(2), self.h2(self.down(x)).flatten(2)], 2)
        return torch.cat([o[:, :4].sigmoid() * 2 - 0.5, o[:, 4:].sigmoid()], 1)


class Attention(nn.Module):
    def __init__(self, d=16, heads=2):
        super().__init__()
        self.heads, self.embed, self.qkv, self.project, self.classes = heads, nn.Linear(8, d), nn.Linear(d, 3 * d), nn.Linear(d, d), nn.Linear(d, 5)
        self.n1, self.n2, self.mlp = nn.LayerNorm(d), nn.LayerNorm(d), nn.Sequential(nn.Linear(d, 32), nn.GELU(), nn.Linear(32, d))

    def forward(self, x):
        x = self.embed(x)
        b, t, d = x.shape
        q, k, v = self.qkv(self.n1(x)).reshape(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        a = (q @ k.transpose(-1, -2) * (d // self.heads) ** -0.5).softmax(-1)
        x = x + self.project((a @ v).transpose(1, 2).reshape(b, t, d))
        return self.classes((x + self.mlp(self.n2(x))).mean(1))


class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers, self.last, self.classes = nn.ModuleList(conv(3 + 4 * i, 4) for i in range(4)), nn.Conv2d(19, 8, 1), nn.Linear(128, 6)

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return self.classes(F.avg_pool2d(self.last(x), 8).flatten(1)).softmax(-1)


class Shuffle(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.branch, self.act, self.classes = conv(3, 16, stride=2), conv(8, 8, groups=8), nn.PReLU(16), nn.Linear(16, 7)

    def forward(self, x):
        y, z = self.stem(x).chunk(2, 1)
        x = torch.cat([y, self.branch(z)], 1)
        b, c, h, w = x.shape
        x = self.act(x.view(b, 2, c // 2, h, w).transpose(1, 2).reshape(b, c, h, w)) - 0.5 * x.abs()
        return self.classes(x.amax((2, 3)))


NETWORKS = {
    "resnet": (lambda: nn.Sequential(conv(3, 8, 7, 2), nn.MaxPool2d(3, 2, 1), residual(8), conv(8, 16, stride=2), residual(16), head(16)), IMAGE),
    "mobilenet_v2": (lambda: nn.Sequential(conv(3, 8, stride=2, act=nn.ReLU6), inverted(8, 24, nn.ReLU6), conv(8, 16, stride=2, groups=8, act=nn.ReLU6),
                                           inverted(16, 32, nn.ReLU6), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(256, 10)), IMAGE),
    "mobilenet_v3": (lambda: nn.Sequential(conv(3, 8, stride=2, act=nn.Hardswish), inverted(8, 24, nn.Hardswish, nn.Hardsigmoid()),
                                           inverted(8, 24, nn.ReLU, nn.Hardsigmoid()), head(8, 24), nn.Hardswish(), nn.Linear(24, 10)), IMAGE),
    "efficientnet": (lambda: nn.Sequential(conv(3, 8, stride=2, act=nn.SiLU), inverted(8, 24, nn.SiLU, nn.Sigmoid()), head(8)), IMAGE),
    "unet_transposed": (lambda: UNet(nn.ConvTranspose2d(12, 12, 2, 2)), IMAGE),
    "unet_bilinear": (lambda: UNet(nn.Upsample(scale_factor=2, mode="bilinear")), IMAGE),
    "yolo": (Yolo, IMAGE),
    "attention": (Attention, (12, 8)),
    "densenet": (Dense, IMAGE),
    "shuffle": (Shuffle, IMAGE),
    "mlp": (lambda: nn.Sequential(nn.Linear(20, 32), nn.Tanh(), nn.Linear(32, 32), nn.Sigmoid(), nn.Linear(32, 16), nn.Softplus(), nn.Linear(16, 4),
                                  nn.Softmax(-1)), (20,)),
}
WAYS = {
    "u8s8": {"activation_type": U8, "weight_type": S8},
    "u8s8_channels_entropy": {"activation_type": U8, "weight_type": S8, "per_channel": True, "calibrate_method": CalibrationMethod.Entropy},
    "s8s8_channels": {"activation_type": S8, "weight_type": S8, "per_channel": True},
    "s8_symmetric": {"activation_type": S8, "weight_type": S8, "per_channel": True, "extra_options": {"ActivationSymmetric": True, "WeightSymmetric": True}},
    "u8u8_percentile": {"activation_type": U8, "weight_type": U8, "calibrate_method": CalibrationMethod.Percentile},
    "u16s8": {"activation_type": U16, "weight_type": S8},
    "s16s8_symmetric": {"activation_type": S16, "weight_type": S8, "extra_options": {"ActivationSymmetric": True}},
    "operators_u8s8": {"activation_type": U8, "weight_type": S8, "quant_format": QuantFormat.QOperator},
    "operators_u8u8_channels": {"activation_type": U8, "weight_type": U8, "per_channel": True, "quant_format": QuantFormat.QOperator},
    "dynamic": None,
}


class Random(CalibrationDataReader):
    def __init__(self, shape):
        rng = np.random.default_rng(1)
        self.samples = iter([{"x": rng.standard_normal((1, *shape)).astype(np.float32)} for _ in range(16)])

    def get_next(self):
        return next(self.samples, None)


def exported(name):
    make, shape = NETWORKS[name]
    torch.manual_seed(len(name))
    net = make()
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.running_mean.normal_(0, 0.3), m.running_var.uniform_(0.5, 1.5), m.weight.data.uniform_(0.5, 1.5), m.bias.data.normal_(0, 0.3)
    path = FOLDER / f"{name}.onnx"
    torch.onnx.export(net.eval(), (torch.randn(1, *shape),), str(path), input_names=["x"], output_names=["y"], opset_version=17, dynamo=False)
    quant_pre_process(str(path), str(path), skip_symbolic_shape=True)
    return path, shape


def by_onnxruntime(path, x, level):
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = 4
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def by_octet(octet, path, x):
    with tempfile.TemporaryDirectory() as t:
        subprocess.run([octet, "convert", path, "-o", f"{t}/m.tflite"], check=True, capture_output=True)
        np.savez(f"{t}/in.npz", x=x)
        subprocess.run([octet, "run", f"{t}/m.tflite", "--in", f"{t}/in.npz", "--out", f"{t}/out.npz"], check=True, capture_output=True)
        return np.load(f"{t}/out.npz")["0"]


# The last DequantizeLinear's scale; where the model ends in floats, a hundredth of the largest value.
def step(path, y):
    graph = onnx.load(path).graph
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    last = next(n for n in graph.node if graph.output[0].name in n.output)
    return float(constants[last.input[1]].max()) if last.op_type == "DequantizeLinear" else float(np.abs(y).max()) / 100


def compare(octet, path, x):
    want = by_onnxruntime(path, x, ort.GraphOptimizationLevel.ORT_DISABLE_ALL)
    s = step(path, want)
    ours, theirs = (np.abs(y.astype(np.float64) - want) / s for y in (by_octet(octet, path, x),
                                                                      by_onnxruntime(path, x, ort.GraphOptimizationLevel.ORT_ENABLE_ALL)))
    print(f"{path.stem:45s} octet largest {ours.max():6.2f} mean {ours.mean():.3f}   onnxruntime optimized {theirs.max():6.2f} {theirs.mean():.3f}", flush=True)
    return {"file": path.stem, "largest": float(ours.max()), "mean": float(ours.mean())}


def main(octet, names):
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in names or NETWORKS:
        path, shape = exported(name)
        x = np.random.default_rng(5).standard_normal((1, *shape)).astype(np.float32)
        for way, options in WAYS.items():
            quantized = FOLDER / f"{name}.{way}.onnx"
            if options is None:
                quantize_dynamic(str(path), str(quantized), weight_type=S8)
            else:
                quantize_static(str(path), str(quantized), Random(shape), **{"quant_format": QuantFormat.QDQ} | options)
            rows.append(compare(octet, quantized, x))
    (FOLDER / "report.json").write_text(json.dumps(rows, indent=1))
    near = sum(r["largest"] < 1.5 for r in rows)
    print(f"{near} of {len(rows)} files within one step, largest {max(r['largest'] for r in rows):.1f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
