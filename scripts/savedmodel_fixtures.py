#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the small SavedModels and frozen graphs of tests/importers/data: needs tensorflow-cpu.

Usage: scripts/savedmodel_fixtures.py [FOLDER]
"""
import pathlib
import shutil
import sys

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "tests/importers/data")


class Twins(tf.Module):
    """Two variables of one name, inputs and outputs that sorting would put in another order."""

    def __init__(self):
        super().__init__()
        self.first = tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="v")
        self.second = tf.Variable([10.0, 20.0], name="v")

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="zz"), tf.TensorSpec([None, 2], tf.float32, name="aa")])
    def serve(self, zz, aa):
        flat = tf.reshape(tf.matmul(zz, self.first) + self.second, [tf.shape(zz)[0], 2])
        return {"sum": tf.nn.relu(flat), "other": aa - zz}


class Counter(tf.Module):
    def __init__(self):
        super().__init__()
        self.count = tf.Variable([5.0], name="count")

    @tf.function(input_signature=[tf.TensorSpec([1], tf.float32, name="x")])
    def serve(self, x):
        self.count.assign_add(x)
        return {"total": self.count.read_value()}


class Flex(tf.Module):
    """Ops without a builtin operator."""

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x"), tf.TensorSpec([3], tf.int32, name="n")])
    def serve(self, x, n):
        return {"inverse": tf.nn.relu(tf.math.erfinv(x * 0.5)), "bits": tf.raw_ops.PopulationCount(x=n)}


def save(model, name):
    shutil.rmtree(FOLDER / name, ignore_errors=True)
    tf.saved_model.save(model, str(FOLDER / name), signatures={"serving_default": model.serve})
    (FOLDER / name / "fingerprint.pb").unlink(missing_ok=True)
    shutil.rmtree(FOLDER / name / "assets", ignore_errors=True)


def freeze(function, name):
    frozen = convert_variables_to_constants_v2(function.get_concrete_function(), lower_control_flow=False)
    (FOLDER / name).write_bytes(frozen.graph.as_graph_def().SerializeToString())


@tf.function(input_signature=[tf.TensorSpec([4, 2], tf.float32, name="x")], autograph=False)
def running_sum(x):
    return tf.scan(lambda total, row: total + row, x, initializer=tf.zeros([2]))


@tf.function(input_signature=[tf.TensorSpec([3], tf.float32, name="x")])
def branch(x):
    return tf.cond(tf.reduce_sum(x) > 0.0, lambda: x * 2.0, lambda: -x)


@tf.function(input_signature=[tf.TensorSpec([2, 3], tf.float32, name="x")])
def refused(x):
    return tf.linalg.svd(x, compute_uv=False)


save(Twins(), "twins")
save(Counter(), "counter")
save(Flex(), "flex")
freeze(running_sum, "running_sum.pb")
freeze(branch, "branch.pb")
freeze(refused, "svd.pb")
