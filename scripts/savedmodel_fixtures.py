#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the small SavedModels and frozen graphs of tests/importers/data: needs tensorflow-cpu.

Usage: scripts/savedmodel_fixtures.py [FOLDER]
"""
import os
import pathlib
import shutil
import sys
import tempfile

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from same_bytes import settle_graphs

FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "tests/importers/data").resolve()


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
        return {"inverse": tf.nn.relu(tf.math.special.dawsn(x * 0.5)), "bits": tf.raw_ops.PopulationCount(x=n)}


class Words(tf.Module):
    """Tables from text files: whole lines and their numbers, columns, and values that are not int64."""

    def __init__(self):
        super().__init__()
        index = tf.lookup.TextFileIndex
        words, weights = "words.txt", "weights.csv"
        pathlib.Path(words).write_bytes(b"the\ncat\r\nsat\non\n")
        pathlib.Path(weights).write_bytes(b"7,the,0.5\n-1,sat, +2\n")
        self.number = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(words, tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER, vocab_size=3,
                                                                              value_index_offset=10), -1)
        self.word = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(weights, tf.int64, 0, tf.string, 1, delimiter=","), "?")
        self.weight = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(weights, tf.string, 1, tf.float32, 2, delimiter=","), -0.25)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text"), tf.TensorSpec([None], tf.int64, name="id")])
    def serve(self, text, id):
        return {"a_number": self.number.lookup(text), "b_weight": self.weight.lookup(text), "c_word": self.word.lookup(id)}


def save(model, name):
    shutil.rmtree(FOLDER / name, ignore_errors=True)
    tf.saved_model.save(model, str(FOLDER / name), signatures={"serving_default": model.serve})
    settle_graphs([FOLDER / name / "saved_model.pb"])
    (FOLDER / name / "fingerprint.pb").unlink(missing_ok=True)
    if not any((FOLDER / name / "assets").iterdir()):
        (FOLDER / name / "assets").rmdir()


def freeze(function, name):
    frozen = convert_variables_to_constants_v2(function.get_concrete_function(), lower_control_flow=False)
    (FOLDER / name).write_bytes(frozen.graph.as_graph_def().SerializeToString(deterministic=True))


@tf.function(input_signature=[tf.TensorSpec([4, 2], tf.float32, name="x")], autograph=False)
def running_sum(x):
    return tf.scan(lambda total, row: total + row, x, initializer=tf.zeros([2]))


@tf.function(input_signature=[tf.TensorSpec([3], tf.float32, name="x")])
def branch(x):
    return tf.cond(tf.reduce_sum(x) > 0.0, lambda: x * 2.0, lambda: -x)


@tf.function(input_signature=[tf.TensorSpec([3, 3], tf.float32, name="x")])
def refused(x):
    return tf.linalg.lu(x)[0]


@tf.function(input_signature=[tf.TensorSpec([None], tf.int64, name="x")])
def looked_up(x):
    return TABLE.lookup(x)


@tf.function(input_signature=[tf.TensorSpec([3], tf.float32, name="x")], autograph=False)
def large_list(x):
    """A list of more elements than any memory has, of which three are written."""
    rows = tf.TensorArray(tf.float32, 2**31 - 1, element_shape=[3])
    return tf.while_loop(lambda i, _: i < 3, lambda i, rows: (i + 1, rows.write(i, x)), (tf.constant(0), rows))[1].stack()[1]


TABLE = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant([1, 2], tf.int64), [0.5, 1.5]), -1.0)
@tf.function(input_signature=[tf.TensorSpec([1, None, 2], tf.float32, name="x")])
def dilated(x):
    """The edges of the blocks are computed from the length; a sum of three."""
    y = tf.nn.convolution(x, tf.constant([[[1.0], [0.0]], [[0.0], [10.0]]]), padding="VALID", dilations=[2])
    return tf.add_n([y, y, y])


@tf.function(input_signature=[tf.TensorSpec([2, 6], tf.float32, name="x")])
def least(x):
    """As Keras writes argmin: -0 is below 0, which the sign's bit tells."""
    negative = tf.bitwise.bitwise_and(tf.bitcast(x, tf.int32), tf.constant(tf.int32.min)) < 0
    x = tf.where(tf.logical_and(tf.equal(x, 0.0), negative), -1.1754943508222875e-38, x)
    return tf.cast(tf.argmin(x, -1, output_type=tf.int32), tf.float32)


save(Twins(), "twins")
save(Counter(), "counter")
save(Flex(), "flex")
with tempfile.TemporaryDirectory() as place:
    os.chdir(place)  # Paths of text files are in the model: short ones.
    save(Words(), "words")
freeze(running_sum, "running_sum.pb")
freeze(branch, "branch.pb")
freeze(refused, "lu.pb")
freeze(looked_up, "table.pb")
freeze(dilated, "dilated.pb")
freeze(least, "least.pb")
freeze(large_list, "large_list.pb")
