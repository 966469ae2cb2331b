#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A Python environment with the real LiteRT, the judge of every file octet writes: build/litert-venv.
# Without a package index the tests that need it report themselves as skipped.
set -eu
venv=build/litert-venv
[ -x "$venv/bin/python" ] && "$venv/bin/python" -c "import ai_edge_litert, numpy" 2>/dev/null && exit 0
echo "octet: installing LiteRT from PyPI into $venv (the judge in the tests)"
python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check ai-edge-litert==2.3.0 numpy || echo "octet: LiteRT could not be installed; tests against it will be skipped"
