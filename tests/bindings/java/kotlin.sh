#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Kotlin against the jar, by the compiler from Maven Central (kept in build/kotlin): the ten-line example, and examples/android over stubs
# of Android's classes. Usage: kotlin.sh JAR WORK MODEL.tflite ELEMENTS_OF_ITS_INPUT
set -eu
here=$(cd "$(dirname "$0")/../../.." && pwd)
jar=$1 work=$2 model=$3 elements=$4
for tool in mvn javac; do
  command -v $tool > /dev/null || { echo "skipped: needs $tool (Debian: maven, openjdk-17-jdk-headless)"; exit 77; }
done
[ -f "$jar" ] || { echo "skipped: $jar was not built (no jni.h when CMake ran)"; exit 77; }
lib=$here/build/kotlin
if [ ! -f "$lib/ready" ]; then
  mkdir -p "$lib"
  cat > "$lib/pom.xml" <<'EOF'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>octet</groupId><artifactId>kotlin-compiler</artifactId><version>1</version>
  <dependencies><dependency><groupId>org.jetbrains.kotlin</groupId><artifactId>kotlin-compiler-embeddable</artifactId><version>2.0.21</version></dependency></dependencies>
</project>
EOF
  mvn -q -B -f "$lib/pom.xml" dependency:copy-dependencies -DoutputDirectory="$lib/lib" > "$lib/maven.log" 2>&1 || { echo "skipped: cannot fetch the Kotlin compiler"; tail -3 "$lib/maven.log"; exit 77; }
  touch "$lib/ready"
fi
kotlinc() { java -Xmx768m -cp "$lib/lib/*" org.jetbrains.kotlin.cli.jvm.K2JVMCompiler -no-stdlib -no-reflect -jvm-target 1.8 "$@"; }
stdlib=$(ls "$lib"/lib/kotlin-stdlib-2*.jar)

rm -rf "$work"
mkdir -p "$work/classes" "$work/assets"
stubs=$(find "$here/tests/bindings/java/android_stubs" -name '*.java')
service=$(find "$here/examples/android" -name '*.java')
javac --release 8 -Xlint:-options -cp "$jar" -d "$work/classes" $stubs $service
kotlinc -cp "$jar:$stdlib:$work/classes" -d "$work/classes" "$here/examples/ten_lines/Run.kt" "$here/tests/bindings/java/AndroidTest.kt" $(find "$here/examples/android" -name '*.kt')
cp "$model" "$work/assets/model.tflite"
java -cp "$jar:$stdlib:$work/classes" RunKt "$model"
java -Xcheck:jni -Dassets="$work/assets" -cp "$jar:$stdlib:$work/classes" AndroidTestKt "$elements"
