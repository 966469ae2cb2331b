# SPDX-License-Identifier: Apache-2.0
"""`octet serve` asked by the real client, tritonclient[http].

Usage: triton_client.py OCTET OCTET_TESTS WORK_FOLDER
"""
import pathlib
import shutil
import sys
import threading

import ml_dtypes
import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from server import Server, make_models  # noqa: E402

VALUES = {
    "bool": ("BOOL", np.array([[True, False, True], [False, False, True]])),
    "uint8": ("UINT8", np.array([[0, 1, 255], [7, 8, 9]], np.uint8)),
    "uint16": ("UINT16", np.array([[0, 1, 65535], [7, 8, 9]], np.uint16)),
    "uint32": ("UINT32", np.array([[0, 1, 2**32 - 1], [7, 8, 9]], np.uint32)),
    "uint64": ("UINT64", np.array([[0, 1, 2**64 - 1], [7, 8, 9]], np.uint64)),
    "int8": ("INT8", np.array([[-128, 1, 127], [7, 8, 9]], np.int8)),
    "int16": ("INT16", np.array([[-(2**15), 1, 2**15 - 1], [7, 8, 9]], np.int16)),
    "int32": ("INT32", np.array([[-(2**31), 1, 2**31 - 1], [7, 8, 9]], np.int32)),
    "int64": ("INT64", np.array([[-(2**63), 1, 2**63 - 1], [7, 8, 9]], np.int64)),
    "float16": ("FP16", np.array([[-1.5, 65504, 6e-8], [7, 8, 9]], np.float16)),
    "bfloat16": ("BF16", np.array([[-1.5, 3e38, 1e-30], [7, 8, 9]], ml_dtypes.bfloat16)),
    "float32": ("FP32", np.array([[-1.1, 3e38, 1e-45], [0.1, 8, 9]], np.float32)),
    "float64": ("FP64", np.array([[-1.1, 1e308, 5e-324], [0.1, 8, 9]], np.float64)),
    "string": ("BYTES", np.array([["", "a", "längst"], ["x" * 1000, "\n", "z"]], dtype=object)),
}
BINARY_ONLY = {"float16", "bfloat16"}


def all_inputs(binary):
    inputs = []
    for name, (datatype, value) in VALUES.items():
        tensor = triton.InferInput(f"in_{name}", list(value.shape), datatype)
        tensor.set_data_from_numpy(value, binary_data=binary or name in BINARY_ONLY)
        inputs.append(tensor)
    return inputs


def same(name, got, sent):
    sent = sent.reshape(3, 2)
    if name == "string":
        return [t.decode() if isinstance(t, bytes) else t for t in got.ravel()] == list(sent.ravel())
    return got.shape == (3, 2) and np.array_equal(np.asarray(got, sent.dtype), sent)


def check_types(client):
    for binary_in in (True, False):
        for binary_out in (True, False):
            outputs = [triton.InferRequestedOutput(f"out_{n}", binary_data=binary_out or n in BINARY_ONLY) for n in VALUES]
            result = client.infer("types", all_inputs(binary_in), outputs=outputs, request_id="r1")
            assert result.get_response()["id"] == "r1" and result.get_response()["model_version"] == "3"
            for name, (_, value) in VALUES.items():
                assert same(name, result.as_numpy(f"out_{name}"), value), (name, binary_in, binary_out, result.as_numpy(f"out_{name}"))
    every = client.infer("types", all_inputs(True), model_version="3")  # No outputs named: all, binary.
    assert len(every.get_response()["outputs"]) == len(VALUES)


def check_metadata(client):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("types") and client.is_model_ready("add", "1")
    assert not client.is_model_ready("nobody")
    assert client.get_server_metadata()["name"] == "octet"
    meta = client.get_model_metadata("types")
    assert meta["versions"] == ["3"] and [i["datatype"] for i in meta["inputs"]] == [d for d, _ in VALUES.values()]
    assert meta["outputs"][0] == {"name": "out_bool", "datatype": "BOOL", "shape": [3, 2]}
    assert client.get_model_metadata("add")["versions"] == ["10", "2", "1"]
    config = client.get_model_config("slow")
    assert config["max_batch_size"] == 4 and config["input"][0]["dims"] == [64, 64, 16]


def add(client, version="", value=0.0):
    x = triton.InferInput("x", [1, 4], "FP32")
    x.set_data_from_numpy(np.full((1, 4), value, np.float32))
    return float(client.infer("add", [x], model_version=version).as_numpy("y")[0, 0])


