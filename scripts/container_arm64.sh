#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The container image for 64-bit Arm, made on x86-64 without running a single Arm program: octet is cross-compiled against a Debian root of that
# architecture, the image's root is extracted by mmdebstrap, its settings and packages are those of docker/Dockerfile. Leaves
# build/container/octet-arm64.oci.tar. Then its octet serves under qemu-aarch64 with nothing but that root.
# Needs g++-aarch64-linux-gnu, qemu-user, mmdebstrap, buildah, root and a Debian mirror.
# Checks: at most 30 MB over the base, not root, an answer, the health check, a clean end.
set -eu
work=build/container/arm64
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
mkdir -p "$work"
for tool in mmdebstrap buildah qemu-aarch64 aarch64-linux-gnu-g++; do
  command -v "$tool" > /dev/null || { echo "skipped: no $tool (Debian: apt-get install mmdebstrap buildah qemu-user g++-aarch64-linux-gnu)"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }

extract() {  # extract FOLDER [PATTERN] PACKAGE,PACKAGE…: unpacked, nothing configured.
  [ -d "$1" ] || mmdebstrap --quiet --variant=extract --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --architectures=arm64 --aptopt='Acquire::Languages "none"' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    ${3:+--include="$2"} --include="${3:-$2}" bookworm "$1" > "$work/mmdebstrap.log" 2>&1 || { rm -rf "$1"; tail -3 "$work/mmdebstrap.log"; echo "skipped: no Debian mirror"; exit 77; }
}
list() { grep -v '^#' | grep -o 'recommends [^\\]*' | sed 's/recommends //; s/ *$//; s/  */,/g'; }
packages=$(sed '/^FROM ${BASE}/,$!d' docker/Dockerfile | list)
extract "$work/sysroot" libc6-dev,libstdc++-12-dev,libboost-dev,libflatbuffers-dev,nlohmann-json3-dev,libcli11-dev,zlib1g-dev,libpng-dev,libjpeg-dev,libssl-dev,libsqlite3-dev,libpq-dev
extract "$work/base" '?essential' apt
extract "$work/root" '?essential' "apt,$packages"

cmake -S . -B build/arm64 -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64.cmake "-DOCTET_SYSROOT=$(realpath "$work/sysroot")" -DOCTET_TESTS=OFF > "$work/configure.log" 2>&1 || { tail -20 "$work/configure.log"; exit 1; }
ninja -C build/arm64 --quiet octet

# What the packages' scripts and the Dockerfile's RUN would have done.
root=$work/root
aarch64-linux-gnu-strip -o "$root/usr/bin/octet" build/arm64/octet
printf 'root:x:0:0:root:/root:/bin/bash\noctet:x:10001:10001::/var/lib/octet:/usr/sbin/nologin\n' > "$root/etc/passwd"
printf 'root:x:0:\noctet:x:10001:\n' > "$root/etc/group"
mkdir -p "$root/etc/ssl/certs"
cat "$root"/usr/share/ca-certificates/mozilla/*.crt > "$root/etc/ssl/certs/ca-certificates.crt"
install -d -o 10001 -g 10001 "$root/var/lib/octet"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/*

added=$(( ($(du -sxk --apparent-size "$root" | cut -f1) - $(du -sxk --apparent-size "$work/base" | cut -f1)) / 1024 ))
echo "arm64 image: $added MB over the base"
[ "$added" -le 30 ] || { echo "more than 30 MB over the base"; exit 1; }

context=$work/context
mkdir -p "$context"
tar -C "$root" --numeric-owner --sort=name --exclude=./dev/* -cf "$context/root.tar" .
{ echo 'FROM scratch'; echo 'ADD root.tar /'; sed '/^FROM ${BASE}/,$!d' docker/Dockerfile | grep -E '^(USER|VOLUME|EXPOSE|HEALTHCHECK|STOPSIGNAL|ENTRYPOINT|CMD) '; } > "$context/Dockerfile"
buildah bud --quiet --format docker --arch arm64 -t localhost/octet-arm64-test "$context" > "$work/build.log" 2>&1 || { tail -20 "$work/build.log"; exit 1; }
rm -f build/container/octet-arm64.oci.tar
buildah push --quiet localhost/octet-arm64-test oci-archive:build/container/octet-arm64.oci.tar > /dev/null
buildah inspect --type image localhost/octet-arm64-test > "$work/inspect.json"
buildah rmi localhost/octet-arm64-test > /dev/null
python3 tests/serve/container_arm64.py "$root" "$work" "$@"
