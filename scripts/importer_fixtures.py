#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the small source models of tests/importers/data: needs h5py and numpy, not Keras.

Usage: scripts/importer_fixtures.py [FOLDER]

Each model is written as Keras would: the configs follow what Keras 3.15 and tf_keras 2.21 save, and the weights
lie where they put them. Weight i of a model is filled with i + 1, so that a test can tell which one it got.
"""
import io
import json
import pathlib
import sys
import zipfile

import h5py
import numpy as np

FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "tests/importers/data")


# ---------------------------------------------------------------------------- Keras 3
def tensor(name, call=0, output=0):
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, 4], "dtype": "float32", "keras_history": [name, call, output]}}


def layer3(class_name, name, calls, **config):
    inbound = [{"args": args, "kwargs": {"mask": None}} for args in calls]
    config = {"name": name, "trainable": True, "dtype": {"class_name": "DTypePolicy", "config": {"name": "float32"}}, **config}
    return {"module": "keras.layers", "class_name": class_name, "config": config, "registered_name": None, "name": name, "inbound_nodes": inbound}


def input3(name, *shape, dtype="float32"):
    return {"module": "keras.layers", "class_name": "InputLayer", "name": name, "inbound_nodes": [],
            "config": {"batch_shape": [None, *shape], "dtype": dtype, "sparse": False, "name": name}}


def dense3(name, calls, units, activation="linear"):
    return layer3("Dense", name, calls, units=units, activation=activation, use_bias=True)


def functional3(name, layers, inputs, outputs, calls=None):
    model = {"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional", "name": name,
             "config": {"name": name, "trainable": True, "layers": layers, "input_layers": inputs, "output_layers": outputs}}
    if calls:
        model["inbound_nodes"] = [{"args": args, "kwargs": {"mask": None}} for args in calls]
    return model


# -------------------------------------------------------------------- Keras 2 (tf_keras)
def layer2(class_name, name, inbound, **config):
    return {"class_name": class_name, "name": name, "inbound_nodes": inbound,
            "config": {"name": name, "trainable": True, "dtype": "float32", **config}}


def input2(name, *shape):
    return {"class_name": "InputLayer", "name": name, "inbound_nodes": [], "config": {"batch_input_shape": [None, *shape], "dtype": "float32", "name": name}}


def functional2(name, layers, inputs, outputs, inbound=None):
    model = {"class_name": "Functional", "name": name,
             "config": {"name": name, "trainable": True, "layers": layers, "input_layers": inputs, "output_layers": outputs}}
    if inbound:
        model["inbound_nodes"] = inbound
    return model


# ------------------------------------------------------------------------------- files
def filled(shapes):
    return [np.full(shape, i + 1, "f4") for i, shape in enumerate(shapes)]


def h5_of(groups):
    """groups: path -> shapes of its variables, in order."""
    arrays = iter(filled([shape for shapes in groups.values() for shape in shapes]))
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for path, shapes in groups.items():
            group = file.create_group(path + "/vars")
            for i, _ in enumerate(shapes):
                group[str(i)] = next(arrays)
    return buffer.getvalue()


def keras(name, config, weights, version="3.15.1"):
    with zipfile.ZipFile(FOLDER / f"{name}.keras", "w", zipfile.ZIP_STORED) as archive:
        for member, content in (("metadata.json", json.dumps({"keras_version": version})), ("config.json", json.dumps(config)),
                                ("model.weights.h5", weights)):
            archive.writestr(zipfile.ZipInfo(member), content)


def legacy(name, config, weights, version):
    """weights: layer -> {weight name: array}."""
    with h5py.File(FOLDER / f"{name}.h5", "w") as file:
        file.attrs["keras_version"] = version
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = json.dumps(config)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = list(weights)
        for layer, variables in weights.items():
            own = group.create_group(layer)
            own.attrs["weight_names"] = [n.encode() for n in variables]
            for variable, array in variables.items():
                own[variable] = array


def nested3():
    inner = functional3("inner", [input3("in", 4), dense3("d", [[tensor("in")]], 4)], ["in", 0, 0], ["d", 0, 0],
                        calls=[[tensor("x")], [tensor("inner", 0)]])
    layers = [input3("y", 2), input3("x", 4), dense3("tail", [[tensor("join")]], 3, "relu"), inner,
              layer3("Concatenate", "join", [[[tensor("y"), tensor("inner", 1)]]], axis=-1), layer3("Dropout", "drop", [[tensor("tail")]], rate=0.5)]
    config = functional3("outer", layers, [["x", 0, 0], ["y", 0, 0]], [["drop", 0, 0], ["inner", 1, 0]])
    keras("nested", config, h5_of({"layers/dense": [(6, 3), (3,)], "layers/functional/layers/dense": [(4, 4), (4,)]}))


def nested2():
    """The same in tf_keras' dialect; the inner model has a frozen layer, which moves its weights to the end."""
    frozen = layer2("Dense", "frozen", [[["in", 0, 0, {}]]], units=4, activation="linear", use_bias=True)
    frozen["config"]["trainable"] = False
    norm = layer2("BatchNormalization", "norm", [[["frozen", 0, 0, {}]]], axis=[1], epsilon=0.0, center=True, scale=True)
    dense = layer2("Dense", "d", [[["norm", 0, 0, {}]]], units=4, activation="linear", use_bias=True)
    inner = functional2("inner", [input2("in", 4), frozen, norm, dense], [["in", 0, 0]], [["d", 0, 0]],
                        [[["x", 0, 0, {}]], [["inner", 1, 0, {}]]])
    config = functional2("outer", [input2("x", 4), inner], [["x", 0, 0]], [["inner", 1, 0], ["inner", 2, 0]])
    names = ["norm/gamma:0", "norm/beta:0", "d/kernel:0", "d/bias:0", "frozen/kernel:0", "frozen/bias:0", "norm/moving_mean:0", "norm/moving_variance:0"]
    shapes = [(4,), (4,), (4, 4), (4,), (4, 4), (4,), (4,), (4,)]
    legacy("nested_k2", config, {"x": {}, "inner": dict(zip(names, filled(shapes)))}, "2.21.0")


