#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A Python environment with the runtimes that make bench measures octet beside: build/bench-venv. With "avx2", their packages once more
# as they are on a core that has no more than that: build/bench-avx2.
set -eu
venv=build/bench-venv
if ! { [ -x "$venv/bin/python" ] && "$venv/bin/python" -c "import ai_edge_litert, openvino, onnxruntime, MNN, numpy" 2>/dev/null; }; then
  echo "octet: installing LiteRT, OpenVINO, ONNX Runtime and MNN from PyPI into $venv"
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check ai-edge-litert==2.3.0 openvino==2025.3.0 onnxruntime==1.32.0 MNN==3.6.1 numpy
fi
if [ "${1:-}" = avx2 ] && [ ! -e build/bench-avx2/MNN ]; then
  echo "octet: copying them to build/bench-avx2 without what goes beyond AVX2 (a minute)"
  "$venv/bin/python" scripts/as_avx2.py "$venv"/lib/python3*/site-packages build/bench-avx2
fi