def check_versions(client):
    assert add(client, "1", 5) == 6 and add(client, "2", 5) == 7
    assert add(client, "", 5) == 6  # The newest, 10.
    fails(lambda: add(client, "7"), "has no version '7'")


def fails(call, text):
    try:
        call()
    except InferenceServerException as e:
        assert text in e.message(), e.message()
        return
    raise AssertionError(f"no error; expected: {text}")


def check_errors(client):
    def ask(name, shape, dtype, array, outputs=None):
        x = triton.InferInput(name, shape, dtype)
        x.set_data_from_numpy(array)
        return client.infer("add", [x], outputs=outputs)

    good = np.zeros((1, 4), np.float32)
    fails(lambda: ask("z", [1, 4], "FP32", good), "no input 'z'; there is: 'x'")
    fails(lambda: ask("x", [1, 5], "FP32", np.zeros((1, 5), np.float32)), "expected the shape [1,4], found [1,5]")
    fails(lambda: ask("x", [1, 4], "INT32", np.zeros((1, 4), np.int32)), "expected datatype FP32, found 'INT32'")
    fails(lambda: ask("x", [1, 4], "FP32", good, [triton.InferRequestedOutput("q")]), "no output 'q'")
    fails(lambda: client.infer("types", []), "is missing")


def check_repository(client, server, folder):
    index = {(m["name"], m["version"]): m["state"] for m in client.get_model_repository_index()}
    assert index[("add", "1")] == "READY" and len(index) == 5, index
    client.unload_model("slow")
    assert not client.is_model_ready("slow") and client.is_server_ready()
    fails(lambda: client.infer("slow", []), "is loaded")
    client.load_model("slow")
    assert client.is_model_ready("slow")
    fails(lambda: client.load_model("nobody"), "no model 'nobody'")

    # A changed file comes into use by itself, with answers all the time; a broken one does not.
    stop, wrong = threading.Event(), []

    def keep_asking():
        other = triton.InferenceServerClient(server.address)
        while not stop.is_set():
            if add(other, "10") not in (1.0, 2.0):
                wrong.append("another answer")

    asking = threading.Thread(target=keep_asking)
    asking.start()
    here = len(server.lines)
    shutil.copy(folder / "add2.tflite", folder / "current.tflite")  # In place, as scp does.
    server.wait_for("version 10 is ready", after=here)
    assert add(client, "10") == 2.0
    here = len(server.lines)
    (folder / "current.tflite").write_bytes(b"nonsense")
    server.wait_for("version 10: the new file does not load, the old model goes on", after=here)
    assert add(client, "10") == 2.0 and client.is_model_ready("add", "10")
    shutil.copy(folder / "add1.tflite", folder / "current.tflite")
    client.load_model("add")
    assert add(client, "10") == 1.0
    stop.set()
    asking.join()
    assert not wrong, wrong


def check_batches(client, server):
    """Many at once: each gets its own answer."""
    rng = np.random.default_rng(1)
    images = rng.standard_normal((24, 64, 64, 16)).astype(np.float32)

    def ask(c, batch):
        x = triton.InferInput("image", list(batch.shape), "FP32")
        x.set_data_from_numpy(batch)
        return c.infer("slow", [x]).as_numpy("conv2")

    alone = [ask(client, images[i : i + 1]) for i in range(24)]
    got = [None] * 24

    def worker(first):
        c = triton.InferenceServerClient(server.address)
        for i in range(first, 24, 8):
            got[i] = ask(c, images[i : i + 1])

    threads = [threading.Thread(target=worker, args=(k,)) for k in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert all(np.array_equal(a, g) for a, g in zip(alone, got)), "a batch's row is not the row alone"
    three = ask(client, images[:3])  # A batch of the client's own.
    assert np.array_equal(three, np.concatenate(alone[:3]))
    stats = client.get_inference_statistics("slow")["model_stats"][0]
    assert stats["inference_count"] >= 49 and stats["execution_count"] < stats["inference_count"], stats


def main():
    octet, tests, work = sys.argv[1:4]
    folder = make_models(tests, work)
    shutil.copy(folder / "add1.tflite", folder / "current.tflite")
    models = [f"types:3={folder}/types.tflite", f"add:1={folder}/add1.tflite", f"add:2={folder}/add2.tflite", f"add:10={folder}/current.tflite", f"slow={folder}/slow.tflite,batch=4,wait_us=20000"]
    with Server(octet, *models) as server:
        client = triton.InferenceServerClient(server.address)
        check_types(client)
        check_metadata(client)
        check_versions(client)
        check_errors(client)
        check_repository(client, server, folder)
        check_batches(client, server)
        assert server.stop() == 0, server.lines


if __name__ == "__main__":
    main()
