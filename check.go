package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"segue/audio"
	"segue/audio/codec"
	"segue/audio/codec/flac"
)

// checked is what came of decoding all of a file.
type checked struct {
	Packets int64   `json:"packets"`
	Damaged int64   `json:"damaged"`       // packets that could not be decoded
	Seconds float64 `json:"seconds"`       // that were decoded
	End     string  `json:"end,omitempty"` // what it ended with, if not as it should
	MD5     string  `json:"md5,omitempty"` // of FLAC: "right", "wrong", or "not given"
}

// good reports whether nothing is wrong.
func (c checked) good() bool { return c.Damaged == 0 && c.End == "" && c.MD5 != "wrong" }

// String is for people.
func (c checked) String() string {
	s := fmt.Sprintf("%d packets, %.3f s, %d damaged", c.Packets, c.Seconds, c.Damaged)
	if c.MD5 != "" {
		s += ", MD5 " + c.MD5
	}
	if c.End != "" {
		s += ", ended with: " + c.End
	}
	return s
}

// check decodes all that d has. Its error is that of ctx, or of a codec nobody
// here decodes.
func check(ctx context.Context, d audio.Demuxer) (c checked, err error) {
	decode, matches, err := decoderOf(d.Codec())
	if err != nil {
		return c, err
	}
	for ctx.Err() == nil {
		p, err := d.ReadPacket()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				c.End = err.Error()
			}
			c.MD5 = matches()
			break
		}
		if p.Codec != nil {
			if decode, matches, err = decoderOf(*p.Codec); err != nil {
				return c, err
			}
		}
		c.Packets++
		seconds, err := decode(p)
		if c.Seconds += seconds; err != nil {
			c.Damaged++
		}
	}
	return c, ctx.Err()
}

// decoderOf is what decodes a packet, and what says at the end whether the whole
// is what it should be.
func decoderOf(info audio.CodecInfo) (decode func(audio.Packet) (float64, error), matches func() string, err error) {
	if info.Name == "flac" {
		sum, err := flac.NewSum(info.Private)
		if err != nil {
			return nil, nil, err
		}
		decode = func(p audio.Packet) (float64, error) {
			n, err := sum.Add(p)
			return float64(n) / float64(info.SampleRate), err
		}
		return decode, func() string { return md5Said(sum.Matches()) }, nil
	}
	dec, err := codec.NewDecoder(info)
	if err != nil {
		return nil, nil, err
	}
	var pcm []float32
	decode = func(p audio.Packet) (float64, error) {
		var err error
		pcm, err = dec.Decode(pcm[:0], p)
		rate, channels := dec.Format()
		return float64(len(pcm)/channels) / float64(rate), err
	}
	return decode, func() string { return "" }, nil
}

func md5Said(ok, known bool) string {
	switch {
	case !known:
		return "not given"
	case ok:
		return "right"
	}
	return "wrong"
}
