# SPDX-License-Identifier: Apache-2.0
"""Requests that `octet serve` must refuse with a reason and without harm, TLS, tokens, overload, signals, and telemetry.

Usage: hostile.py OCTET OCTET_TESTS WORK_FOLDER
"""
import concurrent.futures
import gzip
import http.server
import json
import pathlib
import random
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from server import Server, make_models  # noqa: E402

INFER = "/v2/models/add/infer"


def tensor(**changes):
    return {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4], **changes}]}


def refuses(server, expected, text, body, path=INFER, headers=(), method="POST"):
    status, answer, _ = server.ask(method, path, body, headers)
    error = json.loads(answer)["error"]
    assert status == expected and text in error, (status, error, text)


def check_requests(server):
    ok = lambda: server.ask("POST", INFER, tensor())  # noqa: E731
    status, answer, _ = ok()
    assert status == 200 and json.loads(answer)["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [1, 4], "data": [2, 3, 4, 5]}], answer
    for body in (b"", b"{", b"[]", b"nonsense", b'{"inputs":[{"name":', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b'{"inputs":[[]]}'):
        refuses(server, 400, "", body)
    refuses(server, 400, "is missing", {})
    for path, wrong in (("inputs[]", {"inputs": [1, "a"]}), ("inputs", {"inputs": {}}), ("outputs", {**tensor(), "outputs": 5}), ("id", {**tensor(), "id": 5}),
                        ("parameters.timeout", {**tensor(), "parameters": {"timeout": -1}}), ("parameters.timeout", {**tensor(), "parameters": {"timeout": "1"}}),
                        ("parameters.binary_data_output", {**tensor(), "parameters": {"binary_data_output": 1}}), ("inputs[].shape[]", tensor(shape=["1", "4"])),
                        ("inputs[].datatype", tensor(datatype=5)), ("inputs[].data", tensor(data=4)), ("parameters", {**tensor(), "parameters": []})):
        refuses(server, 400, f"'{path}' must be", wrong)
    status, answer, _ = server.ask("POST", INFER, {**tensor(data=[[1, 2, 3, 4]]), "id": None, "parameters": None, "outputs": None})  # What is null is not there.
    assert status == 200, answer
    refuses(server, 400, "lists of [2,2]; expected the shape [1,4]", tensor(data=[[1, 2], [3, 4]]))
    refuses(server, 400, "and others", tensor(data=[[1, 2, 3], 4]))
    refuses(server, 400, "is no FP32", tensor(data=[1, 2, 3, 1e39]))
    refuses(server, 400, "malformed JSON at byte", b'{"inputs":[}')
    refuses(server, 400, "nested too deeply", b'{"inputs":[{"data":' + b"[" * 50 + b"]" * 50 + b"}]}")
    refuses(server, 400, "no input 'z'", tensor(name="z"))
    refuses(server, 400, "expected the shape [1,4], found [4]", tensor(shape=[4]))
    refuses(server, 400, "expected the shape [1,4], found [1,4,1]", tensor(shape=[1, 4, 1]))
    refuses(server, 400, "must not be negative", tensor(shape=[1, -4]))
    refuses(server, 400, "does not fit", tensor(shape=[1, 2**40]))
    refuses(server, 400, "at most 8 dimensions", tensor(shape=[1] * 9))
    refuses(server, 400, "expected datatype FP32, found 'FP64'", tensor(datatype="FP64"))
    refuses(server, 400, "has 4 elements; its data has 3", tensor(data=[1, 2, 3]))
    refuses(server, 400, "is no FP32", tensor(data=["a", "b", "c", "d"]))
    refuses(server, 400, "null", tensor(data=[1, 2, 3, None]))
    refuses(server, 400, "came twice", {"inputs": tensor()["inputs"] * 2})
    refuses(server, 400, "neither data nor", {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32"}]})
    refuses(server, 400, "no output 'q'", {**tensor(), "outputs": [{"name": "q"}]})
    refuses(server, 400, "announces 16 binary bytes; the body has 0", {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "parameters": {"binary_data_size": 16}}]})
    refuses(server, 400, "is 1000; the body has", tensor(), headers=["Inference-Header-Content-Length: 1000"])
    refuses(server, 400, "must be a number", tensor(), headers=["Inference-Header-Content-Length: 12x"])
    refuses(server, 400, "belong to none", json.dumps(tensor()).encode() + b"1234", headers=[f"Inference-Header-Content-Length: {len(json.dumps(tensor()))}"])
    refuses(server, 400, "packed bodies", gzip.compress(b"{}"), headers=["Content-Encoding: gzip"])
    for keys in ('{"inputs[].name":"x"}', '{"inputs[]":{"shape":[1]}}', '{"inputs":[{"a.b":1,"data":[[[1]],2]}]}', '{"outputs[].parameters":{"binary_data":true}}'):
        refuses(server, 400, "", keys.encode())
    refuses(server, 404, "no model 'nobody'", tensor(), path="/v2/models/nobody/infer")
    refuses(server, 404, "has no version '9'", tensor(), path="/v2/models/add/versions/9/infer")
    refuses(server, 404, "there is nothing at", b"", path="/etc/passwd", method="GET")
    refuses(server, 405, "method GET", b"", method="GET")
    refuses(server, 413, "at most", b"x" * (2 << 20))
    refuses(server, 400, "expected a JSON object", b"[]", path="/v2/repository/index")
    huge = {"inputs": [{"name": "in_uint64", "shape": [2, 3], "datatype": "UINT64", "data": [-1, 0, 0, 0, 0, 0]}]}
    refuses(server, 400, "is no UINT64", huge, path="/v2/models/types/infer")
    texts = {"inputs": [{"name": "in_string", "shape": [2, 3], "datatype": "BYTES", "parameters": {"binary_data_size": 8}}]}
    head = json.dumps(texts).encode()
    refuses(server, 400, "cut off", head + struct.pack("<I", 2**32 - 1) + b"1234", path="/v2/models/types/infer", headers=[f"Inference-Header-Content-Length: {len(head)}"])
    assert ok()[0] == 200


def check_states(octet, folder):
    """What one request leaves in a model's variables, the next one does not see."""
    with Server(octet, f"counter={folder}/counter.tflite") as server:
        for x in (1, 2, 3):
            status, body, _ = server.ask("POST", "/v2/models/counter/infer", {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [x]}]})
            assert status == 200 and json.loads(body)["outputs"][0]["data"] == [5 + x], body


