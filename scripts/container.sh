#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the container image and runs it, without a container engine: base by mmdebstrap, image by buildah with chroot
# isolation, as root. Leaves build/container/octet.oci.tar. Needs build/release/octet (make build) and a Debian mirror.
# STAGE=build: compiles inside, as `docker build` does; with CCACHE_DIR it uses that cache. Tens of minutes without.
# Checks: at most 30 MB over the base, not root, nothing of the root written, an answer, the health check, a clean end.
set -eu
work=build/container
image=octet-container-test
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
mkdir -p "$work"
for tool in mmdebstrap buildah; do
  command -v "$tool" > /dev/null || { echo "skipped: no $tool (Debian: apt-get install mmdebstrap buildah)"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }

[ -s "$work/base.tar" ] || mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Languages "none"' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$work/base.tar" || { rm -f "$work/base.tar"; echo "skipped: no Debian mirror"; exit 77; }
stage=${STAGE:-prebuilt}
cache=""
if [ "$stage" = prebuilt ]; then
  strip -o "$work/octet" build/release/octet
elif [ -n "${CCACHE_DIR:-}" ]; then
  printf 'base_dir = /octet\nhash_dir = false\n' > "$work/ccache.conf"
  cache="--volume $CCACHE_DIR:/root/.cache/ccache --volume $(realpath "$work/ccache.conf"):/etc/ccache.conf:ro"
fi

container=$(buildah from scratch)
buildah add --quiet "$container" "$work/base.tar" / > /dev/null
buildah commit --quiet --rm "$container" localhost/octet-base > /dev/null
buildah bud --quiet --format docker $cache --build-arg BASE=localhost/octet-base --build-arg BUILD_BASE=localhost/octet-base --build-arg "STAGE=$stage" -f docker/Dockerfile -t "localhost/$image" . > "$work/build.log" 2>&1 || { tail -20 "$work/build.log"; exit 1; }

size() { mounted=$(buildah from --quiet "$1"); du -sxk --apparent-size "$(buildah mount "$mounted")" | cut -f1; buildah rm "$mounted" > /dev/null; }
added=$(( ($(size "localhost/$image") - $(size localhost/octet-base)) / 1024 ))
echo "image: $added MB over the base"
[ "$added" -le 30 ] || { echo "more than 30 MB over the base"; exit 1; }
rm -f "$work/octet.oci.tar"
buildah push --quiet "localhost/$image" "oci-archive:$work/octet.oci.tar" > /dev/null

run=$(buildah from --quiet "localhost/$image")
trap 'buildah rm "$run" > /dev/null' EXIT
root=$(buildah mount "$run")
python3 tests/serve/container.py "$run" "$root" "$work" "$@"
