//go:build deps

// Package main pins modules whose users are still to come.
package main

import (
	_ "github.com/BurntSushi/toml"
	_ "github.com/alecthomas/kong"
	_ "github.com/disgoorg/disgo/bot"
	_ "github.com/getkin/kin-openapi/openapi3filter"
	_ "github.com/getkin/kin-openapi/routers/legacy"
	_ "github.com/hajimehoshi/go-mp3"
	_ "github.com/jfreymuth/vorbis"
	_ "github.com/klauspost/compress/zstd"
	_ "github.com/mewkiz/flac"
	_ "github.com/pressly/goose/v3"
	_ "github.com/thesyncim/gopus"
	_ "github.com/tphakala/simd/f32"
	_ "golang.org/x/sys/unix"
	_ "golang.org/x/term"
	_ "modernc.org/sqlite"
)
