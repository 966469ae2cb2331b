#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# scripts/build_pages.sh OUT.html: builds web/ into one self-contained page. Without npm, or without a registry, OUT says so and the build goes on.
set -eu
out="$1"
web="$(dirname "$0")/../web"
skip() {
  echo "octet: the fleet's pages are not built: $1" >&2
  printf '<!doctype html><meta charset="utf-8"><title>octet fleet</title><p>These pages were not built: %s. The figures are at /api/report.</p>\n' "$1" > "$out"
  exit 0
}
command -v npm > /dev/null || skip "npm is not installed"
if [ ! -d "$web/node_modules/vite" ]; then
  (cd "$web" && npm ci --no-audit --no-fund --silent --fetch-retries 1 --fetch-timeout 20000 > /dev/null 2>&1) || skip "npm could not fetch its packages"
fi
(cd "$web" && npm run --silent build) || exit 1
cp "$web/dist/index.html" "$out"
