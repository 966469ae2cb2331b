#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# arm.sh aarch64|armhf SHARED: cross-compiles the runtime, then runs the kernels' tests and operators by their vectors under qemu, with every
# instruction set: ARMv8.0 alone (a Raspberry Pi 3's core has no more, and stops at anything else), and all that there is.
# Needs g++-aarch64-linux-gnu or g++-arm-linux-gnueabihf, qemu-user, ninja and GoogleTest's sources (Debian: libgtest-dev).
set -eu
arch=$1 shared=$2
case $arch in
  aarch64) compiler=aarch64-linux-gnu-g++ package=g++-aarch64-linux-gnu qemu=qemu-aarch64 root=/usr/aarch64-linux-gnu ;;
  armhf) compiler=arm-linux-gnueabihf-g++ package=g++-arm-linux-gnueabihf qemu=qemu-arm root=/usr/arm-linux-gnueabihf ;;
esac
for tool in $compiler $qemu ninja; do
  command -v "$tool" > /dev/null || { echo "skipped: no $tool (Debian: apt-get install $package qemu-user ninja-build)"; exit 77; }
done
[ -e /usr/src/googletest/googletest/src/gtest-all.cc ] || { echo "skipped: no sources of GoogleTest (Debian: apt-get install libgtest-dev)"; exit 77; }

build=build/$arch-tests
mkdir -p build
cmake --preset "$arch-tests" > "build/configure-$arch.log" 2>&1 || { tail -20 "build/configure-$arch.log"; exit 1; }
ninja -C "$build" --quiet octet_kernel_tests octet_conformance
if [ "$arch" = aarch64 ]; then  # Sums stay in registers.
  isa=$build/CMakeFiles/octet_kernels.dir/src/kernels/isa
  python3 tests/kernels/spills.py aarch64-linux-gnu-objdump "$isa/neon_dotprod_int8.cc.o" "$isa/neon_i8mm_int8.cc.o"
fi

vectors=
for folder in tests/ops/vectors/*; do  # Names of operators; a folder for one that there is no more would fail.
  name=$(basename "$folder")
  [ ! -e "src/ops/$(echo "$name" | tr A-Z a-z).cc" ] && [ "$(echo "$name" | tr -d A-Z0-9_)" = "" ] || vectors="$vectors $folder"
done
packs=
for name in CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED ADD MUL SOFTMAX BATCH_MATMUL; do
  [ ! -d "$shared/conformance/ops/$name" ] || packs="$packs $shared/conformance/ops/$name"
done

run() {  # run CPU WANTED EXPECTED: all with OCTET_ISA=WANTED, which is to choose EXPECTED.
  echo "$arch: -cpu $1, OCTET_ISA=$2"
  emulated="$qemu -cpu $1 -L $root $build"
  [ "$arch" = armhf ] || export OCTET_EXPECTED_ISA="$3"
  OCTET_ISA=$2 $emulated/octet_kernel_tests --gtest_brief=1
  unset OCTET_EXPECTED_ISA
  for kernels in fast reference; do  # The reference kernels do not depend on the instruction set.
    [ $kernels = fast ] || [ "$2" = scalar ] || continue
    OCTET_ISA=$2 $emulated/octet_conformance --kernels $kernels $vectors $packs > "$build/vectors.log" || { grep -v '\([0-9]*\)/\1$' "$build/vectors.log"; exit 1; }
    echo "$kernels: $(tail -1 "$build/vectors.log")"
  done
}
if [ "$arch" = armhf ]; then
  run cortex-a7 scalar scalar
else
  run cortex-a53 scalar scalar
  run cortex-a53 i8mm neon  # What the processor lacks is not tried.
  run max neon neon
  run max dotprod dotprod
  run max i8mm i8mm
fi
