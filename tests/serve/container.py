# SPDX-License-Identifier: Apache-2.0
"""The container's octet serves, is healthy, is not root, writes nothing into its root, and ends cleanly.

Usage: container.py CONTAINER ROOT WORK_FOLDER MODEL.tflite    (scripts/container.sh)
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request


def everything(root):
    """Path and time of every file outside of mounts that the isolation makes."""
    state = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if pathlib.Path(folder, f) not in {pathlib.Path(root, m) for m in ("proc", "sys", "dev", "run")}]
        for name in files:
            s = os.lstat(os.path.join(folder, name))
            state[os.path.join(folder, name)] = (s.st_mtime_ns, s.st_size)
    return {k: v for k, v in state.items() if not k.endswith(("/etc/resolv.conf", "/etc/hosts", "/etc/hostname"))}


def config(container):
    return json.loads(subprocess.run(["buildah", "inspect", container], check=True, capture_output=True, text=True).stdout)["Docker"]["config"]


def main():
    container, root, work, model = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]).resolve(), sys.argv[4]
    (work / "models").mkdir(exist_ok=True)
    shutil.copy(model, work / "models" / "model.tflite")
    settings = config(container)
    assert settings["User"] == "10001:10001" and settings["Entrypoint"][:2] == ["/usr/bin/octet", "serve"] and settings["Healthcheck"], settings
    before = everything(root)
    command = ["buildah", "run", "--user", settings["User"], "-v", f"{work}/models:/models:ro", container, "--", *settings["Entrypoint"], "m=/models/model.tflite"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in server.stderr:
        if re.search(r"listening on", line):
            break
    else:
        raise AssertionError("the container did not start")
    assert urllib.request.urlopen("http://127.0.0.1:8000/v2/health/ready").status == 200
    assert json.load(urllib.request.urlopen("http://127.0.0.1:8000/v2/models/m"))["inputs"]
    uids = [line.split() for line in subprocess.run(["ps", "-eo", "uid,pid,args"], capture_output=True, text=True).stdout.splitlines() if "/usr/bin/octet serve --address" in line and "buildah" not in line]
    assert uids and all(u[0] == "10001" for u in uids), uids
    check = settings["Healthcheck"]["Test"]
    assert check[0] == "CMD" and subprocess.run(["buildah", "run", "--user", settings["User"], container, "--", *check[1:]]).returncode == 0, "not healthy"
    os.kill(int(uids[0][1]), signal.SIGTERM)
    assert server.wait(30) == 0, "no clean end"
    assert everything(root) == before, "the container's root was written to"
    print("container: serves, healthy, not root, root unchanged, ends cleanly")


if __name__ == "__main__":
    main()
