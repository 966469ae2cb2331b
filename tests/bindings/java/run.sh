#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles CLASS.java of this folder against the jar and runs it. Usage: run.sh JAR WORK MODELS CLASS [JVM OPTIONS...]
set -eu
jar=$1 work=$2 models=$3 class=$4
shift 4
command -v javac > /dev/null || { echo "skipped: no JDK here (Debian: openjdk-17-jdk-headless)"; exit 77; }
[ -f "$jar" ] || { echo "skipped: $jar was not built (no jni.h when CMake ran)"; exit 77; }
mkdir -p "$work"
javac -Xlint:all,-processing -Werror -cp "$jar" -d "$work" "$(dirname "$0")/$class.java"
java -Xcheck:jni -Xmx256m "$@" -cp "$jar:$work" "$class" "$models"
