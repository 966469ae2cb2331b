# SPDX-License-Identifier: Apache-2.0
"""Batch inference and the accuracy gate over a Ray cluster: `pip install "ray[data]"`.

    import octet.ray
    y = octet.ray.predict("model.tflite", x)
    verdict = octet.ray.gate("model.tflite", "model_int8.tflite", "holdout.npz", max_drop=1.0)

Models and samples are put into the object store once and reach each node once; a worker process makes its interpreter once. What a lost
worker or node was doing is done again elsewhere. The gate is decided by `octet gate` itself, on the outputs that the cluster
computed: the verdict, its interval and every count are those of one machine.
"""
import json
import os
import subprocess
import tempfile

import numpy as np
import ray
import ray.data

from octet.cli import command

__all__ = ["gate", "predict"]


def _quantized(x, scale, zero, dtype):
    """As `octet gate` does: round half away from zero, in float32."""
    v = (x.astype(np.float32) / np.float32(scale)).astype(np.float64)
    r = (np.copysign(np.floor(np.abs(v) + 0.5), v)).astype(np.float32) + np.float32(zero)
    limits = np.iinfo(dtype)
    return np.clip(r, limits.min, limits.max).astype(dtype)


class _Model:
    """An interpreter that takes and gives real values, one sample at a time."""

    def __init__(self, content, names):
        from octet import Interpreter

        self.interpreter = Interpreter(model_content=content, num_threads=1)
        self.inputs = self.interpreter.get_input_details()
        self.outputs = self.interpreter.get_output_details()
        self.names, self.shapes = names, None

    def _array_of(self, position, detail):
        for k, name in enumerate(self.names):
            if detail["name"] == name or detail["name"].split(":")[0] == name:
                return k
        return position

    def __call__(self, sample):
        shapes = [np.shape(a) for a in sample]
        if shapes != self.shapes:
            for position, detail in enumerate(self.inputs):
                shape = [1, *shapes[self._array_of(position, detail)]]
                if list(detail["shape"]) != shape:
                    self.interpreter.resize_tensor_input(detail["index"], shape)
            self.interpreter.allocate_tensors()
            self.inputs, self.shapes = self.interpreter.get_input_details(), shapes
        for position, detail in enumerate(self.inputs):
            x = np.asarray(sample[self._array_of(position, detail)])[None]
            scale, zero = detail["quantization"]
            if x.dtype == np.float32 and detail["dtype"] in (np.int8, np.uint8) and scale:
                x = _quantized(x, scale, zero, detail["dtype"])
            self.interpreter.set_tensor(detail["index"], np.ascontiguousarray(x))
        self.interpreter.reset_all_variables()
        self.interpreter.invoke()
        return [self._real(detail) for detail in self.outputs]

    def _real(self, detail):
        y = self.interpreter.get_tensor(detail["index"])[0]
        scale, zero = detail["quantization"]
        if y.dtype == np.float32:
            return y
        return np.float32(scale or 1) * (y.astype(np.int64) - int(zero)).astype(np.float32)


class _Worker:
    """One in each worker process: the models' interpreters, and the samples where the node's object store holds them."""

    def __init__(self, models, arrays, names):
        self.arrays = ray.get(arrays)
        self.models = {prefix: _Model(ray.get(ref), names) for prefix, ref in models.items()}

    def __call__(self, batch):
        columns = {"id": batch["id"]}
        for prefix, model in self.models.items():
            answers = [model([a[i] for a in self.arrays]) for i in batch["id"]]
            for k in range(len(answers[0])):
                columns[f"{prefix}_{k}"] = np.stack([np.asarray(a[k], np.float32) for a in answers])
        return columns


_worker = {}  # Of this process, by what it was made for.


def _answer(batch, models, arrays, names):
    """A task, not an actor: when its node is lost it runs on any other; an actor would wait for room to start again."""
    key = tuple(ref.hex() for ref in [*models.values(), *arrays])
    if key not in _worker:
        _worker.clear()
        _worker[key] = _Worker(models, arrays, names)
    return _worker[key](batch)


def _bytes(model):
    if isinstance(model, (bytes, bytearray, memoryview)):
        return bytes(model)
    with open(model, "rb") as f:
        return f.read()


def _run(models, arrays, names, batch_size, concurrency):
    """prefix_k -> array over all samples, in their order."""
    samples = len(arrays[0])
    if samples == 0 or any(len(a) != samples for a in arrays):
        raise ValueError(f"expected the same number of samples, at least 1, in all arrays; found {[len(a) for a in arrays]}")
    if not ray.is_initialized():
        ray.init()
    refs = {prefix: ray.put(_bytes(model)) for prefix, model in models.items()}
    workers = concurrency or max(1, int(ray.cluster_resources().get("CPU", 1)) - 1)
    batches = max(1, -(-samples // batch_size))
    answers = ray.data.range(samples, override_num_blocks=min(batches, 1000)).map_batches(
        _answer, fn_kwargs={"models": refs, "arrays": [ray.put(a) for a in arrays], "names": names}, batch_size=batch_size, batch_format="numpy",
        compute=ray.data.TaskPoolStrategy(size=workers), num_cpus=1)
    parts = list(answers.iter_batches(batch_size=None, batch_format="numpy"))
    ids = np.concatenate([p["id"] for p in parts])
    order = np.argsort(ids, kind="stable")
    if not np.array_equal(ids[order], np.arange(samples)):
        raise RuntimeError(f"the cluster answered for {len(np.unique(ids))} of {samples} samples")
    return {name: np.concatenate([p[name] for p in parts])[order] for name in parts[0] if name != "id"}


def predict(model, inputs, batch_size=64, concurrency=None):
    """Real-valued outputs for all samples: one array, or a list of arrays for a model of several outputs.

    inputs: an array with samples first, or a dict of such arrays by input name. concurrency: workers; all cores but one if None.
    """
    named = inputs if isinstance(inputs, dict) else {"": inputs}
    names = [name for name in named if name]
    outputs = _run({"y": model}, [np.asarray(a) for a in named.values()], names, batch_size, concurrency)
    arrays = [outputs[f"y_{k}"] for k in range(len(outputs))]
    return arrays[0] if len(arrays) == 1 else arrays


def gate(reference, candidate, data, max_drop=3.0, metric="auto", batch_size=64, concurrency=None):
    """What `octet gate reference candidate --data data --json` says; both models ran on the cluster.

    data: the path of an .npz with the inputs and labels y. max_drop: percentage points.
    """
    with np.load(data) as archive:
        named = {name: archive[name] for name in archive.files if name != "y"}
    outputs = _run({"float": reference, "quantized": candidate}, list(named.values()), list(named), batch_size, concurrency)
    with tempfile.TemporaryDirectory() as folder:
        recorded = os.path.join(folder, "outputs.npz")
        np.savez(recorded, **outputs)
        done = subprocess.run([command(), "gate", reference, candidate, "--data", data, "--max-drop", f"{max_drop}%", "--metric", metric, "--outputs", recorded,
                               "--json"],
                              capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr.strip())
    return json.loads(done.stdout)
