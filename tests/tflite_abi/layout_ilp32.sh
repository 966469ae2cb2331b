#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The layout of TensorFlow Lite's structures where pointers have 32 bits: layout.h compiled, not linked, for what compilers are here.
# Usage: layout_ilp32.sh REPOSITORY CC
set -eu
check() {  # COMPILER FLAGS...
  "$@" -std=c11 -Wall -Wextra -Werror -I"$repository/include" -I"$repository" -fsyntax-only -x c "$repository/tests/tflite_abi/layout.h"
  echo "layout for 32 bits: ok ($*)"
  checked=1
}
repository=$1 cc=$2 checked=
! command -v arm-linux-gnueabihf-gcc > /dev/null || check arm-linux-gnueabihf-gcc -ffreestanding
! echo | "$cc" -m32 -ffreestanding -fsyntax-only -x c - 2> /dev/null || check "$cc" -m32 -ffreestanding
[ -n "$checked" ] || { echo "skipped: $cc has no -m32, and there is no arm-linux-gnueabihf-gcc"; exit 77; }
