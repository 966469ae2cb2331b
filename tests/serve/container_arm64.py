# SPDX-License-Identifier: Apache-2.0
"""The arm64 image's octet, under qemu-aarch64 with nothing but the image's root: serves, is healthy, ends cleanly.

Usage: container_arm64.py ROOT WORK_FOLDER MODEL.tflite    (scripts/container_arm64.sh)
"""
import json
import pathlib
import re
import signal
import subprocess
import sys
import urllib.request


def serves(root, entry, model):
    octet = root / entry[0].lstrip("/")
    command = ["qemu-aarch64", "-L", root, octet, "serve", f"m={model}", "--port", "8000"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        lines = []
        for line in server.stderr:
            lines.append(line)
            if re.search(r"listening on", line):
                break
        else:
            raise AssertionError("it did not start: " + "".join(lines))
        body = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
        request = urllib.request.Request("http://127.0.0.1:8000/v2/models/m/infer", json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            outputs = json.load(answer)["outputs"]
        assert outputs == [{"name": "y", "datatype": "FP32", "shape": [1, 4], "data": [2, 3, 4, 5]}], outputs
        yield
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0, "no clean end"
    finally:
        server.kill()
        server.wait()


def main():
    root, work, model = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]), sys.argv[3]
    image = json.loads((work / "inspect.json").read_text())
    assert image["Docker"]["architecture"] == image["OCIv1"]["architecture"] == "arm64", image["OCIv1"]["architecture"]
    settings = image["Docker"]["config"]
    assert settings["User"] == "10001:10001" and settings["Entrypoint"][:2] == ["/usr/bin/octet", "serve"] and settings["Volumes"] == {"/var/lib/octet": {}}, settings
    header = subprocess.run(["readelf", "-h", root / "usr/bin/octet"], capture_output=True, text=True, check=True).stdout
    assert "AArch64" in header, header
    certificates = (root / "etc/ssl/certs/ca-certificates.crt").read_text()
    assert certificates.count("BEGIN CERTIFICATE") > 100
    for _ in serves(root, settings["Entrypoint"], model):
        check = settings["Healthcheck"]["Test"]
        bash = ["qemu-aarch64", "-L", root, root / "usr/bin/bash", *check[2:]]
        assert check[:2] == ["CMD", "bash"] and subprocess.run(bash, timeout=60).returncode == 0, "not healthy"
    print("arm64 container: serves under qemu-aarch64, healthy, not root, ends cleanly")


if __name__ == "__main__":
    main()
