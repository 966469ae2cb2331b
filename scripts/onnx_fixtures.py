#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/importers/data/onnx: small ONNX models (onnx_models/), each with inputs and the outputs that ONNX's own
reference evaluator gives. Needs onnx, onnxruntime and numpy; the same files come out every time: every fixture draws
the same numbers, whichever were made before it. FILTER picks fixtures by a part of their name.

Usage: scripts/onnx_fixtures.py [FILTER]
"""
import sys

from onnx_models import control_flow, learned, networks, open_sizes, operators
from onnx_models.common import OUT, begin_fixture

FIXTURES = {
    networks: "cnn unet transformer recurrent quantized excite masks blocks quantized_lstm eca windows heads own_statistics patches fused",
    operators: ("shapes old external refused too_many_starts einsum placed broadcast grids regions cubic solids quotients long_quotients distinct halves triangles "
             "rolled spectra clipped far_numbers beyond bins"),
    control_flow: ("loops function branches scans overwritten collected collected_open counted any_boxes chosen_sequences sequence_outputs rounds "
             "ranks"),
    open_sizes: ("any_length free_axes batches spread placed_open resized_open padded_open cropped_open boxes_placed from_the_end pooled_open "
             "open_channels grids_open computed_regions reshaped_open resized_traced"),
    learned: "learned support_vectors questions",
}


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for module, names in FIXTURES.items():
        for name in names.split():
            if len(sys.argv) < 2 or sys.argv[1] in name:
                begin_fixture()
                getattr(module, name)()
    print(f"{OUT}: {sum(f.stat().st_size for f in OUT.iterdir())} bytes")
