#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A 64-bit Arm system's Java and Python in build/arm-root, unpacked and not installed, so that tests run the Arm packages under qemu-aarch64.
# Needs Debian's mmdebstrap; 350 MB.
set -eu
cd "$(dirname "$0")/.."
[ ! -e build/arm-root/usr/bin/python3 ] || exit 0
command -v mmdebstrap > /dev/null || { echo "octet: no mmdebstrap here (Debian: mmdebstrap)"; exit 77; }
echo "octet: unpacking Debian's arm64 Java and Python into build/arm-root"
mmdebstrap --variant=extract --architectures=arm64 --include=openjdk-17-jre-headless,python3,python3-numpy bookworm build/arm-root > build/arm-root.log 2>&1 || { tail -20 build/arm-root.log; exit 1; }
