#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Packs what is installed into dist/: Debian packages (runtime, tools, dev), a tarball with everything, an Android library (.aar); for
# 64-bit Arm, too, where Debian's g++-aarch64-linux-gnu is: its libraries go into the jar, the .aar and a wheel of their own. The command for
# Arm, in the wheel and a package, needs libraries of that system to link: scripts/arm_root.sh unpacks them.
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/^project(octet VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
jobs=${JOBS:-$(nproc)}
mkdir -p dist

pack() {  # BUILD_FOLDER
  ninja -C "$1" -j "$jobs" --quiet octet_shared octet_tensorflowlite_c octet_static
  (cd "$1" && cpack -G TGZ -D CPACK_ARCHIVE_COMPONENT_INSTALL=OFF > cpack.log 2>&1 && cpack -G DEB -D CPACK_COMPONENTS_GROUPING=IGNORE >> cpack.log 2>&1) || { tail -20 "$1/cpack.log"; exit 1; }
  mv "$1"/*.deb "$1"/octet-"$version"-linux-*.tar.gz dist/
}

echo "octet: packing Debian packages and a tarball into dist/"
pack build/release
natives="--native linux-$(uname -m)=build/release/java/liboctet_jni.so"
abis=""
[ "$(uname -m)" = x86_64 ] && abis="--native x86_64=build/release/java/liboctet_jni.so"

if command -v aarch64-linux-gnu-g++ > /dev/null; then
  echo "octet: the same for 64-bit Arm"
  set --
  if [ -e build/arm-sysroot/usr/include/zlib.h ]; then
    set -- -DOCTET_TOOLS=ON -DOCTET_SERVE=OFF -DOCTET_FLEET=OFF -DOCTET_PORTABLE=ON "-DOCTET_SYSROOT=$PWD/build/arm-sysroot"
  else
    echo "octet: no build/arm-sysroot (scripts/arm_root.sh): no command for 64-bit Arm"
  fi
  cmake --preset aarch64 "$@" > build/configure-aarch64.log 2>&1 || { cat build/configure-aarch64.log; exit 1; }
  ninja -C build/aarch64 -j "$jobs" --quiet octet_python octet_jni ${1:+octet}
  pack build/aarch64
  for file in python/octet/_native.abi3.so ${1:+octet}; do
    aarch64-linux-gnu-strip --strip-unneeded -o "build/aarch64/$(basename "$file").stripped" "build/aarch64/$file"
  done
  python3 bindings/python/retag.py dist/octet-"$version"-*x86_64.whl linux_aarch64 build/aarch64/_native.abi3.so.stripped dist ${1:+build/aarch64/octet.stripped}
  natives="$natives --native linux-aarch64=build/aarch64/java/liboctet_jni.so"
  abis="$abis --native arm64-v8a=build/aarch64/java/liboctet_jni.so"
else
  echo "octet: no aarch64-linux-gnu-g++ here: nothing for 64-bit Arm (Debian: g++-aarch64-linux-gnu)"
fi
# The NDK's builds, where somebody made them (cmake --preset android), take the place of the host's in the .aar.
for abi in arm64-v8a x86_64; do
  library=build/android-$abi/java/liboctet_jni.so
  if [ -f "$library" ]; then
    abis="$(echo "$abis" | sed "s|--native $abi=[^ ]*||") --native $abi=$library"
  fi
done
classes=build/release/java/classes
python3 bindings/java/pack.py jar "dist/octet-lite-$version.jar" --version "$version" --classes $classes $natives
python3 bindings/java/pack.py aar "dist/octet-lite-$version.aar" --version "$version" --classes $classes $abis
ls -l dist | awk 'NR > 1 {printf "  %9d  %s\n", $5, $9}'
