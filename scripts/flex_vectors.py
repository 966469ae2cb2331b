#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/ops/vectors/Flex*: operators of TensorFlow's that octet has kernels for, with TensorFlow's own outputs.

Usage: scripts/flex_vectors.py [OUT_FOLDER]      with a Python that has TensorFlow 2; needs flatc.
"""
import os
import pathlib
import struct
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import op_vectors as base
import tensorflow as tf

TYPES = {tf.string: "str", tf.int64: "i64", tf.int32: "i32", tf.float32: "f32", tf.float64: "f64", tf.bool: "bool", tf.uint64: "u64", tf.complex64: "c64"}
PUNCTUATION = r'[!"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`{|}~\']'  # As Keras' TextVectorization has it.


def options(op, inputs, attributes):
    """FlexBuffers: a vector of the name and the NodeDef, every number of 4 bytes."""
    with tf.Graph().as_default():
        fed = {name: ([tf.compat.v1.placeholder(x.dtype) for x in v] if isinstance(v, list) else tf.compat.v1.placeholder(v.dtype))
               for name, v in inputs.items()}
        result = getattr(tf.raw_ops, op)(**fed, **attributes)
        node = tf.nest.flatten(result)[0].op.node_def
    node.ClearField("name")
    node.input[:] = [""] * len(node.input)
    data, places = b"", []
    for text in (op.encode(), node.SerializeToString(deterministic=True)):
        data += b"\0" * (-len(data) % 4) + struct.pack("<I", len(text))
        places.append(len(data))
        data += text + b"\0"
    data += b"\0" * (-len(data) % 4) + struct.pack("<I", 2)
    start = len(data)
    for place in places:
        data += struct.pack("<I", len(data) - place)
    data += bytes([5 << 2 | 2, 5 << 2 | 2])
    return data + bytes([len(data) - start, 10 << 2 | 2, 1])


def tensor(x):
    t = base.T(TYPES[x.dtype], x.shape)
    t.data = np.array(x.numpy(), object).ravel() if x.dtype == tf.string else x.numpy()
    return t


class Vectors:
    def __init__(self, folder):
        self.folder, self.made = folder, set()

    def one(self, op, case="0", attributes=None, truth=lambda results: results, **inputs):
        """truth: what becomes of TensorFlow's outputs where it leaves some out or is not exact."""
        inputs = {name: [tf.constant(x) for x in v] if isinstance(v, list) and (not v or isinstance(v[0], np.ndarray)) else tf.constant(v)
                  for name, v in inputs.items()}
        attributes = attributes or {}
        results = truth([np.array(r) for r in tf.nest.flatten(getattr(tf.raw_ops, op)(**inputs, **attributes))])
        operands = [tensor(x) for x in tf.nest.flatten(list(inputs.values()))]
        outputs = [base.o(TYPES[tf.as_dtype(r.dtype)] if r.dtype != object else "str", *[-1] * r.ndim) for r in results]
        name = "Flex" + op
        for out, r in zip(outputs, results):
            out.shape = r.shape  # As the converter that knows them would write it.
        model = base.build([base.Graph(operands, outputs, [base.Op(name, operands, outputs, None, 1, options(op, inputs, attributes))])])
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{case}.tflite").write_bytes(model)
        (folder / f"{case}.io").write_bytes(base.io_bytes(operands, outputs, [results]))
        self.made.add(name)


def hashes(v):
    rng = np.random.default_rng(1)
    texts = [rng.bytes(n) for n in range(200)] + ["größer".encode(), "語".encode()]
    v.one("StringToHashBucketFast", input=texts, attributes={"num_buckets": 2**63 - 1})
    v.one("StringToHashBucketFast", "few", input=[["a", "b", ""], ["c", "longer text", "a"]], attributes={"num_buckets": 7})
    v.one("StringToHashBucketStrong", input=texts, attributes={"num_buckets": 2**63 - 1, "key": [133, 2**62 + 1]})


def numbers(v):
    v.one("AsString", input=np.array([0, -1, 2**63 - 1, -(2**63)]))
    v.one("AsString", "bool", input=np.array([[True, False]]))
    v.one("AsString", "wide", input=np.array([5, -7, 123456], np.int32), attributes={"width": 5, "fill": "0"})
    v.one("AsString", "float", input=np.array([0.5, -1e9, 1e-7, 123.456], np.float32))
    v.one("AsString", "short", input=np.array([0.5, -1e9, 1e-7, 123.456], np.float32), attributes={"shortest": True})
    v.one("AsString", "scientific", input=np.array([0.5, -1e9, 0.0]), attributes={"scientific": True, "precision": 3, "width": 14, "fill": "-"})
    floats = ["1", " -2.5e3\n", "+.5", "1.", "0x1.8p3", "inf", "-Infinity", "nan", "1e39", "-1e-60", "1" + "0" * 400 + "e-390", "0." + "0" * 400 + "1",
              "1e-99999999999999999999", "16777217", "7e-46"]
    v.one("StringToNumber", string_tensor=floats)
    v.one("StringToNumber", "double", string_tensor=[*floats, "1e400", "-1e-400"], attributes={"out_type": tf.float64})
    v.one("StringToNumber", "int", string_tensor=[["1", "-2147483648"], [" +7 ", "007"]], attributes={"out_type": tf.int32})
    v.one("StringToNumber", "long", string_tensor=["9223372036854775807", "-0"], attributes={"out_type": tf.int64})


TEXTS = ["", " ", "Hello, World!", "the  quick brown\tfox ", "GRÖSSE größer", "a.b-c_d", "語 と 文", "x=1;y=22;;z=333"]


def texts(v):
    for op in ("StringLower", "StringUpper", "StringStrip"):
        v.one(op, input=TEXTS)
    v.one("StringLower", "matrix", input=[["A", "b"], ["", "Ç"]])
    v.one("StringLength", input=TEXTS)
    v.one("StringLength", "characters", input=TEXTS, attributes={"unit": "UTF8_CHAR"})
    v.one("StringJoin", inputs=[np.array(TEXTS, object), np.array(TEXTS[::-1], object), np.array("ü", object)], attributes={"separator": "-"})
    v.one("StringJoin", "bare", inputs=[np.array([["a"], ["b"]], object), np.array([["c"], [""]], object)])
    v.one("Substr", input=["abcdef", "xyz", "---"], pos=1, len=2)
    v.one("Substr", "each", input=["abcdef", "xyz", ""], pos=np.array([-2, 0, 0]), len=np.array([1, 100, 0]))


def patterns(v):
    for case, pattern, rewrite, everywhere in [("0", PUNCTUATION, "", True), ("groups", r"(\w+)=(\d*)", r"\2:\1\\", True), ("once", "[aeiou]+", "<\\0>", False),
                                               ("empty", "x*", "-", True),
                                               ("unicode", r"[^\x00-\x7f]|\bthe\b", "?", True), ("fold", "(?i)HELLO|[t-z]{2,}?$", "_", True),
                                               ("lazy", r"(a|ab)(c|bcd)??(\S*?)\s", "\\1|\\3", True)]:
        v.one("StaticRegexReplace", case, input=TEXTS, attributes={"pattern": pattern, "rewrite": rewrite, "replace_global": everywhere})
    for case, pattern in [("0", r"[\w\s]*"), ("anchors", r"^(?:a|a\.b-c.d|)$"), ("wide", r"(?s).*\x{8a9e}.*|x=1(;\w=\d{2,3}|;)+")]:
        v.one("StaticRegexFullMatch", case, input=TEXTS, attributes={"pattern": pattern})


def rows(v):
    v.one("StringSplitV2", input=TEXTS, sep="")
    v.one("StringSplitV2", "separator", input=TEXTS, sep=";")
    v.one("StringSplitV2", "wide", input=["a::b:::c", "::", ":"], sep="::")
    v.one("StringSplitV2", "most", input=TEXTS, sep="", attributes={"maxsplit": 2})
    v.one("StringSplitV2", "most_separator", input=TEXTS, sep=";", attributes={"maxsplit": 1})
    words, splits = ["a", "b", "c", "d", "e"], np.array([0, 3, 3, 4, 5])
    for case, keeps in (("0", False), ("short", True)):
        v.one("StringNGrams", case, data=words, data_splits=splits,
              attributes={"separator": " ", "ngram_widths": [1, 2] if case == "0" else [2, 3], "left_pad": "", "right_pad": "", "pad_width": 0,
                          "preserve_short_sequences": keeps})
    ragged = {"0": (-1, "ROW_SPLITS"), "cut": ([-1, 2], "ROW_SPLITS"), "padded": ([5, 4], "VALUE_ROWIDS"), "open": (-1, "VALUE_ROWIDS")}
    for case, (shape, kind) in ragged.items():
        partitions = [splits] if kind == "ROW_SPLITS" else [np.array(4, np.int64), np.array([0, 0, 0, 2, 3])]
        v.one("RaggedTensorToTensor", case, shape=np.array(shape, np.int64), values=np.arange(5, dtype=np.float32), default_value=np.float32(-1),
              row_partition_tensors=partitions,
              attributes={"row_partition_types": [kind] if kind == "ROW_SPLITS" else ["FIRST_DIM_SIZE", kind]})
    v.one("RaggedTensorToTensor", "texts", shape=np.array(-1, np.int32), values=words, default_value="-", row_partition_tensors=[splits.astype(np.int32)],
          attributes={"row_partition_types": ["ROW_SPLITS"]})
    v.one("RaggedTensorToTensor", "vectors", shape=np.array([-1, -1, 2]), values=np.arange(10).reshape(5, 2), default_value=np.int64(7),
          row_partition_tensors=[splits], attributes={"row_partition_types": ["ROW_SPLITS"]})


def unicode(v):
    broken = [b"", "größer 語".encode(), b"a\xe2\x82z", b"\xed\xa0\x80\xff", b"\xf0\x9f\x98\x80\xf0\x9f"]
    v.one("UnicodeDecode", input=broken, attributes={"input_encoding": "UTF-8"})
    v.one("UnicodeDecode", "ignore", input=broken, attributes={"input_encoding": "UTF-8", "errors": "ignore", "Tsplits": tf.int32})
    v.one("UnicodeEncode", input_values=np.array([0x61, 0x8A9E, 0x1F600, 0xD800, 0x110000, 0xF6], np.int32), input_splits=np.array([0, 2, 2, 6]),
          attributes={"output_encoding": "UTF-8"})


def categories(v):
    splits, values = np.array([0, 3, 3, 4, 6]), np.array([1, 4, 1, 0, 9, 2])
    for binary in (False, True):
        v.one("RaggedBincount", "binary" if binary else "0", splits=splits, values=values, size=np.int64(5), weights=np.zeros(0, np.float32),
              attributes={"binary_output": binary})
    v.one("RaggedBincount", "weights", splits=splits, values=values.astype(np.int32), size=np.int32(5), weights=np.arange(6, dtype=np.float32))
    columns = [np.array([["red", "blue"], ["", "größer"]], object), np.array([[7, -1, 3], [0, 2**62, 5]])]
    v.one("SparseCross", "texts", indices=[], values=[], shapes=[], dense_inputs=[columns[0], columns[0][:, :1]],
          attributes={"hashed_output": True, "num_buckets": 0, "hash_key": 77, "out_type": tf.int64, "internal_type": tf.string})
    v.one("SparseCross", indices=[], values=[], shapes=[], dense_inputs=columns,
          attributes={"hashed_output": True, "num_buckets": 1000, "hash_key": 0xDECAFCAFFE, "out_type": tf.int64, "internal_type": tf.int64})


