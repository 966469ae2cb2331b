# SPDX-License-Identifier: Apache-2.0
"""Trees, linear models and support vectors (ai.onnx.ml)."""
import numpy as np
import onnxruntime
from onnx import helper, numpy_helper

from onnx_models.common import F, I, computed, floats, model, save


def learned():
    """What is learned of tables: columns, linear models, trees of unlike depth with limits below and at, and rows that lack a number."""
    def ml(op, inputs, outputs, **attrs):
        return helper.make_node(op, inputs, outputs, domain="ai.onnx.ml", **attrs)

    def trees(of, ids, weights=(0.5, -0.25, 1.5, 0.75, -1.0)):
        nodes = {"treeids": [0, 0, 0, 0, 0, 1, 1, 1], "nodeids": [0, 1, 2, 3, 4, 0, 1, 2], "featureids": [0, 0, 2, 0, 0, 3, 0, 0],
                 "values": [0.1, 0.0, -0.2, 0.0, 0.0, 0.3, 0.0, 0.0],
                 "modes": ["BRANCH_LEQ", "LEAF", "BRANCH_LT", "LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"], "truenodeids": [1, 0, 3, 0, 0, 1, 0, 0],
                 "falsenodeids": [2, 0, 4, 0, 0, 2, 0, 0],
                 "missing_value_tracks_true": [0, 0, 1, 0, 0, 0, 0, 0]}
        leaves = {"treeids": [0, 0, 0, 1, 1], "nodeids": [1, 3, 4, 1, 2], "ids": ids, "weights": weights}
        return {f"nodes_{k}": v for k, v in nodes.items()} | {f"{of}_{k}": v for k, v in leaves.items()}

    w = {"at": np.array([2, 0])}
    nodes = [ml("Scaler", ["x"], ["scaled"], offset=[0.5, 0.0, -1.0, 2.0], scale=[2.0, 1.0, 0.5, 1.5]), ml("Normalizer", ["scaled"], ["l2"], norm="L2"),
             ml("Normalizer", ["scaled"], ["l1"], norm="L1"),
             ml("Normalizer", ["z"], ["most"], norm="MAX"), ml("Binarizer", ["scaled"], ["bits"], threshold=0.25),
             ml("Imputer", ["m"], ["whole"], imputed_value_floats=[1.0, 2.0, 3.0, 4.0], replaced_value_float=float("nan")),
             ml("ArrayFeatureExtractor", ["x", "at"], ["picked"]), ml("FeatureVectorizer", ["x", "scaled"], ["beside"], inputdimensions=[4, 4]),
             ml("LinearRegressor", ["x"], ["line"], coefficients=[0.5, -1.0, 0.25, 2.0, 1.0, 0.0, -0.5, 0.1], intercepts=[0.1, -0.2], targets=2),
             ml("LinearClassifier", ["x"], ["label", "scores"], coefficients=[0.5, -1.0, 0.25, 2.0, 1.0, 0.0, -0.5, 0.1, -0.3, 0.2, 0.1, 0.4],
                intercepts=[0.1, -0.2, 0.0],
                classlabels_ints=[3, 5, 9], post_transform="SOFTMAX"),
             ml("LinearClassifier", ["x"], ["two", "shares"], coefficients=[0.5, -1.0, 0.25, 2.0, -0.5, 1.0, -0.25, -2.0], intercepts=[0.1, -0.1],
                classlabels_ints=[0, 1], post_transform="LOGISTIC"),
             ml("TreeEnsembleRegressor", ["m"], ["forest"], n_targets=2, **trees("target", [0, 1, 0, 1, 1])),
             ml("TreeEnsembleRegressor", ["x"], ["mean"], n_targets=1, base_values=[0.5], aggregate_function="AVERAGE", **trees("target", [0] * 5)),
             ml("TreeEnsembleClassifier", ["x"], ["tree", "tree_scores"], classlabels_int64s=[7, 8, 9], post_transform="SOFTMAX",
                **trees("class", [0, 1, 2, 1, 0], (0.5, 0.25, 1.5, 0.75, 1.0))),
             ml("TreeEnsembleClassifier", ["x"], ["pair", "pair_scores"], classlabels_int64s=[0, 1], post_transform="LOGISTIC", **trees("class", [0] * 5))]
    outputs = [(n, F, ["N", k]) for n,
               k in (("l2", 4), ("l1", 4), ("most", 4), ("bits", 4), ("whole", 4), ("picked", 2), ("beside", 8), ("line", 2), ("scores", 3), ("shares", 2),
                     ("forest", 2), ("mean", 1), ("tree_scores", 3),
                                             ("pair_scores", 2))] + [(n, I, ["N"]) for n in ("label", "two", "tree", "pair")]
    m = model(nodes, [(n, F, ["N", 4]) for n in "xzm"], outputs, w, domains=["ai.onnx.ml"])
    m.opset_import[1].version = 3
    rows = floats(6, 4)
    missing = rows.copy()
    missing[1:4, [0, 2]] = np.nan
    inputs = [rows, np.abs(floats(6, 4)), missing]
    save("learned", m, inputs, onnxruntime.InferenceSession(m.SerializeToString()).run(None, dict(zip("xzm", inputs))))


