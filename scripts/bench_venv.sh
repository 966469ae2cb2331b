#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A Python environment with the runtimes that make bench measures octet beside: build/bench-venv.
set -eu
venv=build/bench-venv
[ -x "$venv/bin/python" ] && "$venv/bin/python" -c "import ai_edge_litert, openvino, onnxruntime, numpy" 2>/dev/null && exit 0
echo "octet: installing LiteRT, OpenVINO and ONNX Runtime from PyPI into $venv"
python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check ai-edge-litert==2.3.0 openvino==2025.3.0 onnxruntime==1.32.0 numpy
