#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A program compiled against TensorFlow Lite's own C headers (of the .aar on Maven Central, 2.16.1) links octet's library and runs; the
# structures have the sizes and offsets of layout.h there, too. What the .aar leaves out of its headers is declared here.
# Usage: original_headers.sh REPOSITORY LIBRARY_FOLDER WORK MODEL
set -eu
repository=$1 libraries=$2 work=$3 model=$4
for tool in mvn unzip cc; do
  command -v $tool > /dev/null || { echo "skipped: needs $tool (Debian: maven, unzip, gcc)"; exit 77; }
done
out=$repository/build/java-original  # As scripts/java_api_diff.sh has it.
archive=$out/tensorflow-lite-2.16.1.aar
mkdir -p "$out"
[ -f "$archive" ] || mvn -q -B dependency:copy -Dartifact=org.tensorflow:tensorflow-lite:2.16.1:aar -DoutputDirectory="$out" > "$out/maven.log" 2>&1 || { echo "skipped: cannot fetch the original"; tail -3 "$out/maven.log"; exit 77; }
rm -rf "$work"
mkdir -p "$work/more/tensorflow/lite/core/c" "$work/more/tensorflow/lite/core/async/c"
unzip -qo "$archive" 'headers/*' -d "$work"
cat > "$work/more/tensorflow/lite/core/c/registration_external.h" <<'EOF'
typedef struct TfLiteRegistrationExternal TfLiteRegistrationExternal;
EOF
cp "$repository/include/tensorflow/lite/core/async/c/types.h" "$work/more/tensorflow/lite/core/async/c/"

headers="-I$work/headers -I$work/more"
cc -Wall -Werror $headers "$repository/examples/ten_lines/run_tflite.c" -L"$libraries" -ltensorflowlite_c -Wl,-rpath,"$libraries" -o "$work/program"
"$work/program" "$model"

# Every function that those headers declare is there.
cat "$work"/headers/tensorflow/lite/core/c/c_api.h "$work"/headers/tensorflow/lite/core/c/c_api_experimental.h "$work"/headers/tensorflow/lite/core/c/c_api_opaque.h |
  sed 's|//.*||' | grep -oE '\bTfLite[A-Za-z0-9]+\(' | tr -d '(' | sort -u > "$work/declared"
nm -D --defined-only "$libraries/libtensorflowlite_c.so" | awk '{ sub(/@.*/, "", $3); print $3 }' | sort -u > "$work/exported"
missing=$(comm -23 "$work/declared" "$work/exported")
[ -z "$missing" ] || { echo "missing: $missing"; exit 1; }
echo "$(wc -l < "$work/declared") functions of the original's headers: all there"

# The numbers of layout.h hold for the original's own structures; left out is what came after 2.16, and NNAPI's header, which is no C there.
grep -vE 'Blockwise|blocksize|[nN]napi|StablehloCase|Float8' "$repository/tests/tflite_abi/layout.h" > "$work/layout.h"
cc -std=c11 $headers -I"$repository/include" -fsyntax-only -x c "$work/layout.h"
echo "$(grep -oE '(SIZE|AT)\(TfLite' "$work/layout.h" | wc -l) sizes and offsets of the original's structures: as octet's"