def support_vectors():
    """Support vector machines of every kernel, with and without probabilities: three classes told apart pair by pair, rows far from zero."""
    def machine(op, outputs, kernel, rows=5, **attrs):
        return helper.make_node(op, ["x"], outputs, domain="ai.onnx.ml", kernel_type=kernel, kernel_params=[0.2, 0.5, 2.0],
                                support_vectors=(floats(rows, 4) + 3).ravel().tolist(), **attrs)

    three = {"coefficients": floats(2, 5).ravel().tolist(), "vectors_per_class": [2, 1, 2], "rho": [0.1, -0.2, 0.05], "classlabels_ints": [4, 5, 9]}
    two = {"coefficients": [0.5, -0.25, 0.75, -1.0, 0.3], "vectors_per_class": [3, 2], "rho": [0.1], "classlabels_ints": [0, 1]}
    line = {"coefficients": floats(5).tolist(), "n_supports": 5, "rho": [0.25]}
    nodes = [machine("SVMRegressor", ["near"], "RBF", **line), machine("SVMRegressor", ["line"], "LINEAR", **line),
             machine("SVMRegressor", ["curve"], "POLY", **line),
             machine("SVMRegressor", ["inside"], "SIGMOID", one_class=1, **line), machine("SVMClassifier", ["three", "pairs"], "RBF", **three),
             machine("SVMClassifier", ["likely", "shares"], "POLY", prob_a=[-1.0, -0.5, -2.0], prob_b=[0.1, 0.0, -0.1], **three),
             machine("SVMClassifier", ["two", "sides"], "LINEAR", **two),
             machine("SVMClassifier", ["either", "halves"], "SIGMOID", prob_a=[-1.5], prob_b=[0.2], **two)]
    outputs = [(n, F, ["N", k]) for n,
               k in (("near", 1), ("line", 1), ("curve", 1), ("inside", 1), ("pairs", 3), ("shares", 3), ("sides", 2),
                     ("halves", 2))] + [(n, I, ["N"]) for n in ("three", "likely", "two", "either")]
    m = model(nodes, [("x", F, ["N", 4])], outputs, {}, domains=["ai.onnx.ml"])
    inputs = [floats(7, 4) + 3]
    save("support_vectors", m, inputs, computed(m, inputs))


def questions():
    """Trees of one operator for all kinds: every comparison, sets of members, the least of all trees, rows that lack a number."""
    def trees(outputs, **attrs):
        tensors = {"nodes_splits": np.array([0.1, -0.3, 0.2, 1.0, 2.0, 0.0, 0.5], np.float32), "nodes_modes": np.array([0, 1, 2, 4, 5, 6, 3], np.uint8),
                   "membership_values": np.array([1, 2, np.nan], np.float32), "leaf_weights": np.array([0.5, -1, 2, 0.25, 3, -0.75, 1.5, -2, 0.1], np.float32)}
        return helper.make_node("TreeEnsemble", ["x"], outputs, domain="ai.onnx.ml", tree_roots=[0, 3, 5], nodes_featureids=[0, 1, 2, 3, 3, 3, 1],
                                nodes_truenodeids=[1, 0, 2, 4, 5, 6, 7],
                                nodes_falsenodeids=[2, 1, 3, 4, 6, 8, 8], nodes_trueleafs=[0, 1, 1, 1, 1, 0, 1], nodes_falseleafs=[0, 1, 1, 0, 1, 1, 1],
                                nodes_missing_value_tracks_true=[0, 1, 0, 0, 0, 0, 1],
                                **{k: numpy_helper.from_array(v, k) for k, v in tensors.items()}, **attrs)

    nodes = [trees(["sums"], n_targets=2, leaf_targetids=[0, 1, 0, 1, 1, 0, 0, 1, 0]),
             trees(["least"], n_targets=1, leaf_targetids=[0] * 9, aggregate_function=2),
             trees(["three"], n_targets=3, leaf_targetids=[0, 1, 2, 1, 1, 0, 0, 2, 0])]
    m = model(nodes, [("x", F, ["N", 4])], [("sums", F, ["N", 2]), ("least", F, ["N", 1]), ("three", F, ["N", 3])], {}, opset=21, domains=["ai.onnx.ml"], ir=10)
    m.opset_import[1].version = 5
    x = floats(12, 4)
    x[:, 3] = np.arange(12) % 4
    x[4:7, 1] = np.nan
    save("questions", m, [x], computed(m, [x]))
