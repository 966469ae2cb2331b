#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""octet.ray on a local cluster of two nodes, one of which is killed midway: results and verdict are those of one machine.

Usage: ray_cluster.py OCTET PYTHON_PACKAGE WORK REPOSITORY       (in a Python with ray[data] and numpy)
"""
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import numpy as np

octet_command, package, work, repository = sys.argv[1:]
os.environ.update(OCTET_COMMAND=octet_command, PYTHONPATH=package, RAY_USAGE_STATS_ENABLED="0", RAY_DEDUP_LOGS="0", RAY_DATA_DISABLE_PROGRESS_BARS="1")
sys.path.insert(0, package)

import ray  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

import octet  # noqa: E402
import octet.ray  # noqa: E402


def models(folder):
    """The demo's classifier in float and int8, and a labelled holdout."""
    source = str(pathlib.Path(repository) / "examples/demo/model.keras")
    float_model, int8_model, holdout = (str(folder / n) for n in ("float.tflite", "int8.tflite", "holdout.npz"))
    converter = octet.Converter.from_keras_file(source)
    content = converter.convert()
    pathlib.Path(float_model).write_bytes(content)
    x = np.random.default_rng(3).random((2000, 28, 28, 1), np.float32)
    converter.optimizations = [octet.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([v[None]] for v in x[:32])
    converter.target_spec.supported_ops = {octet.OpsSet.TFLITE_BUILTINS_INT8}
    pathlib.Path(int8_model).write_bytes(converter.convert())
    model = octet.ray._Model(content, [])
    answers = [model([v])[0] for v in x]
    labels = np.array([int(np.argmax(a)) for a in answers])
    labels[::7] = (labels[::7] + 1) % answers[0].shape[-1]
    np.savez(holdout, x=x, y=labels)
    return float_model, int8_model, holdout


def one_machine(*words):
    return json.loads(subprocess.run([octet_command, "gate", *words, "--metric", "top1", "--json"], capture_output=True, text=True, check=False).stdout)


def main():
    folder = pathlib.Path(work)
    folder.mkdir(parents=True, exist_ok=True)
    float_model, int8_model, holdout = models(folder)
    want = one_machine(float_model, int8_model, "--data", holdout, "--max-drop", "3%")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "object_store_memory": 200 << 20})
    second = cluster.add_node(num_cpus=2, object_store_memory=200 << 20)
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        got = octet.ray.gate(float_model, int8_model, holdout, max_drop=3.0, metric="top1", batch_size=20, concurrency=3)
        assert got == want, (got, want)
        print(f"two nodes: the verdict of one machine, drop {got['drop']:+.2f} points of {got['samples']} samples")
        killer = threading.Thread(target=lambda: (time.sleep(float(os.environ.get("KILL_AFTER", "6"))), cluster.remove_node(second, allow_graceful=False)))
        killer.start()
        got = octet.ray.gate(float_model, int8_model, holdout, max_drop=3.0, metric="top1", batch_size=4, concurrency=3)
        killer.join()
        assert got == want, (got, want)
        assert len([n for n in ray.nodes() if n["Alive"]]) == 1
        print("one of two nodes killed midway: the same verdict")
        with np.load(holdout) as data:
            y = octet.ray.predict(float_model, data["x"], concurrency=1)
            assert y.shape[0] == 2000 and np.mean(np.argmax(y, -1) == data["y"]) > 0.8
    finally:
        ray.shutdown()
        cluster.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
