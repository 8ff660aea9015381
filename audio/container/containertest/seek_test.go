package containertest

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/container/input"
)

// steps is a format of packets of 100 bytes, 20 ms each. fault breaks its seeking.
type steps struct {
	fault string
	r     *input.Reader
	at    int64 // the next packet
	given [][]byte
}

func stepper(fault string) Opener {
	return func(m *audio.Media) (audio.Demuxer, error) {
		d := &steps{fault: fault, r: input.New(m)}
		if fault == "reads all to open" {
			_, _ = io.Copy(io.Discard, m)
			d.r.Measure()
			_ = d.r.Jump(1)
			_ = d.r.Jump(0)
		}
		return d, nil
	}
}

func (d *steps) Info() audio.Info       { return audio.Info{Container: "steps"} }
func (d *steps) Codec() audio.CodecInfo { return audio.CodecInfo{Name: "steps"} }

func (d *steps) ReadPacket() (audio.Packet, error) {
	b, err := d.r.Keep(100)
	if err != nil {
		return audio.Packet{}, io.EOF
	}
	if d.fault == "takes back" {
		b = bytes.Clone(b)
		d.given = append(d.given, b)
	}
	d.at++
	return audio.Packet{Data: b, PTS: (d.at - 1) * 960, Duration: 960}, nil
}

func (d *steps) Seek(to time.Duration) (time.Duration, error) {
	n := input.Samples(to) / 960
	d.at = n
	switch d.fault {
	case "fails":
		return 0, errors.New("out of sorts")
	case "late":
		n, d.at = n+3, n+3
	case "early":
		n, d.at = max(0, n-100), max(0, n-100)
	case "takes back":
		for _, b := range d.given {
			clear(b)
		}
	case "another packet":
		n++
	case "between":
		defer func() { d.at = 1 << 40 }()
	case "reads all":
		_ = d.r.Jump(0)
		_ = d.r.Skip(100 * n)
		_, _ = d.r.Peek(400_000)
	}
	return input.Duration(d.at * 960), d.r.Jump(100 * n)
}

func TestBrokenSeekingIsFound(t *testing.T) {
	b := make([]byte, 0, 500_000)
	for i := range 5000 {
		b = append(b, bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 50)...)
	}
	for fault, want := range map[string]string{
		"":                  "",
		"fails":             "out of sorts",
		"late":              "landed at",
		"early":             "landed at",
		"another packet":    "another packet at",
		"takes back":        "did not stay",
		"between":           "landed at",
		"reads all":         "bytes",
		"reads all to open": "opening read",
	} {
		found := audiotest.Found(t, func(v testing.TB) { TestSeeks(v, stepper(fault), b, time.Second, 100_000) })
		if want == "" && found != "" || !strings.Contains(found, want) {
			t.Errorf("%q: found %q, want %q", fault, found, want)
		}
	}
}

func TestReadingIsMeasured(t *testing.T) {
	r := testing.Benchmark(func(b *testing.B) { BenchmarkRead(b, stepper(""), make([]byte, 10_000)) })
	if r.N < 200 || r.NsPerOp() <= 0 || r.Extra["x-floor"] < 1 {
		t.Errorf("%d packets, %v", r.N, r)
	}
}
