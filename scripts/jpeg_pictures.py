#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/cli/pictures: small JPEG files of every form that cameras and tools write, each beside a PNG of the
pixels that Pillow decodes from it. tests/cli/data_sources.py reads both and expects the same answers.

Usage: jpeg_pictures.py FOLDER. Needs numpy and Pillow.
"""
import pathlib
import sys

import numpy as np
from PIL import Image

SIZE = 28
# Name: colour, quality, progressive, chroma subsampling (0: none, 1: 4:2:2, 2: 4:2:0).
FORMS = {"gray": (False, 85, False, 0), "gray_progressive": (False, 40, True, 0), "444": (True, 95, False, 0), "422": (True, 80, False, 1),
         "420": (True, 75, False, 2),
         "420_progressive": (True, 60, True, 2)}


def main():
    folder, rng = pathlib.Path(sys.argv[1]), np.random.default_rng(5)
    folder.mkdir(parents=True, exist_ok=True)
    for name, (colour, quality, progressive, subsampling) in FORMS.items():
        blobs = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        picture = blobs if colour else blobs.convert("L")
        picture.save(folder / f"{name}.jpg", quality=quality, progressive=progressive, subsampling=subsampling)
        with Image.open(folder / f"{name}.jpg") as decoded:
            decoded.save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