def aware():
    """tfmot's layers, as the fourth model of a process names them: limits of the input, of a kernel and of a softmax's operand;
    a transposed convolution before a relu, whose kernel has none."""
    up = layer2("Conv2DTranspose", "up", [], filters=2, kernel_size=[2, 2], strides=[2, 2], padding="same", activation="linear", use_bias=False)
    softmax = {"class_name": "QuantizeAwareActivation", "config": {"activation": "softmax"}}
    head = layer2("Dense", "head", [], units=3, activation=softmax, use_bias=True)
    layers = [input2("x", 2, 2, 1), layer2("QuantizeLayer", "quantize_layer_3", [[["x", 0, 0, {}]]]),
              wrapped("up", "quantize_layer_3", up, "NoOpQuantizeConfig"),
              wrapped("relu", "quant_up", layer2("ReLU", "relu", []), "Default8BitQuantizeConfig", weight_attrs=[], activation_attrs=[], quantize_output=True),
              wrapped("flat", "quant_relu", layer2("Flatten", "flat", []), "Default8BitQuantizeConfig", weight_attrs=[], activation_attrs=[],
                      quantize_output=False),
              wrapped("head", "quant_flat", head, "Default8BitQuantizeConfig", weight_attrs=["kernel"], activation_attrs=["activation"], quantize_output=False)]
    step, rng = np.int32(0), np.random.default_rng(2)
    limit = lambda name, low, high: {name + "_min:0": np.float32(low), name + "_max:0": np.float32(high)}
    weights = {"x": {}, "quantize_layer_3": {**limit("quantize_layer_3/quantize_layer_3", -1, 1), "quantize_layer_3/optimizer_step:0": step},
               "quant_up": {"up/kernel:0": rng.standard_normal((2, 2, 2, 1)).astype("f4"), "quant_up/optimizer_step:0": step},
               "quant_relu": {"quant_relu/optimizer_step:0": step, **limit("quant_relu/output", 0, 2)}, "quant_flat": {"quant_flat/optimizer_step:0": step},
               "quant_head": {"head/kernel:0": rng.standard_normal((32, 3)).astype("f4"), "head/bias:0": np.ones(3, "f4"), "quant_head/optimizer_step:0": step,
                              **limit("quant_head/kernel", -2, 2), **limit("quant_head/pre_activation", -6, 6)}}
    model = functional2("m", layers, [["x", 0, 0]], [["quant_head", 0, 0]])
    legacy("aware", model, weights, "2.21.0")
    kernel, bias, *limits = weights["quant_head"].values()  # By place: what is trained, the kernel once more, the wrapper's own.
    step, *pre = limits
    numbered("aware", model,
             {"quantize_layer": weights["quantize_layer_3"], "quantize_wrapper_v2": weights["quant_up"], "quantize_wrapper_v2_1": weights["quant_relu"],
                              "quantize_wrapper_v2_2": weights["quant_flat"], "quantize_wrapper_v2_3": [kernel, bias, kernel, step, *pre],
                              "quantize_wrapper_v2_3/layer": [bias],
                              "quantize_wrapper_v2/layer": weights["quant_up"]})


