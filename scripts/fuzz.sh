#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fuzzes every target for SECONDS (default 60) each: scripts/fuzz.sh [SECONDS]. Needs clang and its runtime.
# Seeds: the repository's own models; with ../shared beside it, also the malformed files and the fixtures.
set -eu
seconds=${1:-60}
cmake --preset fuzz > /dev/null
ninja -C build/fuzz fuzz_npz fuzz_keras fuzz_tflite fuzz_ops
shared=${OCTET_SHARED:-../shared}
for target in fuzz_npz fuzz_keras fuzz_tflite fuzz_ops; do
  corpus=build/fuzz/corpus/$target
  mkdir -p "$corpus"
  case $target in
    fuzz_npz) find tests "$shared/accuracy/data" -name '*.npz' -size -40k 2>/dev/null ;;
    fuzz_ops) : ;;  # Any bytes are a model: it starts from nothing.
    fuzz_keras) find examples "$shared/importers" \( -name '*.keras' -o -name '*.h5' \) -size -60k 2>/dev/null | head -200 ;;
    fuzz_tflite) find tests "$shared/conformance" -name '*.tflite' -size -20k 2>/dev/null | head -2000 ;;
  esac | while read -r file; do cp "$file" "$corpus/$(echo "$file" | md5sum | cut -c1-16)"; done
  echo "octet: $target for $seconds seconds"
  build/fuzz/tests/fuzz/$target -max_total_time="$seconds" -max_len=262144 -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 "$corpus" 2>&1 | tail -8
done
