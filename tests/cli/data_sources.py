#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same samples as folders of PNGs and WAVs, as CSV and as .npz must score alike, to the last digit; what is done
to raw samples is kept in the model's metadata and checked; bad calibration sets are told from good ones.

Usage: data_sources.py OCTET SOURCE_FOLDER WORK_FOLDER. Needs nothing but Python.
"""
import json
import random
import re
import shutil
import struct
import subprocess
import sys
import time
import urllib.request
import zipfile
import zlib

from checks import expect, finish, octet, run, source, work
from demo_data import npy  # noqa: E402 (checks adds its folder)

IMAGES, SMALL = source / "examples/demo/model.keras", source / "tests/importers/data/sequential.keras"  # 28x28 pixels; 3 numbers.


def save_npz(path, shape, samples, labels):
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("x.npy", npy("f", (len(samples), *shape), [v for s in samples for v in s]))
        z.writestr("y.npy", npy("q", (len(labels),), labels))


def save_png(path, height, width, pixels):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    rows = b"".join(b"\0" + bytes(pixels[r * width:(r + 1) * width]) for r in range(height))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def save_wav(path, samples):
    data = struct.pack(f"<{len(samples)}h", *samples)
    path.write_bytes(b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16) + b"data" + struct.pack("<I", len(data)) + data)


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def stroke(rng):
    """A bright line over a black image, as bytes."""
    pixels = [0] * 784
    r, c, down, across = rng.randint(4, 12), rng.randint(4, 23), rng.uniform(0.3, 1), rng.uniform(-0.6, 0.6)
    for step in range(14):
        y, x = int(r + down * step), int(c + across * step)
        for dy in (0, 1):
            for dx in (0, 1):
                if 0 <= y + dy < 28 and 0 <= x + dx < 28:
                    pixels[(y + dy) * 28 + x + dx] = rng.randint(150, 255)
    return pixels


def told(*args):
    done = run(*args, "--json")
    return json.loads(done.stdout) if done.stdout else {"error": done.stderr}


def alike(what, model, first, second, *flags):
    a = told("gate", model, work / "q.tflite", "--data", first, "--max-drop", "100")
    b = told("gate", model, work / "q.tflite", "--data", second, "--max-drop", "100", *flags)
    expect(f"{what} scores like its .npz: {a.get('quantized')} and {b.get('quantized', b)}", "quantized" in a and a == b)


def pictures():
    rng = random.Random(1)
    samples, labels = [stroke(rng) for _ in range(60)], [i % 10 for i in range(60)]
    order = sorted(range(60), key=lambda i: (labels[i], i))  # As a folder of class folders is read.
    scaled = [[v / 255 for v in samples[i]] for i in order]
    save_npz(work / "images.npz", (28, 28, 1), scaled, [labels[i] for i in order])
    folder = fresh(work / "images")
    for i in order:
        (folder / f"digit_{labels[i]}").mkdir(exist_ok=True)
        save_png(folder / f"digit_{labels[i]}" / f"{i:03}.png", 28, 28, samples[i])
    flat = fresh(work / "flat")
    for at, i in enumerate(order):
        save_png(flat / f"{at:03}.png", 28, 28, samples[i])
    (flat / "labels.csv").write_text("file,label\n" + "".join(f"{at:03}.png,{labels[i]}\n" for at, i in enumerate(order)))
    done = run("quantize", IMAGES, "--data", folder, "--preprocess", "scale=1/255", "-o", work / "q.tflite")
    expect("a folder of PNGs calibrates", done.returncode == 0)
    same = run("quantize", IMAGES, "--data", work / "images.npz", "-o", work / "same.tflite", "--ranges", "minmax", "--repair", "none").returncode
    run("quantize", IMAGES, "--data", folder, "--preprocess", "scale=1/255", "-o", work / "from_folder.tflite", "--ranges", "minmax", "--repair", "none")
    expect("and gives the ranges that its .npz gives", same == 0 and scales(work / "same.tflite") == scales(work / "from_folder.tflite"))
    alike("a folder of PNGs by class", IMAGES, work / "images.npz", folder, "--preprocess", "scale=1/255")
    alike("the same, as the model's metadata say", IMAGES, work / "images.npz", folder)
    alike("PNGs with labels.csv", IMAGES, work / "images.npz", flat)
    (work / "images.csv").write_text(",".join(["label"] + [f"p{k}" for k in range(784)]) + "\n" +
                                     "".join(",".join([str(labels[i])] + [str(v) for v in samples[i]]) + "\n" for i in order))
    alike("a CSV of pixels", IMAGES, work / "images.npz", work / "images.csv", "--preprocess", "scale=1/255")
    save_npz(work / "raw.npz", (28, 28, 1), [samples[i] for i in order], [labels[i] for i in order])
    warned = run("gate", IMAGES, work / "q.tflite", "--data", work / "raw.npz", "--max-drop", "100").stderr
    expect("data that disagree with the metadata: expected and found are said", "expected values from 0 to 1" in warned and "found 0 to 255" in warned)
    save_input(samples[0])
    ran = run("run", work / "q.tflite", "--in", work / "raw_in.npz", "--out", work / "out.npz")
    expect("run says it, too", ran.returncode == 0 and "expected values from 0 to 1" in ran.stderr)
    served([v / 255 for v in samples[0]], samples[0])


def served(good, raw):
    """serve answers whatever comes, and says once what the metadata promise."""
    server = subprocess.Popen([octet, "serve", f"digits={work / 'q.tflite'}", "--port", "0"], stderr=subprocess.PIPE, text=True)
    said, address = [], None
    for line in server.stderr:
        said.append(line)
        if "listening on " in line:
            address = line.split("listening on ")[1].strip()
            break
    if address is None:
        server.wait()
        return expect("serve starts, where it is built: " + "".join(said)[-200:], "serve" not in run("--help").stdout)

    def ask(path, body=None):
        with urllib.request.urlopen(urllib.request.Request(address + path, data=body), timeout=20) as answer:
            return answer.read().decode()

    name = json.loads(ask("/v2/models/digits"))["inputs"][0]["name"]
    for pixels in (good, raw, raw):
        ask("/v2/models/digits/infer", json.dumps({"inputs": [{"name": name, "shape": [1, 28, 28, 1], "datatype": "FP32", "data": pixels}]}).encode())
    deadline = time.monotonic() + 10
    while "octet_requests_outside_metadata_total" in (text := ask("/metrics")) and not re.search(r"^octet_requests_outside_metadata_total\{.*\} 2$", text, re.M) and time.monotonic() < deadline:
        time.sleep(0.05)
    server.terminate()
    said = server.communicate()[1]
    expect("serve counts requests that disagree with the metadata", re.search(r"^octet_requests_outside_metadata_total\{.*\} 2$", text, re.M) is not None)
    expect("and says it once: " + "".join(x for x in said.splitlines() if "warning" in x), said.count("expected values from 0 to 1, as the model's metadata say, found 0 to 2") == 1)


def scales(model):
    return [t.get("quantization") for t in json.loads(run("inspect", model, "--json").stdout)["subgraphs"][0]["tensors"]]


def save_input(pixels):
    with zipfile.ZipFile(work / "raw_in.npz", "w") as z:
        z.writestr("0.npy", npy("f", (1, 28, 28, 1), pixels))


def jpegs():
    """Every form of JPEG is decoded to the pixels that Pillow makes of it (scripts/jpeg_pictures.py)."""
    stored = sorted((source / "tests/cli/pictures").glob("*.jpg"))
    folders = {ending: fresh(work / f"jpegs_{ending}") for ending in ("jpg", "png")}
    for i, picture in enumerate(stored):
        for ending, folder in folders.items():
            (folder / f"class_{i % 2}").mkdir(exist_ok=True)
            shutil.copy(picture.with_suffix("." + ending), folder / f"class_{i % 2}")
    done = run("quantize", IMAGES, "--data", folders["jpg"], "--preprocess", "scale=1/255,color=gray", "-o", work / "q.tflite")
    same = run("quantize", IMAGES, "--data", folders["png"], "--preprocess", "scale=1/255,color=gray", "-o", work / "same.tflite")
    expect(f"a folder of {len(stored)} JPEGs calibrates, and gives the very file that PNGs of the same pixels give",
           len(stored) >= 6 and done.returncode == 0 and same.returncode == 0 and (work / "q.tflite").read_bytes() == (work / "same.tflite").read_bytes())
    alike("a folder of JPEGs, whose .npz is PNGs of its pixels,", IMAGES, folders["png"], folders["jpg"])


def sounds():
    rng = random.Random(2)
    samples, labels = [[rng.randint(-32768, 32767) for _ in range(3)] for _ in range(40)], [i % 2 for i in range(40)]
    order = sorted(range(40), key=lambda i: (labels[i], i))
    save_npz(work / "sounds.npz", (3,), [[v / 32768 for v in samples[i]] for i in order], [labels[i] for i in order])
    folder = fresh(work / "sounds")
    for i in order:
        (folder / f"word_{labels[i]}").mkdir(exist_ok=True)
        save_wav(folder / f"word_{labels[i]}" / f"{i:03}.wav", samples[i])
    done = run("quantize", SMALL, "--data", folder, "-o", work / "q.tflite")
    expect("a folder of WAVs calibrates", done.returncode == 0)
    alike("a folder of WAVs", SMALL, work / "sounds.npz", folder)
    rows = "".join(",".join([str(labels[i])] + [repr(v / 32768) for v in samples[i]]) + "\n" for i in order)
    (work / "sounds.csv").write_text("y,a,b,c\n" + rows)
    alike("a CSV", SMALL, work / "sounds.npz", work / "sounds.csv")


def calibration_sets():
    rng = random.Random(3)
    real = [[v / 255 for v in stroke(rng)] for _ in range(60)]
    labels = [i % 10 for i in range(60)]
    save_npz(work / "holdout.npz", (28, 28, 1), real[30:], labels[30:])
    noise = [[rng.random() for _ in range(784)] for _ in range(30)]
    for name, samples, bad in (("8 samples", real[:8], False), ("30 samples", real[:30], False), ("dimmed", [[v / 4 for v in s] for s in real[:30]], True),
                               ("255 times", [[v * 255 for v in s] for s in real[:30]], True), ("noise", noise, True)):
        save_npz(work / "c.npz", (28, 28, 1), samples, [i % 10 for i in range(len(samples))])
        said = told("quantize", IMAGES, "--data", work / "c.npz", "-o", work / "c.tflite", "--ranges", "minmax", "--repair", "none", "--holdout", work / "holdout.npz", "--max-drop", "100")
        flagged = [w for w in said.get("warnings", [said.get("error", "?")]) if w.startswith("input ")]
        expect(f"calibration set, {name}: {flagged[:1]}", bool(flagged) == bad)


def main():
    work.mkdir(parents=True, exist_ok=True)
    pictures()
    jpegs()
    sounds()
    calibration_sets()
    return finish()


if __name__ == "__main__":
    sys.exit(main())