def joined():
    """tfmot's Concatenate: of one branch that has limits, and of one that has none, as the wrapper behind it has them for both. A softmax of its own layer."""
    bits, silent = dict(weight_attrs=["kernel"], activation_attrs=["activation"], quantize_output=False), {"class_name": "NoOpActivation", "config": {}}
    dense = lambda name, activation: layer2("Dense", name, [], units=2,
                                            activation={"class_name": "QuantizeAwareActivation", "config": {"activation": activation}}, use_bias=True)
    join = layer2("QuantizeWrapperV2", "quant_join", [[["quant_a", 0, 0, {}], ["quant_b", 0, 0, {}]]],
                  layer={"class_name": "Concatenate", "config": {"name": "join", "axis": -1}},
                  quantize_config={"class_name": "Default8BitOutputQuantizeConfig", "config": dict(weight_attrs=[], activation_attrs=[], quantize_output=True)})
    layers = [input2("x", 3), layer2("QuantizeLayer", "quantize_layer", [[["x", 0, 0, {}]]]),
              wrapped("a", "quantize_layer", dense("a", "relu"), "Default8BitQuantizeConfig", **bits),
              wrapped("b", "quantize_layer", dense("b", silent), "Default8BitQuantizeConfig", **bits), join,
              wrapped("last", "quant_join", layer2("Activation", "last", [], activation="softmax"), "Default8BitActivationQuantizeConfig",
                      quantize_output=True)]
    model = functional2("m", layers, [["x", 0, 0]], [["quant_last", 0, 0]])
    kernel, bias, step = np.array([[-1, 0.5], [0.5, 1], [1, -1]], "f4"), np.array([0.25, -0.5], "f4"), np.int32(0)
    limits = lambda *ends: [np.float32(v) for v in ends]
    branch = lambda kernel, *ends: [kernel, bias, kernel, step, *limits(-1, 1, *ends)]
    numbered("joined", model, {"quantize_layer": [*limits(-1, 1), step], "quantize_wrapper_v2": branch(kernel, 0, 2), "quantize_wrapper_v2/layer": [bias],
                               "quantize_wrapper_v2_1": branch(-kernel), "quantize_wrapper_v2_1/layer": [bias],
                               "quantize_wrapper_v2_2": [step, *limits(-3, 3)], "quantize_wrapper_v2_3": [step]})


def wrapped(name, inbound, layer, quantize_config, **settings):
    inner = {"class_name": layer["class_name"], "config": layer["config"]}
    return layer2("QuantizeWrapperV2", "quant_" + name, [[[inbound, 0, 0, {}]]], layer=inner,
                  quantize_config={"class_name": quantize_config, "config": settings})


def numbered(name, config, groups):
    """tf_keras' .keras; groups: layer -> arrays, or what has them as values."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for path, arrays in groups.items():
            for i, array in enumerate(arrays.values() if isinstance(arrays, dict) else arrays):
                file[f"layers/{path}/vars/{i}"] = array
    keras(name, config, buffer.getvalue(), "2.21.0")


def finer():
    """4 bits: of tfmot's own class, which says so, and of a user's, which does not. A frozen layer, whose wrapper has its kernel only."""
    dense = layer2("Dense", "d", [], units=2, activation={"class_name": "QuantizeAwareActivation", "config": {"activation": "relu"}}, use_bias=True)
    kernel, bias = np.array([[-0.7, 0.33], [0.2, 0.7], [0.04, -0.5]], "f4"), np.array([1, 2], "f4")
    own = [np.int32(0), np.float32(-0.7), np.float32(0.7), np.float32(0), np.float32(3)]
    bits = dict(weight_attrs=["kernel"], activation_attrs=["activation"], quantize_output=False)
    model = lambda kind, **more: functional2("m", [input2("x", 3), wrapped("d", "x", dense, kind, **bits, **more)], [["x", 0, 0]], [["quant_d", 0, 0]])
    numbered("nbit", model("DefaultNBitQuantizeConfig", num_bits_weight=4, num_bits_activation=8),
             {"quantize_wrapper_v2": [kernel, *own], "quantize_wrapper_v2/layer": [bias]})
    numbered("own_bits", model("Fine"), {"quantize_wrapper_v2": [kernel, *own], "quantize_wrapper_v2/layer": [bias]})


def clustered():
    """tfmot's wrapper where clusters are preserved: centroids, the kernel without them and indices beside what others have."""
    dense = layer2("Dense", "d", [], units=2, activation={"class_name": "QuantizeAwareActivation", "config": {"activation": "relu"}}, use_bias=True)
    settings = dict(weight_attrs=["kernel"], activation_attrs=["activation"], quantize_output=False)
    config = functional2("m", [input2("x", 3), wrapped("d", "x", dense, "Default8BitQuantizeConfig", **settings)], [["x", 0, 0]], [["quant_d", 0, 0]])
    kernel, bias = np.array([[-1, 0.5], [0.5, 1], [1, -1]], "f4"), np.array([1, 2], "f4")
    centroids, before = np.array([-1, 0.5, 1], "f4"), np.full((3, 2), 9, "f4")
    step, at, limits = np.int32(0), np.array([[0, 1], [1, 2], [2, 0]], "i4"), [np.float32(v) for v in (-1, 1, 0, 4)]
    names = ["kernel", "bias", "cluster_centroids_tf", "ori_weights_vars_tf", "optimizer_step", "pulling_indices_tf", "kernel_min", "kernel_max",
             "post_activation_min", "post_activation_max"]
    own = dict(zip([("d/" if i < 2 else "quant_d/") + name + ":0" for i, name in enumerate(names)], [kernel, bias, centroids, before, step, at, *limits]))
    legacy("clustered", config, {"x": {}, "quant_d": own}, "2.21.0")
    numbered("clustered", config, {"quantize_wrapper_v2": [kernel, bias, centroids, before, kernel, step, at, *limits], "quantize_wrapper_v2/layer": [bias]})


