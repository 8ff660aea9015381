package discordtest

import (
	"bytes"
	"compress/zlib"
	"fmt"

	"github.com/gorilla/websocket"
	"github.com/klauspost/compress/zstd"
)

// An encoder turns gateway payloads into websocket messages. It belongs to the
// connection's writer goroutine.
type encoder interface {
	encode(payload []byte) (kind int, message []byte, err error)
}

// newEncoder gives the encoder for a compress= query value.
func newEncoder(compress string) (encoder, error) {
	switch compress {
	case "":
		return plain{}, nil
	case "zlib-stream":
		z := &zlibStream{}
		z.w = zlib.NewWriter(&z.buf)
		return z, nil
	case "zstd-stream":
		z := &zstdStream{}
		w, err := zstd.NewWriter(&z.buf, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
			zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<17))
		z.w = w
		return z, err
	}
	return nil, fmt.Errorf("unknown compress=%q", compress)
}

type plain struct{}

func (plain) encode(p []byte) (int, []byte, error) { return websocket.TextMessage, p, nil }

// zlibStream is one zlib context for the connection; each message ends with
// the sync marker 00 00 ff ff.
type zlibStream struct {
	buf bytes.Buffer
	w   *zlib.Writer
}

func (z *zlibStream) encode(p []byte) (int, []byte, error) {
	z.buf.Reset()
	if _, err := z.w.Write(p); err != nil {
		return 0, nil, err
	}
	err := z.w.Flush()
	return websocket.BinaryMessage, z.buf.Bytes(), err
}

// zstdStream is one zstd frame for the connection, flushed per message and
// never ended.
type zstdStream struct {
	buf bytes.Buffer
	w   *zstd.Encoder
}

func (z *zstdStream) encode(p []byte) (int, []byte, error) {
	z.buf.Reset()
	if _, err := z.w.Write(p); err != nil {
		return 0, nil, err
	}
	err := z.w.Flush()
	return websocket.BinaryMessage, z.buf.Bytes(), err
}

// payloadZlib compresses one payload by itself, when it is worth it: what
// "compress": true in Identify asks for.
func payloadZlib(p []byte) (int, []byte, error) {
	if len(p) < 512 {
		return websocket.TextMessage, p, nil
	}
	var buf bytes.Buffer
	w := zlib.NewWriter(&buf)
	if _, err := w.Write(p); err != nil {
		return 0, nil, err
	}
	err := w.Close()
	return websocket.BinaryMessage, buf.Bytes(), err
}
