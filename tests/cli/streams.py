#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What commands do with the world around them: streams that are full or closed, links, signals, names that hold what they like.

Usage: streams.py OCTET SOURCE_FOLDER WORK_FOLDER
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest
import xml.dom.minidom
import zipfile

OCTET, SOURCE, WORK = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
sys.path.insert(0, str(SOURCE / "scripts"))
from demo_data import npy  # noqa: E402

DEMO = SOURCE / "examples/demo/model.keras"
SAMPLE = 28 * 28


def octet(*args, **kwargs):
    return subprocess.run([OCTET, *map(str, args)], stderr=subprocess.PIPE, timeout=120, check=False, **{"stdout": subprocess.PIPE, **kwargs})


class Streams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(WORK, ignore_errors=True)
        WORK.mkdir(parents=True)
        cls.model, cls.data = WORK / "a model é.tflite", WORK / "data.npz"
        assert octet("convert", DEMO, "-o", cls.model).returncode == 0
        with zipfile.ZipFile(cls.data, "w") as archive:
            archive.writestr("x.npy", npy("f", (400, 28, 28, 1), [i % 251 / 250 for i in range(400 * SAMPLE)]))
            archive.writestr("y.npy", npy("q", (400,), [i % 10 for i in range(400)]))

    def test_a_result_that_cannot_be_written_is_told(self):
        for args in (("inspect", self.model, "--json"), ("inspect", self.model), ("bench", self.model, "--runs", "1", "--json"), ("--help",)):
            with open("/dev/full", "w") as full:
                result = octet(*args, stdout=full)
            self.assertEqual(result.returncode, 2, args)
            self.assertIn(b"standard output", result.stderr)

    def test_closed_streams_are_no_files_of_ours(self):
        for closed in ((1,), (0, 1, 2)):
            out = WORK / f"closed_{len(closed)}.tflite"
            result = subprocess.run([OCTET, "convert", str(self.model), "-o", str(out)], preexec_fn=lambda: [os.close(fd) for fd in closed], timeout=120, check=False)  # noqa: B023
            self.assertEqual(result.returncode, 2)
            self.assertEqual(octet("inspect", out).returncode, 0)

    def test_links_stay_links(self):
        target, link, out = WORK / "target.tflite", WORK / "link.tflite", WORK / "stdout.tflite"
        target.write_bytes(b"old")
        target.chmod(0o600)
        link.symlink_to(target.name)
        self.assertEqual(octet("convert", self.model, "-o", link).returncode, 0)
        self.assertTrue(link.is_symlink())
        self.assertEqual(target.read_bytes(), self.model.read_bytes())
        self.assertEqual(target.stat().st_mode & 0o777, 0o600)
        streams = WORK / "streams"  # As /dev/stdout, which root would replace.
        streams.symlink_to("/proc/self/fd/1")
        with open(out, "wb") as stdout:
            self.assertEqual(octet("convert", self.model, "-o", streams, stdout=stdout).returncode, 0)
        self.assertEqual(out.read_bytes(), self.model.read_bytes())
        with open(out, "wb") as stdout:
            out.unlink()
            self.assertEqual(octet("convert", self.model, "-o", streams, stdout=stdout).returncode, 2)
        self.assertTrue(streams.is_symlink())

    def test_a_signal_leaves_nothing_behind(self):
        temporary, folder = WORK / "tmp", WORK / "signals"
        for name in (temporary, folder):
            name.mkdir()
        commands = (("diagnose", DEMO, self.model, "--data", self.data, "--report", folder / "report.html"),
                    ("quantize", DEMO, "--data", self.data, "--holdout", self.data, "--max-drop", "0%", "--effort", "high", "-o", folder / "out.tflite"))
        for command in commands:
            before = 0
            for number in (signal.SIGINT, signal.SIGTERM):
                process = subprocess.Popen([OCTET, *map(str, command)], env={**os.environ, "TMPDIR": str(temporary)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                while process.poll() is None and not list(temporary.iterdir()) and not list(folder.iterdir()):
                    time.sleep(0.002)
                before += bool(list(temporary.iterdir()) or list(folder.iterdir()))
                process.send_signal(number)
                self.assertEqual(process.wait(60), -number, command)
                self.assertEqual(list(temporary.iterdir()) + list(folder.iterdir()), [], command)
            self.assertGreater(before, 0, command)

    def test_results_have_files_of_their_own(self):
        one, other = WORK / "one.tflite", WORK / "." / "one.tflite"
        cases = (("convert", self.model, "-o", one, "--report", other), ("gate", self.model, self.model, "--data", self.data, "--junit", one, "--markdown", other),
                 ("bench", self.model, "--csv", one, "--trace", other), ("quantize", DEMO, "--data", self.data, "-o", one, "--report", other))
        for args in cases:
            result = octet(*args)
            self.assertEqual((result.returncode, one.exists()), (2, False), args)
            self.assertIn(b"cannot take two results", result.stderr)
        shutil.copy(self.model, one)
        result = octet("quantize", one, "--data", self.data, "-o", one, "--report", WORK / "report.html")
        self.assertEqual(result.returncode, 2)
        self.assertEqual(one.read_bytes(), self.model.read_bytes())
        one.unlink()

    def test_names_command_no_terminal_and_break_no_format(self):
        names = json.loads(octet("inspect", self.model, "--json").stdout)["subgraphs"][0]["tensors"]
        name = max((t["name"].encode() for t in names), key=len)
        evil = WORK / "evil.tflite"
        evil.write_bytes(self.model.read_bytes().replace(name, (b"\x1b]0;<b>\x07|\"\n\xff\xc2\x9b\\" + b"x" * len(name))[: len(name)]))
        for args in (("inspect", evil), ("bench", evil, "--runs", "1", "--profile"), ("diagnose", self.model, evil, "--data", self.data)):
            text = octet(*args).stdout.decode()  # UTF-8 throughout.
            self.assertNotRegex(text, "[\x00-\x08\x0b-\x1f\x7f-\x9f]")
        for args in (("inspect", evil, "--json"), ("bench", evil, "--runs", "1", "--json", "--profile"), ("diagnose", self.model, evil, "--data", self.data, "--json")):
            json.loads(octet(*args).stdout)
        page, trace, junit = WORK / "page.html", WORK / "trace.json", WORK / "junit.xml"
        self.assertEqual(octet("bench", evil, "--runs", "1", "--profile", "--html", page, "--trace", trace).returncode, 0)
        json.loads(trace.read_bytes())
        self.assertNotRegex(page.read_text(encoding="utf-8"), "[\x00-\x08\x0b-\x1f\x7f-\x9f]")
        odd = WORK / "\x01&.tflite"
        shutil.copy(self.model, odd)
        octet("gate", self.model, odd, "--data", self.data, "--junit", junit)
        xml.dom.minidom.parse(str(junit))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