def pruned():
    """tfmot's wrapper that was not stripped: mask, threshold and step beside the layer's own."""
    dense = layer2("Dense", "d", [], units=2, activation="linear", use_bias=True)
    inner = {"class_name": "Dense", "config": dense["config"]}
    config = functional2("m", [input2("x", 3), layer2("PruneLowMagnitude", "prune_d", [[["x", 0, 0, {}]]], layer=inner)], [["x", 0, 0]], [["prune_d", 0, 0]])
    kernel, bias, mask, threshold, step = np.full((3, 2), 5, "f4"), np.full(2, 6, "f4"), np.ones((3, 2), "f4"), np.float32(0), np.int64(4)
    names = {"d/kernel:0": kernel, "d/bias:0": bias, "prune_d/mask:0": mask, "prune_d/threshold:0": threshold, "prune_d/pruning_step:0": step}
    legacy("pruned", config, {"x": {}, "prune_d": names}, "2.21.0")
    numbered("pruned", config, {"prune_low_magnitude": [kernel, mask, threshold, step], "prune_low_magnitude/layer": [kernel, bias]})




def numbered_h5(*arrays):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for i, array in enumerate(arrays):
            file[f"layers/dense/vars/{i}"] = array
    return buffer.getvalue()


def four_bits():
    """What model.quantize("int4") leaves: two numbers in a byte."""
    layer = dense3("packed", [[tensor("x")]], 2)
    layer["config"]["dtype"] = {"class_name": "Int4DTypePolicy", "config": {"mode": "int4/128", "source_name": "float32"}}
    packed = [np.full((4, 1), 0x21, "i1"), np.zeros(2, "f4"), np.ones((1, 2), "f4"), np.zeros((1, 2), "i1")]
    for name, groups in ("four_bits", np.zeros(4, "f4")), ("beyond", np.ones(4, "f4")):
        keras(name, functional3("m", [input3("x", 4), layer], ["x", 0, 0], ["packed", 0, 0]), numbered_h5(*packed, groups))


