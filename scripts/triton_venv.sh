#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A Python environment with Triton's client, the judge of `octet serve`: build/triton-venv.
# Without a package index the tests that need it report themselves as skipped.
set -eu
venv=build/triton-venv
[ -x "$venv/bin/python" ] && "$venv/bin/python" -c "import tritonclient.http, ml_dtypes" 2>/dev/null && exit 0
echo "octet: installing tritonclient from PyPI into $venv (the client in the tests of the server)"
python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "tritonclient[http]==2.73.0" ml_dtypes numpy || echo "octet: tritonclient could not be installed; tests with it will be skipped"
