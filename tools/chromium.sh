#!/usr/bin/env bash
# Makes sure that there is a Chromium for tests/browser: Debian's own package, where it is missing and may be installed.
set -euo pipefail
command -v chromium > /dev/null && exit 0
as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
if ! command -v apt-get > /dev/null || ! "${as_root[@]}" true 2> /dev/null; then
    echo "tests/browser needs the program chromium, and it is missing: as root, apt-get install chromium" >&2
    exit 1
fi
echo "Installing the Debian package chromium for tests/browser (about a minute)…"
"${as_root[@]}" apt-get update --quiet --quiet
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes --no-install-recommends chromium > /dev/null
