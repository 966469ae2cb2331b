#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fuzzes targets for SECONDS (default 60) each: scripts/fuzz.sh [SECONDS [TARGET...]]. Needs clang-16 and its runtime
# (Debian: clang-16 libclang-rt-16-dev). Prints executions and covered edges; a finding is left in build/fuzz and ends it.
# With "--mutate PROGRAM" in front, any build's octet_mutate takes the place of libFuzzer: no sanitizers, no coverage; make
# test spends its seconds so, because the libraries built once more by clang would take CI ten minutes.
# Seeds: the repository's own models and what was found before (tests/fuzz/findings); with ../shared beside it, also the malformed files and the fixtures.
set -eu
mutate=""
[ "${1:-}" = --mutate ] && mutate=$2 && shift 2
seconds=${1:-60}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- fuzz_npz fuzz_onnx fuzz_keras fuzz_savedmodel fuzz_tflite fuzz_ops fuzz_text
shared=${OCTET_SHARED:-../shared}

seeds() {
  {
    find tests/fuzz/findings/"$1" -type f 2>/dev/null || :
    case $1 in
      fuzz_npz) find tests "$shared/accuracy/data" "$shared/importers" -name '*.npz' -size -40k 2>/dev/null ;;
      fuzz_ops) : ;;  # Any bytes are a model: it starts from nothing.
      fuzz_onnx) find tests "$shared/importers" -name '*.onnx' -size -60k 2>/dev/null ;;
      fuzz_keras) find tests examples "$shared/importers" \( -name '*.keras' -o -name '*.h5' \) -size -60k 2>/dev/null ;;
      fuzz_savedmodel) find tests "$shared/importers" \( -name '*.pb' -o -name '*.index' \) -size -60k 2>/dev/null ;;
      fuzz_tflite) find tests "$shared/conformance" -name '*.tflite' -size -20k 2>/dev/null | sort | head -2000 ;;
      fuzz_text) find tests/fuzz/text -name '*.txt' ;;
    esac
  } | sort
}

if [ -n "$mutate" ]; then
  shared=none  # The same seeds everywhere.
  for target in "$@"; do
    seeds "$target" | xargs "$mutate" "$target" "$seconds"
  done
  exit
fi

cmake --preset fuzz > build/configure-fuzz.log
ninja -C build/fuzz --quiet "$@"
for target in "$@"; do
  corpus=build/fuzz/corpus/$target
  mkdir -p "$corpus"
  seeds "$target" | while read -r file; do cp "$file" "$corpus/$(echo "$file" | md5sum | cut -c1-16)"; done
  echo "octet: $target for $seconds seconds"
  (cd build/fuzz && "tests/fuzz/$target" -max_total_time="$seconds" -max_len=262144 -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 "corpus/$target" > "$target.log" 2>&1) || { tail -60 "build/fuzz/$target.log"; exit 1; }
  grep -E 'cov:' "build/fuzz/$target.log" | tail -1
  grep -E 'number_of_executed_units|average_exec_per_sec' "build/fuzz/$target.log"
done
