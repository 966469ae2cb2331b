#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that the build needs and that are missing. Needs root (or sudo) only then.
set -eu
mkdir -p build
packages="g++ cmake ninja-build ccache python3 python3-pip python3-venv python3-dev libflatbuffers-dev flatbuffers-compiler nlohmann-json3-dev libcli11-dev zlib1g-dev libpng-dev libjpeg-dev libgtest-dev libboost-dev libssl-dev libsqlite3-dev openssl libpq-dev postgresql-15"
# The runtime for Arm, and an emulator that runs its tests.
packages="$packages g++-aarch64-linux-gnu qemu-user"
# A GPU in software, for the tests of the GPU delegate: OpenCL (PoCL) and OpenGL ES (Mesa).
packages="$packages pocl-opencl-icd ocl-icd-libopencl1 libegl1 libgles2 libgl1-mesa-dri"
missing=""
for package in $packages; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "octet: installing Debian packages:$missing"
sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing > build/apt.log 2>&1 || { tail -20 build/apt.log; exit 1; }
