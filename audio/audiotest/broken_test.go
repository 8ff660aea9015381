package audiotest

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/audio"
)

// judge runs all checks and returns what they found.
func judge(t *testing.T, checks []check) string {
	t.Helper()
	found := ""
	for _, c := range checks {
		found += Found(t, c.run)
	}
	return found
}

// expect fails unless the checks found something that says want, or, if that is
// empty, nothing.
func expect(t *testing.T, name, found, want string) {
	t.Helper()
	if want == "" && found != "" || !strings.Contains(found, want) {
		t.Errorf("%s: found %q, want %q", name, found, want)
	}
}

// plainDecoder turns each byte into a value; fault breaks it.
type plainDecoder struct {
	fault string
	heard int
}

func (d *plainDecoder) Reset() {
	if d.fault != "reset" {
		d.heard = 0
	}
}

func (d *plainDecoder) Format() (rate, channels int) {
	if d.fault == "format" {
		return 0, 0
	}
	return 48000, 2
}

func (d *plainDecoder) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	bad := len(p.Data) != 8
	switch {
	case bad && d.fault == "error":
		return dst, errors.New("some error")
	case bad && d.fault == "samples with error":
		return append(dst, 1, 2), audio.ErrMalformed
	case bad && d.fault == "loses dst":
		return nil, audio.ErrMalformed
	case bad:
		return dst, audio.ErrMalformed
	}
	switch d.fault {
	case "overwrites":
		if len(dst) > 0 {
			dst[0]++
		}
	case "odd":
		dst = append(dst, 0)
	case "changes packet":
		p.Data[0]++
	case "infinite":
		dst = append(dst, float32(math.Inf(1)), 0)
	case "fails":
		return dst, audio.ErrMalformed
	case "mute":
		return dst, nil
	}
	d.heard++
	for _, b := range p.Data {
		dst = append(dst, float32(b)+float32(d.heard)*0.001)
	}
	return dst, nil
}

func TestBrokenDecodersAreFound(t *testing.T) {
	var packets []audio.Packet
	for i := range 6 {
		packets = append(packets, audio.Packet{Data: bytes.Repeat([]byte{byte(i + 1)}, 8), Duration: 4})
	}
	for fault, want := range map[string]string{
		"": "", "reset": "differently after Reset", "format": "format after packet", "overwrites": "changed what dst held",
		"odd": "values for 2 channels", "changes packet": "changed packet 0", "infinite": "is +Inf", "fails": "malformed",
		"mute": "nothing was decoded", "error": "none of audio's errors", "samples with error": "gave samples", "loses dst": "changed what dst held",
	} {
		own := make([]audio.Packet, len(packets))
		for i, p := range packets {
			own[i] = audio.Packet{Data: bytes.Clone(p.Data), Duration: p.Duration}
		}
		found := judge(t, decoderChecks(func(testing.TB) audio.Decoder { return &plainDecoder{fault: fault} }, own))
		expect(t, fault, found, want)
	}
}

// plainEncoder makes a byte of each value, late by 100 samples.
type plainEncoder struct {
	fault string
	line  []float32
}

func (e *plainEncoder) Reset() {
	if e.fault != "reset" {
		e.line = make([]float32, 200)
	}
}

func (e *plainEncoder) Lookahead() int {
	if e.fault == "lookahead" {
		return 50
	}
	return 100
}

func (e *plainEncoder) Encode(dst []byte, pcm []float32) ([]byte, error) {
	const frame = audio.FrameSamples * audio.Channels
	if len(pcm) != frame && e.fault != "any size" {
		return dst, audio.ErrMalformed
	}
	switch e.fault {
	case "overwrites":
		dst[0]++
	case "changes pcm":
		pcm[0] = 0.123
	case "fails":
		return dst, audio.ErrMalformed
	case "allocates":
		dst = append([]byte(nil), dst...)
	}
	var all [frame + 200]float32
	copy(all[copy(all[:], e.line):], pcm)
	for _, v := range all[:frame] {
		dst = append(dst, byte(int8(v*127)))
	}
	e.line = append(e.line[:0], all[frame:]...)
	return dst, nil
}

type byteDecoder struct{ *plainDecoder }

func (byteDecoder) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	for _, b := range p.Data {
		dst = append(dst, float32(int8(b))/127)
	}
	return dst, nil
}