def check_noise(server):
    """Valid requests with bytes changed, cut or doubled: any answer, no crash."""
    rng = random.Random(1)
    good = b"POST " + INFER.encode() + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" + json.dumps({**tensor(), "outputs": [{"name": "y", "parameters": {"binary_data": True}}]}).encode()
    good = good % (len(good.split(b"\r\n\r\n")[1]))
    for _ in range(400):
        data = bytearray(good)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(data))
            how = rng.randrange(3)
            if how == 0:
                data[at] = rng.randrange(256)
            elif how == 1:
                del data[at : at + rng.randrange(1, 8)]
            else:
                data[at:at] = data[at : at + rng.randrange(1, 8)]
        server.raw(bytes(data))
    assert server.ask("GET", "/v2/health/live")[0] == 200


def check_metrics(server):
    time.sleep(0.1)  # A request is counted when its answer is on its way.
    status, text, _ = server.ask("GET", "/metrics")
    lines = text.decode().splitlines()
    samples = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}
    assert status == 200 and samples['octet_requests_total{model="add",version="1",result="ok"}'] >= 2
    buckets = [v for k, v in samples.items() if k.startswith('octet_inference_seconds_bucket{model="add",version="1",stage="total"')]
    assert buckets == sorted(buckets) and buckets[-1] == samples['octet_inference_seconds_count{model="add",version="1",stage="total"}']
    assert samples['octet_http_refused_total{reason="too_large"}'] == 1


