#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# TensorFlow Lite's own Java artifacts beside octet's jar: japicmp finds nothing of their public API missing, and a program compiled
# against their classes runs on octet's. Downloads from Maven Central into build/java-original. Usage: java_api_diff.sh JAR MODELS
set -eu
jar=$1 models=$2
here=$(cd "$(dirname "$0")/.." && pwd)
out=$here/build/java-original
for tool in mvn javac unzip; do
  command -v $tool > /dev/null || { echo "skipped: needs $tool (Debian: maven, openjdk-17-jdk-headless, unzip)"; exit 77; }
done
[ -f "$jar" ] || { echo "skipped: $jar was not built (no jni.h when CMake ran)"; exit 77; }
mkdir -p "$out"

fetch() {  # ARTIFACT FILE
  [ -f "$out/$2" ] || mvn -q -B dependency:copy -Dartifact="$1" -DoutputDirectory="$out" > "$out/maven.log" 2>&1 || { echo "skipped: cannot fetch $1"; tail -3 "$out/maven.log"; exit 77; }
}
fetch com.github.siom79.japicmp:japicmp:0.23.1:jar:jar-with-dependencies japicmp-0.23.1-jar-with-dependencies.jar
olds=""
for artifact in tensorflow-lite-api:2.16.1 tensorflow-lite:2.16.1 tensorflow-lite-gpu:2.16.1 tensorflow-lite-gpu-api:2.14.0; do  # The last has no 2.16.1.
  name=$(echo $artifact | tr : -)
  fetch org.tensorflow:$artifact:aar $name.aar
  unzip -qop "$out/$name.aar" classes.jar > "$out/$name.jar"
  olds="$olds $out/$name.jar"
done
path=$(echo $olds | tr ' ' :)

for old in $olds; do
  echo "japicmp: $(basename "$old" .jar) -> octet"
  java -jar "$out/japicmp-0.23.1-jar-with-dependencies.jar" -o "$old" -n "$jar" --old-classpath "$path" --new-classpath "$jar:$path" \
       --only-incompatible --error-on-binary-incompatibility --error-on-source-incompatibility > "$out/report.txt" 2>&1 || { grep -E '!|---|\*\*\*' "$out/report.txt"; exit 1; }
done

rm -rf "$out/program"
mkdir -p "$out/program"
javac -nowarn -cp "$path" -d "$out/program" "$here/tests/bindings/java/ApiTest.java"
java -Xcheck:jni -cp "$jar:$out/program" ApiTest "$models"
echo "a program compiled against the original's classes runs on octet's jar"
