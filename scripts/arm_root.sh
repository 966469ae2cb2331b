#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# For the 64-bit Arm packages, unpacked and not installed: what their command links (build/arm-sysroot, 290 MB; scripts/package.sh), and
# a system's Java and Python that run them under qemu-aarch64 (build/arm-root, 350 MB; the test `package`). Needs Debian's mmdebstrap.
set -eu
cd "$(dirname "$0")/.."
unpack() {  # FOLDER WHAT_IS_THERE_THEN PACKAGES OPTIONS...
  folder=$1 there=$2 packages=$3
  shift 3
  [ ! -e "$folder/$there" ] || return 0
  command -v mmdebstrap > /dev/null || { echo "octet: no mmdebstrap here (Debian: mmdebstrap)"; exit 77; }
  echo "octet: unpacking Debian's arm64 packages into $folder"
  mmdebstrap --variant=extract "$@" --architectures=arm64 --include="$packages" bookworm "$folder" > "$folder.log" 2>&1 || { tail -20 "$folder.log"; exit 1; }
}
mkdir -p build
unpack build/arm-root usr/bin/python3 openjdk-17-jre-headless,python3,python3-numpy
unpack build/arm-sysroot usr/include/zlib.h libc6-dev,libstdc++-12-dev,libflatbuffers-dev,nlohmann-json3-dev,libcli11-dev,zlib1g-dev,libpng-dev,libjpeg-dev \
  --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr
