# SPDX-License-Identifier: Apache-2.0
"""An `octet serve` that a test starts, asks and ends."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time


class Server:
    def __init__(self, octet, *arguments, env=None):
        self.lines = []
        self.process = subprocess.Popen([octet, "serve", *map(str, arguments), "--port", "0"], stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        line = self.wait_for(r"listening on (\w+)://[^:]+:(\d+)")
        self.scheme, self.port = line.group(1), int(line.group(2))
        self.address = f"127.0.0.1:{self.port}"

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)

    def wait_for(self, pattern, seconds=30, after=0):
        """The first line from number `after` on that matches."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in self.lines[after:]:
                if found := re.search(pattern, line):
                    return found
            if self.process.poll() is not None and not self.reader.is_alive():
                break
            time.sleep(0.02)
        raise AssertionError(f"no line matched {pattern!r}:\n" + "".join(self.lines))

    def raw(self, data, timeout=20):
        """What comes back for these bytes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # Refused before the end: the answer says why.
            got = b""
            while chunk := s.recv(65536):
                got += chunk
            return got

    def ask(self, method, path, body=b"", headers=()):
        """Status and body of one request on a connection of its own."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        head = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(body)}", *headers]
        answer = self.raw("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        top, _, rest = answer.partition(b"\r\n\r\n")
        assert top.startswith(b"HTTP/1.1 "), answer[:200]
        return int(top[9:12]), rest, top.decode("latin-1")

    def stop(self, how=signal.SIGTERM, seconds=30):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(seconds)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def make_models(tests, folder):
    """The test models, written by the unit test that builds them."""
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    subprocess.run([tests, "--gtest_filter=ServeModels.Write"], check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OCTET_TEST_MODELS": str(folder)})
    return pathlib.Path(folder)