func TestBrokenEncodersAreFound(t *testing.T) {
	for fault, want := range map[string]string{
		"": "", "reset": "another sound", "lookahead": "Lookahead says 50", "overwrites": "what dst held was changed",
		"changes pcm": "changed the samples", "fails": "malformed", "allocates": "allocations a frame", "any size": "values gave",
	} {
		found := judge(t, encoderChecks(func(testing.TB) audio.Encoder {
			return &plainEncoder{fault: fault, line: make([]float32, 200)}
		}, func(testing.TB) audio.Decoder { return byteDecoder{&plainDecoder{}} }, 0))
		expect(t, fault, found, want)
	}
}

// plainDemuxer has a hundred packets of 20 ms.
type plainDemuxer struct {
	fault string
	n     int
	buf   [4]byte
}

func (d *plainDemuxer) Codec() audio.CodecInfo {
	if d.fault == "codec" {
		return audio.CodecInfo{}
	}
	return audio.CodecInfo{Name: "plain", SampleRate: 48000, Channels: 2}
}

func (d *plainDemuxer) Info() audio.Info {
	i := audio.Info{Container: "plain", Duration: 2 * time.Second}
	switch d.fault {
	case "nameless":
		i.Container = ""
	case "duration":
		i.Duration = time.Second
	}
	return i
}

func (d *plainDemuxer) ReadPacket() (audio.Packet, error) {
	if d.fault == "error" && d.n == 50 {
		return audio.Packet{}, audio.ErrMalformed
	}
	if d.n >= 100 || d.fault == "empty" {
		if d.fault == "goes on" {
			d.n = 0
		}
		return audio.Packet{}, io.EOF
	}
	d.buf = [4]byte{byte(d.n), 2, 3, 4}
	p := audio.Packet{Data: bytes.Clone(d.buf[:]), PTS: int64(d.n) * 960, Duration: 960}
	switch d.fault {
	case "reuses":
		p.Data = d.buf[:]
	case "times":
		p.PTS /= 2
	case "no data":
		p.Data = nil
	}
	d.n++
	return p, nil
}

func (d *plainDemuxer) Seek(to time.Duration) (time.Duration, error) {
	d.n = int(to / (20 * time.Millisecond))
	switch d.fault {
	case "cannot seek":
		return 0, audio.ErrNotSeekable
	case "seek fails":
		return 0, audio.ErrMalformed
	case "lands behind":
		d.n += 2
	case "lies":
		d.n += 2
		return to, nil
	case "seeks to the end":
		d.n = 100
		return to, nil
	}
	return time.Duration(d.n) * 20 * time.Millisecond, nil
}

func TestBrokenDemuxersAreFound(t *testing.T) {
	for fault, want := range map[string]string{
		"": "", "cannot seek": "", "codec": "codec is", "nameless": "no name", "duration": "the container says 1s", "error": "malformed",
		"empty": "no packets", "goes on": "after the end comes", "reuses": "was overwritten", "times": "before its predecessor",
		"no data": "0 bytes", "seek fails": "malformed", "lands behind": "landed behind", "lies": "gave a packet at", "seeks to the end": "EOF",
	} {
		expect(t, fault, judge(t, demuxerChecks(func(testing.TB) audio.Demuxer { return &plainDemuxer{fault: fault} })), want)
	}
}

// plainEffect adds up what it has heard, a little.
type plainEffect struct {
	fault string
	sum   float32
}

func (e *plainEffect) Reset() {
	if e.fault != "reset" {
		e.sum = 0
	}
}

func (e *plainEffect) Process(dst, src []float32) []float32 {
	switch e.fault {
	case "overwrites":
		if len(dst) > 0 {
			dst[0]++
		}
	case "odd":
		dst = append(dst, 0)
	case "changes src":
		src[0]++
	case "blocks":
		e.sum = 0
	case "infinite":
		dst = append(dst, float32(math.NaN()), 0)
	case "allocates":
		dst = append(slices.Clip(dst), 0, 0)
	}
	for _, v := range src {
		e.sum = 0.9*e.sum + 0.1*v
		dst = append(dst, e.sum)
	}
	return dst
}

func TestBrokenEffectsAreFound(t *testing.T) {
	for fault, want := range map[string]string{
		"": "", "reset": "different after Reset", "overwrites": "dst held was changed", "odd": "not whole samples",
		"changes src": "input was changed", "blocks": "in one piece", "infinite": "is NaN", "allocates": "allocations a frame",
	} {
		expect(t, fault, judge(t, effectChecks(func(testing.TB) audio.Effect { return &plainEffect{fault: fault} })), want)
	}
}
