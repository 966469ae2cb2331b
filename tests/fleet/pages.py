#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pages in a real Chromium: each shows its figures, none reports an error, nothing is fetched from elsewhere.

Usage: pages.py OCTET LOAD WORK
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from postgres import Postgres, binaries  # noqa: E402


def dom(chromium, url, profile):
    command = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--virtual-time-budget=10000", "--dump-dom", url]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=90).stdout


EMPTY = {"": ["No device has uploaded yet"], "latency": ["No records yet"], "rollout": ["No records yet"], "device": ["No device has uploaded yet"], "ranking": ["No records yet"]}


def check(chromium, url, expected=None):
    expected = expected or {"": ["Overview", "regressed", "pixel-6", "<canvas", "detector"], "latency": ["raspberry-pi-4b", "<path class=\"shape", "conv_2d"], "rollout": ["version 7", "shape before", "regressed"],
                "device": ["records", "<canvas", "Slowest against their own kind"], "ranking": ["detector on pixel-6", "depthwise_conv_2d", "Throttling"],
                "device/ffffffffffffffff": ["There is no device"], "latency/%3Cimg%20src%3Dx%3E": ["Latency by hardware"]}
    with tempfile.TemporaryDirectory() as profile:
        for page, texts in expected.items():
            html = re.sub(r"<(script|style).*?</\1>", "", dom(chromium, f"{url}#/{page}", profile), flags=re.S)
            assert "cannot be read" not in html, (page, re.findall(r"cannot be read[^<]*", html))
            for text in texts:
                assert text in html, f"page '{page}' does not show {text}"
            assert "<img" not in html


def with_no_record(octet, pg, chromium):
    pg.query("CREATE DATABASE nothing", database="postgres")
    subprocess.run([octet, "fleet", "init", "--database", pg.url("nothing")], check=True, stdout=subprocess.DEVNULL)
    pages = subprocess.Popen([octet, "fleet", "serve", "--database", pg.url("nothing", user="octet_reader"), "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        check(chromium, pages.stdout.readline().split()[-1], EMPTY)
    finally:
        pages.send_signal(signal.SIGTERM)
        pages.wait(20)


def main():
    octet, load, work = sys.argv[1:]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not binaries():
        print("skipped: no PostgreSQL server here (Debian: postgresql-15)")
        return 77
    with Postgres(work) as pg:
        pg.query("CREATE DATABASE fleet", database="postgres")
        subprocess.run([octet, "fleet", "init", "--database", pg.url()], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([load, "--mode", "direct", "--database", pg.url(), "--devices", "300", "--minutes", "90", "--inferences", "10", "--slow-class", "pixel-6", "--slow-factor", "1.3"], check=True, stdout=subprocess.DEVNULL)
        while int(pg.one("SELECT fleet.roll_up()")):
            pass
        pages = subprocess.Popen([octet, "fleet", "serve", "--database", pg.url(user="octet_reader"), "--port", "0"], stdout=subprocess.PIPE, text=True)
        try:
            url = pages.stdout.readline().split()[-1]
            with urllib.request.urlopen(url) as answer:
                html, policy = answer.read().decode(), answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert json.load(urllib.request.urlopen(url + "api/report"))["regressed"] is True
            assert json.load(urllib.request.urlopen(url + "api/device?name=%27%3B%20DROP%20TABLE%20x")) == []
            for name in ("%ff", "%00", "a%zz", "%"):
                try:
                    raise AssertionError(f"{name} was answered: {urllib.request.urlopen(url + 'api/device?name=' + name).read()}")
                except urllib.error.HTTPError as refused:
                    assert refused.code == 400, (name, refused.code)
            if "were not built" in html:
                print("skipped: the pages were not built (npm)")
                return 77
            assert not re.findall(r'(?:src|href)="https?:', html), "the page fetches from elsewhere"
            if not chromium:
                print("skipped: no Chromium here")
                return 77
            check(chromium, url)
            with_no_record(octet, pg, chromium)
        finally:
            pages.send_signal(signal.SIGTERM)
            pages.wait(20)
    return 0


if __name__ == "__main__":
    sys.exit(main())