def older():
    """What model.quantize("int4") leaves in Keras 3.12: the first axis of a kernel shares bytes. Its last number is alone."""
    layer = dense3("packed", [[tensor("x")]], 2)
    layer["config"]["dtype"] = {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int4", "source_name": "float32"}}
    kernel, bias, scale = np.array([[0x21, 0x43], [0x0F, 0x08]], np.uint8).view("i1"), np.array([5, 6], "f4"), np.array([1, 2], "f4")
    keras("older", functional3("m", [input3("x", 3), layer], ["x", 0, 0], ["packed", 0, 0]), numbered_h5(kernel, bias, scale))


def halved():
    """Kernels inside of attention with half of their rows, as Keras 3.12 packs them."""
    layer = layer3("MultiHeadAttention", "packed", [[tensor("x"), tensor("x")]], num_heads=1, key_dim=2, value_dim=2, use_bias=False)
    shapes = {"query_dense": (2, 1, 2), "key_dense": (2, 1, 2), "value_dense": (2, 1, 2), "output_dense": (1, 2, 4)}
    weights = h5_of({f"layers/multi_head_attention/{part}": [shape] for part, shape in shapes.items()})
    keras("halved", functional3("m", [input3("x", 3, 4), layer], ["x", 0, 0], ["packed", 0, 0]), weights)


def forgotten():
    """What model.quantize("gptq") leaves where Keras 3.15 saves it: nothing stands for zero."""
    layer = dense3("packed", [[tensor("x")]], 2)
    layer["config"]["dtype"] = {"class_name": "GPTQDTypePolicy", "config": {"mode": "gptq/4/-1", "source_name": "float32"}}
    keras("forgotten", functional3("m", [input3("x", 4), layer], ["x", 0, 0], ["packed", 0, 0]), 
          numbered_h5(np.zeros(2, "f4"), np.full((1, 4), 0x21, "u1"), np.ones((2, 1), "f4"), np.zeros(4, "f4")))


def refused():
    operation = {**layer3("Eig", "values", [[tensor("x")]]), "module": "keras.src.ops.linalg"}
    keras("operation", functional3("m", [input3("x", 4), operation], ["x", 0, 0], ["values", 0, 0]), h5_of({}))
    layers = [input3("x", 4), layer3("Lambda", "square", [[tensor("x")]], function={"class_name": "__lambda__"}),
              layer3("Mystery", "own", [[tensor("square")]]), dense3("good", [[tensor("own")]], 2)]
    layers[2]["registered_name"] = "shop>Mystery"
    keras("refused", functional3("m", layers, ["x", 0, 0], ["good", 0, 0]), h5_of({"layers/dense": [(4, 2), (2,)]}))


def sequential(name, kernel):
    layers = [layer3("Dense", "first", [], units=2, activation="linear", use_bias=False)]
    for layer in layers:
        del layer["inbound_nodes"], layer["name"]
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["layers/dense/vars/0"] = kernel
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": layers, "build_input_shape": [None, 3]},
              "registered_name": None}
    keras(name, config, buffer.getvalue())


def timeless_h5(path, *groups):
    """A file in the latest format, which otherwise says when it and its groups were made."""
    creation, access, group = (h5py.h5p.create(kind) for kind in (h5py.h5p.FILE_CREATE, h5py.h5p.FILE_ACCESS, h5py.h5p.GROUP_CREATE))
    access.set_libver_bounds(h5py.h5f.LIBVER_LATEST, h5py.h5f.LIBVER_LATEST)
    for properties in creation, group:
        properties.set_obj_track_times(False)
    file = h5py.File(h5py.h5f.create(str(path).encode(), h5py.h5f.ACC_TRUNC, creation, access))
    for name in groups:
        h5py.h5g.create(file.id, name.encode(), gcpl=group)
    return file


def hdf5_features():
    rng = np.random.default_rng(0)
    with h5py.File(FOLDER / "features.h5", "w", userblock_size=512) as file:
        group = file.create_group("a/b")
        group.create_dataset("gzip", data=np.arange(12 * 7, dtype="f4").reshape(12, 7), chunks=(5, 4), compression="gzip", shuffle=True, fletcher32=True)
        group.create_dataset("chunks", data=np.arange(60, dtype="i2").reshape(3, 4, 5), chunks=(2, 3, 2))
        group["half"] = np.array([0.5, -2], "f2")
        group["bool"] = np.array([True, False, True])
        group["brain"] = np.array([0x3F80, 0xC000], "u2").view("V2")
        group["empty"] = h5py.Empty("f4")
        group["scalar"] = np.float64(2.5)
        group["big"] = np.array([1, 2], ">f4")
        group.attrs["fixed"] = np.array([b"abc", b"de"], "S5")
        group.attrs["variable"] = ["h\u00e9llo", "", "x" * 300]
        group.attrs["none"] = np.zeros(0)
        for i in range(12):
            file.create_group(f"many/layer{i}")
    with timeless_h5(FOLDER / "latest.h5", "a") as file:
        file["a/b"] = rng.integers(0, 9, 4).astype("i4")
        file.attrs["text"] = "value"


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    nested3()
    nested2()
    refused()
    aware()
    finer()
    clustered()
    joined()
    four_bits()
    forgotten()
    older()
    halved()
    pruned()
    sequential("sequential", np.arange(6, dtype="f8").reshape(3, 2))
    sequential("nan", np.array([[1, 2], [3, np.nan], [5, 6]], "f4"))
    hdf5_features()


if __name__ == "__main__":
    main()