def stateless(v):
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=np.array([-7, 3]))
    v.one("StatelessRandomGetKeyCounter", seed=np.array([-7, 3]))
    v.one("StatelessRandomGetKeyCounter", "int32", seed=np.array([-7, 2**31 - 1], np.int32))
    counter = counter + tf.constant([2**64 - 2, 0], tf.uint64)  # Its lower half overflows.
    common = dict(key=key, counter=counter, alg=1)
    for op in ("StatelessRandomUniformV2", "StatelessRandomNormalV2", "StatelessTruncatedNormalV2"):
        v.one(op, shape=np.array([3, 5], np.int32), **common)
    v.one("StatelessRandomUniformFullIntV2", shape=np.array([7]), attributes={"dtype": tf.uint64}, **common)
    v.one("StatelessRandomUniformFullIntV2", "int32", shape=np.array([7]), attributes={"dtype": tf.int32}, **common)
    v.one("StatelessRandomUniformIntV2", shape=np.array([7]), **common, minval=np.int32(-5), maxval=np.int32(2**31 - 1))
    v.one("StatelessRandomUniformIntV2", "long", shape=np.array([7]), **common, minval=np.int64(-(2**62)), maxval=np.int64(2**62 + 5))


def spectra(v):
    rng = np.random.default_rng(2)
    for op, shapes in {"FFT": [(2, 8), (3, 7)], "IFFT": [(2, 8), (1, 12)], "FFT2D": [(2, 4, 8), (3, 5)], "IFFT2D": [(4, 4), (2, 3, 6)]}.items():
        for case, shape in zip(("0", "any"), shapes):
            v.one(op, case, input=(rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64))
    v.one("Conj", input=np.array([1 + 2j, -3j], np.complex64))
    v.one("Complex", real=np.array([[1, 2]], np.float32), imag=np.array([[3, -4]], np.float32))
    v.one("Complex", "scalar", real=np.float32(0.5), imag=np.array([[3, -4]], np.float32))


def decompositions(v):
    rng = np.random.default_rng(3)
    square, tall = rng.standard_normal((2, 4, 4)).astype(np.float32), rng.standard_normal((5, 3)).astype(np.float32)
    symmetric = square + square.swapaxes(1, 2)
    for op, given, key in (("Svd", tall, "compute_uv"), ("SelfAdjointEigV2", symmetric, "compute_v")):  # Vectors' signs are free: see the unit test.
        v.one(op, input=given, attributes={key: False}, truth=lambda r: [r[0], *(np.zeros_like(x) for x in r[1:])])
    for case, x, full in (("0", tall, False), ("full", tall, True), ("wide", tall.T.copy(), False), ("batch", square, False),
                          ("triangle", np.triu(square), True)):
        v.one("Qr", case, input=x, attributes={"full_matrices": full})


def shares(v):
    """Incomplete gamma and beta functions. TensorFlow's own in float32 are wrong by up to 4e-4: what it computes in float64 is the truth."""
    def in_double(op, **inputs):
        def truth(_):
            return [getattr(tf.raw_ops, op)(**{name: tf.constant(x, tf.float64) for name, x in inputs.items()}).numpy().astype(np.float32)]

        return {"truth": truth, **inputs}

    a = np.array([0.1, 0.5, 1, 3, 20, 400, 1e4, 0, -1, 2], np.float32)[:, None]
    x = np.array([0, 0.05, 1, 2.5, 21, 390, 10050, np.inf, -1], np.float32)
    v.one("Igamma", **in_double("Igamma", a=a, x=x))
    v.one("Igammac", **in_double("Igammac", a=a, x=x))
    a, b, x = (t.ravel() for t in np.meshgrid(np.array([0.5, 1, 7, 300, 0], np.float32), np.array([0.2, 2, 250], np.float32),
                                              np.array([0, 0.01, 0.5, 0.54, 0.99, 1, 1.5], np.float32)))
    v.one("Betainc", **in_double("Betainc", a=a, b=b, x=x))
    v.one("Betainc", "scalar", a=np.float32(2), b=np.float32(3), x=np.array([[0.25, 0.75]], np.float32))


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else base.ROOT / "tests/ops/vectors")
    v = Vectors(folder)
    for part in (hashes, numbers, texts, patterns, rows, unicode, categories, spectra, stateless, decompositions, shares):
        part(v)
    print(f"{len(v.made)} operators in {folder}")


if __name__ == "__main__":
    main()