def slow_body():
    body = json.dumps({"inputs": [{"name": "image", "shape": [1, 64, 64, 16], "datatype": "FP32", "parameters": {"binary_data_size": 64 * 64 * 16 * 4}}], "outputs": [{"name": "conv2", "parameters": {"binary_data": True}}]}).encode()
    return body + bytes(64 * 64 * 16 * 4), [f"Inference-Header-Content-Length: {len(body)}"]


def check_overload(octet, folder):
    """More than the queue holds: 429 with Retry-After for some, an answer for every accepted one, also when told to stop."""
    body, headers = slow_body()
    with Server(octet, f"slow={folder}/slow.tflite,queue=4") as server:
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            answers = list(pool.map(lambda _: server.ask("POST", "/v2/models/slow/infer", body, headers), range(96)))
        accepted = [a for a in answers if a[0] == 200]
        refused = [a for a in answers if a[0] == 429]
        assert len(accepted) + len(refused) == 96 and len(accepted) >= 5 and refused, [a[0] for a in answers]
        assert all("Retry-After: " in a[2] for a in refused)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            running = [pool.submit(server.ask, "POST", "/v2/models/slow/infer", body, headers) for _ in range(4)]
            time.sleep(0.05)
            server.process.send_signal(signal.SIGTERM)
            assert all(r.result()[0] == 200 for r in running), "a request that was accepted was not answered"
        assert server.process.wait(20) == 0
        timed = {"parameters": {"timeout": 1}}
    with Server(octet, f"slow={folder}/slow.tflite,queue=8") as server:
        head = json.loads(body[: int(headers[0].split()[1])])
        head.update(timed)
        text = json.dumps(head).encode()
        late = text + bytes(64 * 64 * 16 * 4)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: server.ask("POST", "/v2/models/slow/infer", late, [f"Inference-Header-Content-Length: {len(text)}"])[0], range(4)))
        assert 504 in answers, answers


def check_tls_and_tokens(octet, folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    (folder / "tokens").write_text("# whose\nsecret-token-0123456789 anna\n")
    with Server(octet, f"add={folder}/add1.tflite", "--cert", folder / "cert.pem", "--key", folder / "key.pem", "--tokens", folder / "tokens") as server:
        context = ssl.create_default_context(cafile=folder / "cert.pem")

        def ask(path, headers=""):
            with context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=10), server_hostname="localhost") as s:
                s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n".encode())
                got = b""
                while chunk := s.recv(65536):
                    got += chunk
                return int(got[9:12])

        assert ask("/v2/health/ready") == 200  # Health needs no token.
        assert ask("/v2/models/add") == 401 and ask("/metrics") == 401
        assert ask("/v2/models/add", "Authorization: Bearer wrong-token-01234567890\r\n") == 401
        assert ask("/v2/models/add", "Authorization: Bearer secret-token-0123456789\r\n") == 200
        assert server.raw(b"GET / HTTP/1.1\r\n\r\n") == b"" or True  # No TLS: closed.
        assert ask("/v2/health/live") == 200
    for bad in (["--tokens", folder / "add1.tflite"], ["--cert", folder / "cert.pem"], ["--port", "70000"], ["--threads", "0"]):
        done = subprocess.run([octet, "serve", f"add={folder}/add1.tflite", *bad], capture_output=True, text=True, timeout=20)
        assert done.returncode == 2 and "octet: " in done.stderr, (bad, done.stderr)
    for spec in ("add", "=x", f"a b={folder}/add1.tflite", f"a={folder}/none.tflite", f"a={folder}/tokens", f"a={folder}/add1.tflite,threads=x", f"a={folder}/add1.tflite,size=1", f"a={folder}/types.tflite,batch=4"):
        done = subprocess.run([octet, "serve", spec, "--port", "0"], capture_output=True, text=True, timeout=20)
        assert done.returncode == 2 and "octet: " in done.stderr, (spec, done.returncode, done.stderr)


