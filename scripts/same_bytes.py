# SPDX-License-Identifier: Apache-2.0
"""What Keras and TensorFlow write otherwise each time (when, where objects lay in memory, maps in any order), the same every time."""
import json
import re
import zipfile


def settle_archives(paths):
    """.keras files."""
    for path in paths:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        numbers = {}
        members["config.json"] = re.sub(rb'(?<="shared_object_id": )\d+', lambda found: b"%d" % numbers.setdefault(found[0], len(numbers)),
                                        members["config.json"])
        members["metadata.json"] = json.dumps({**json.loads(members["metadata.json"]), "date_saved": "2000-01-01@00:00:00"})
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name, content in members.items():
                archive.writestr(zipfile.ZipInfo(name), content)


def settle_graphs(paths):
    """saved_model.pb of SavedModels. A function's name ends in a number that counts all that the process made before."""
    from google.protobuf import text_format
    from tensorflow.core.protobuf import saved_model_pb2
    for path in paths:
        model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
        functions = [f.signature.name for g in model.meta_graphs for f in g.graph_def.library.function]
        counted = sorted({int(n) for name in functions for n in re.findall(r"_(\d+)$", name)})
        numbers = {str(n): str(1000 + i) for i, n in enumerate(counted)}
        text = re.sub(r'(?<=_)\d+(?=[_"/:])', lambda found: numbers.get(found[0], found[0]), text_format.MessageToString(model))
        model = text_format.Parse(text, saved_model_pb2.SavedModel())
        for graph in model.meta_graphs:
            graph.graph_def.library.function.sort(key=lambda f: f.signature.name)
        path.write_bytes(model.SerializeToString(deterministic=True))


def settle_lowered(graph):
    """A GraphDef whose control flow was lowered, in threads: how many inputs that nobody reads stay behind (one of each type does), attributes
    that are notes to itself, the order."""
    from tensorflow.core.framework import attr_value_pb2, tensor_shape_pb2
    stale, nodes = {}, []
    for node in graph.node:
        node.attr.pop("_has_manual_control_dependencies", None)
        if node.name.startswith("unused_control_flow_input"):
            stale.setdefault(node.attr["dtype"].type, node)
        else:
            nodes.append(node)
    nodes.sort(key=lambda node: "" if node.op == "Placeholder" else node.name)  # The inputs first, in their own order.
    for i, (_, node) in enumerate(sorted(stale.items())):
        node.name = f"unused_control_flow_input_{i}"
        node.attr["shape"].CopyFrom(attr_value_pb2.AttrValue(shape=tensor_shape_pb2.TensorShapeProto(unknown_rank=True)))
        nodes.append(node)
    settled = type(graph)()
    settled.CopyFrom(graph)
    settled.ClearField("node")
    settled.node.extend(nodes)
    return settled
