#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A Python environment with Apple's coremltools, which reads the specifications that the Core ML delegate writes:
# build/coreml-venv. Without a package index the test that needs it reports itself as skipped.
set -eu
venv=build/coreml-venv
[ -x "$venv/bin/python" ] && "$venv/bin/python" -c "import importlib.util as u, sys; sys.exit(not (u.find_spec('coremltools') and u.find_spec('numpy')))" 2>/dev/null && exit 0
echo "octet: installing coremltools from PyPI into $venv (reads what the Core ML delegate writes)"
python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check coremltools==9.0 numpy || echo "octet: coremltools could not be installed; the test against it will be skipped"
