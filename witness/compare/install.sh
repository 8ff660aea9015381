#!/bin/sh
# Installs discord.js's voice pipeline, exactly as pinned in package-lock.json. It
# wants npm; node itself (22) comes with the packages. @discordjs/opus brings its own
# libopus; where nobody has built that yet it takes a C++ compiler. Without it
# prism-media takes the slower opusscript, and run says so.
set -eu
cd "$(dirname "$0")"
npm ci --ignore-scripts --no-audit --no-fund
PATH="$PWD/node_modules/.bin:$PATH"
npm rebuild --no-audit --no-fund @discordjs/opus &&
	node --input-type=module -e 'import opus from "@discordjs/opus"; new opus.OpusEncoder(48000, 2)' ||
	{ echo "@discordjs/opus could not be built: opusscript will be measured instead" >&2; rm -rf node_modules/@discordjs/opus; }
