# SPDX-License-Identifier: Apache-2.0
"""What is in a .tflite file, as text: the view of `tf.lite.experimental.Analyzer`. `octet inspect` says more."""
import json
import os
import pathlib
import subprocess
import tempfile

from octet import cli


def _run(arguments):
    done = subprocess.run([cli.command(), *arguments], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 3) or not done.stdout:
        raise ValueError(done.stderr.strip() or f"octet {arguments[0]} failed with exit code {done.returncode}")
    return json.loads(done.stdout)


def _on_disk(model_path, model_content, use):
    """use(path) of a model that may be in memory."""
    if (model_path is None) == (model_content is None):
        raise ValueError("either model_path or model_content must be given")
    if model_path is not None:
        return use(os.fspath(model_path))
    with tempfile.TemporaryDirectory(prefix="octet-") as folder:
        path = os.path.join(folder, "model.tflite")
        pathlib.Path(path).write_bytes(model_content)
        return use(path)


class _Model:
    """The file's tables, and lines of text about them."""

    def __init__(self, path):
        self.tables = _run(["inspect", path, "--json"])
        self.file_bytes = os.path.getsize(path)
        self.buffers = self.tables.get("buffers", [])

    def subgraphs(self):
        return self.tables.get("subgraphs", [])

    def op_name(self, operator):
        code = self.tables["operator_codes"][operator.get("opcode_index", 0)]
        name = code.get("builtin_code", "ADD")
        return code.get("custom_code", name) if name == "CUSTOM" else name

    def buffer_bytes(self, index):
        return self.buffers[index].get("size", 0) if index < len(self.buffers) else 0

    def tensor_line(self, number, tensor):
        shape = tensor.get("shape_signature") or tensor.get("shape", [])
        line = f"  T#{number}({tensor.get('name', '')}) shape:{list(shape)}, type:{tensor.get('type', 'FLOAT32')}"
        buffer = tensor.get("buffer", 0)
        if self.buffer_bytes(buffer):
            line += f" RO {self.buffer_bytes(buffer)} bytes, buffer: {buffer}"
        return line

    def lines(self):
        yield "=== TFLite ModelAnalyzer ==="
        yield ""
        yield f"The model has {len(self.subgraphs())} subgraph(s). T#n is tensor n of a subgraph; Op#n reads the tensors in () and writes those in []."
        for g, graph in enumerate(self.subgraphs()):
            yield ""
            yield f"Subgraph#{g} {graph.get('name', '')}({_tensors(graph.get('inputs', []))}) -> [{_tensors(graph.get('outputs', []))}]"
            for k, operator in enumerate(graph.get("operators", [])):
                yield f"  Op#{k} {self.op_name(operator)}({_tensors(operator.get('inputs', []))}) -> [{_tensors(operator.get('outputs', []))}]"
            yield ""
            yield f"Tensors of Subgraph#{g}"
            for number, tensor in enumerate(graph.get("tensors", [])):
                yield self.tensor_line(number, tensor)
        yield from self.signature_lines()
        yield from self.size_lines()

    def signature_lines(self):
        signatures = self.tables.get("signature_defs", [])
        yield ""
        yield "-" * 63
        yield f"The model has {len(signatures)} signature_def(s)."
        for s, signature in enumerate(signatures):
            yield ""
            yield f"Signature#{s} key: '{signature.get('signature_key', '')}'"
            yield f"- Subgraph: Subgraph#{signature.get('subgraph_index', 0)}"
            for title, ends in (("Inputs", signature.get("inputs", [])), ("Outputs", signature.get("outputs", []))):
                yield f"- {title}:"
                for end in ends:
                    yield f"    '{end.get('name', '')}' : T#{end.get('tensor_index', 0)}"

    def size_lines(self):
        data = sum(self.buffer_bytes(i) for i in range(len(self.buffers)))
        rest = self.file_bytes - data
        yield ""
        yield "-" * 63
        yield f"              Model size: {self.file_bytes:10} bytes"
        yield f"    Non-data buffer size: {rest:10} bytes ({100 * rest / self.file_bytes:05.2f} %)"
        yield f"  Total data buffer size: {data:10} bytes ({100 * data / self.file_bytes:05.2f} %)"


def _tensors(indices):
    return ", ".join("T#?" if i < 0 else f"T#{i}" for i in indices)


def _gpu_lines(path):
    report = _run(["check", path, "--target", "gpu", "--json"])
    yield ""
    if report.get("runs"):
        yield "The model looks compatible with the GPU delegate."
        return
    yield "GPU COMPATIBILITY WARNING:"
    for finding in report.get("findings", []):
        yield f"  {finding.get('layer', '')}: {finding.get('reason', '')}; {finding.get('advice', '')}"


class Analyzer:
    """`Analyzer.analyze(model_path=...)` prints the model's structure."""

    @staticmethod
    def analyze(model_path=None, model_content=None, gpu_compatibility=False, **kwargs):
        """Prints subgraphs, operators, tensors, signatures and sizes; with gpu_compatibility what the GPU delegate would refuse."""
        del kwargs

        def text(path):
            lines = list(_Model(path).lines())
            return "\n".join(lines + (list(_gpu_lines(path)) if gpu_compatibility else []))

        print(_on_disk(model_path, model_content, text))
