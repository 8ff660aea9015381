#!/bin/sh
# Installs what the witness needs, exactly as pinned in package-lock.json.
# It wants npm; node itself (22) comes with the packages.
set -eu
cd "$(dirname "$0")"
exec npm ci --ignore-scripts --no-audit --no-fund
