#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# scripts/fleet_screenshots.sh URL OUT_DIR [WIDTH [dark|light]]: the fleet's pages in Chromium, as pictures to look at.
set -eu
url="$1"; out="$2"; width="${3:-1280}"
scheme=1
[ "${4:-light}" = light ] || scheme=0  # Blink's numbers: what the page is told the user prefers.
mkdir -p "$out"
profile="$(mktemp -d)"
trap 'rm -rf "$profile"' EXIT
for page in "" latency rollout device ranking; do
  timeout 60 chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$profile" --blink-settings=preferredColorScheme=$scheme --window-size="$width,1400" \
    --virtual-time-budget=8000 --screenshot="$out/${page:-overview}.png" "$url#/$page" > /dev/null 2>&1
  echo "$out/${page:-overview}.png"
done