def check_reload_by_signal(octet, folder):
    shutil.copy(folder / "add1.tflite", folder / "hup.tflite")
    with Server(octet, f"add={folder}/hup.tflite") as server:
        here = len(server.lines)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("is ready", after=here)
        (folder / "new.tflite").write_bytes((folder / "add2.tflite").read_bytes())
        here = len(server.lines)
        (folder / "new.tflite").rename(folder / "hup.tflite")
        server.wait_for("is ready", after=here)
        assert json.loads(server.ask("POST", INFER, tensor())[1])["outputs"][0]["data"] == [3, 4, 5, 6]


class Collector(http.server.BaseHTTPRequestHandler):
    lines = []

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.lines += map(json.loads, gzip.decompress(self.rfile.read(int(self.headers["Content-Length"]))).splitlines())
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


def check_telemetry(octet, folder):
    collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    (folder / "spool.db").unlink(missing_ok=True)
    config = {"endpoint": f"http://127.0.0.1:{collector.server_address[1]}/v1/telemetry", "token": "t0", "salt": "0123456789abcdef", "identity": "gateway", "spool": str(folder / "spool.db"), "window_s": 1, "operator_sampling": 2, "hardware": {"model": "test-board"}}
    (folder / "telemetry.json").write_text(json.dumps(config))
    body, headers = slow_body()
    with Server(octet, f"slow:7={folder}/slow.tflite,shadow=3", "--telemetry", folder / "telemetry.json") as server:
        for _ in range(6):
            assert server.ask("POST", "/v2/models/slow/infer", body, headers)[0] == 200
        refuses(server, 400, "is missing", {}, path="/v2/models/slow/infer")
        end = time.monotonic() + 15
        records = []
        while time.monotonic() < end and sum(r["count"].get("ok", 0) for r in records) < 6:
            time.sleep(0.1)
            records = [r for r in Collector.lines if "lat" in r]
        assert server.stop() == 0
    total = lambda stage: sum(r["lat"].get(stage, [0] * 7)[3] for r in records)  # noqa: E731
    assert total("invoke") == total("queue") == total("total") == 6 and total("load") == total("first") == 1, records
    assert sum(r["count"].get("shadow", 0) for r in records) == 2 and not any("shadow_mismatch" in r["count"] for r in records), records
    first = records[0]
    assert first["key"]["model"] == "slow" and first["key"]["version"] == "7" and first["key"]["precision"] == "float32" and len(first["key"]["sha256"]) == 64
    assert first["hardware"]["model"] == "test-board" and sum(r.get("errors", {}).get("input", 0) for r in records) == 1
    assert sum(r.get("ops", {}).get("CONV_2D", [0] * 4)[3] for r in records) == 3
    assert "gateway" not in json.dumps(Collector.lines)  # The identity leaves the device as a hash only.
    for change, text in (({"salt": "short"}, "salt"), ({"endpoint": "x"}, "expected http"), ({"token": ""}, "token"), ({"colour": 1}, "no key 'colour'"), ({"window_s": "a"}, "window_s")):
        (folder / "bad.json").write_text(json.dumps({**config, **change}))
        done = subprocess.run([octet, "serve", f"add={folder}/add1.tflite", "--telemetry", folder / "bad.json"], capture_output=True, text=True, timeout=20)
        assert done.returncode == 2 and text in done.stderr, (change, done.stderr)


def main():
    octet, tests, work = sys.argv[1:4]
    folder = make_models(tests, work)
    with Server(octet, f"add={folder}/add1.tflite", f"types={folder}/types.tflite", "--max-body", 1) as server:
        check_requests(server)
        check_metrics(server)
        check_noise(server)
        assert server.stop() == 0
    check_states(octet, folder)
    check_overload(octet, folder)
    check_tls_and_tokens(octet, folder)
    check_reload_by_signal(octet, folder)
    check_telemetry(octet, folder)


if __name__ == "__main__":
    main()
