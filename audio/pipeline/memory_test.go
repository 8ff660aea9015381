package pipeline

import (
	"bytes"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/effect"
	"segue/audio/governor"
	"segue/audio/resample"
	"segue/testdata"
)

// A costly is a way of playing, and what one track of those may take that are
// played so: bytes of packets, with their places in the ring, and beside them.
type costly struct {
	sound, want     string // what is played, and with which effects, as JSON; "" passes
	then            string // what is wanted for the second half, if anything
	tracks, others  int    // that are measured, and that only share memory with them
	taken           int    // frames of each
	packets, beside int
}

const (
	passing     = 64 << 10
	transcoding = 1228 << 10 // 1.2 MiB; the encoder has 620 KB of it, and the decoder of Opus 170
)

// TestTracksCostTheirPacketsAndLittleMore looks at what tracks cost that play, and
// those that are only made ready. Beside the packets of one that passes are the
// reader's buffer, which holds a page of 21 KB, and what else the stream needs; one
// that waits has only what is left of the page, and one that passes again lets go of its
// coder after five seconds. Of one that is encoded it is mostly
// the encoder.
func TestTracksCostTheirPacketsAndLittleMore(t *testing.T) {
	const wav = 770 << 10 // four seconds at 44.1 kHz, and places for them
	for name, c := range map[string]costly{
		"made ready":                   {testdata.Lantern, "", "", 20, 0, 0, 56 << 10, 32 << 10},
		"made ready, and many players": {testdata.Lantern, "", "", 20, 2000, 0, 16 << 10, 32 << 10},
		"playing":                      {testdata.Lantern, "", "", 20, 0, 200, 96 << 10, passing},
		"playing, and many players":    {testdata.Lantern, "", "", 20, 2000, 200, 28 << 10, passing},
		"passing again":                {testdata.Lantern, `{"volume": 0.5}`, `{}`, 4, 0, 700, 96 << 10, passing},
		"a WAV":                        {testdata.Clockwork, "", "", 4, 0, 50, wav, 800 << 10},
		"a WAV, softer":                {testdata.Clockwork, `{"volume": 0.5}`, "", 4, 0, 50, wav, 800 << 10},
		"softer":                       {testdata.Lantern, `{"volume": 0.5}`, "", 4, 0, 100, 96 << 10, 1000 << 10},
	} {
		t.Run(name, c.check)
	}
}

// TestEveryEffectHasRoomInAPlayer plays with each effect as it is by default, with
// those that take more if they are told to, and with several at once.
func TestEveryEffectHasRoomInAPlayer(t *testing.T) {
	const bass = `"equalizer": [{"band": 0, "gain": 0.2}]`
	for name, want := range map[string]string{
		"equalizer":    `{` + bass + `}`,
		"speed":        `{"timescale": {"speed": 1.2}}`,
		"half speed":   `{"timescale": {"speed": 0.5}}`,
		"double speed": `{"timescale": {"speed": 2}}`,
		"pitch":        `{"timescale": {"pitch": 1.3}}`,
		"nightcore":    `{"timescale": {"speed": 1.2, "pitch": 1.2}}`,
		"vaporwave":    `{"timescale": {"speed": 0.8, "pitch": 0.8}}`,
		"a tenth":      `{"timescale": {"speed": 0.1}}`,
		"ten times":    `{"timescale": {"speed": 10}}`,
		"ten as high":  `{"timescale": {"rate": 10}}`,
		"vibrato":      `{"vibrato": {}}`,
		"echo":         `{"echo": {}}`,
		"a late echo":  `{"echo": {"delay": 500}}`,
		"reverb":       `{"reverb": {}}`,
		"chorus":       `{"chorus": {"delay": 45}}`,

		"all that remember little": `{"karaoke": {}, "tremolo": {}, "rotation": {"rotationHz": 0.2}, "distortion": {"scale": 0.5}, "channelMix": {"leftToRight": 0.5},
			"lowPass": {}, "highPass": {}, "compressor": {}, "normalization": {}}`,

		"faster, in a hall, with an equalizer": `{"timescale": {"speed": 1.2}, "reverb": {}, ` + bass + `}`,
		"nightcore in a hall, the same":        `{"timescale": {"speed": 1.2, "pitch": 1.2}, "reverb": {}, ` + bass + `}`,
	} {
		c := costly{testdata.Lantern, want, "", 4, 0, 100, 100 << 10, transcoding}
		t.Run(name, c.check)
	}
}

func (c *costly) check(t *testing.T) {
	// What else the process does can only add to the heap: the least of a few looks
	// is the tracks' own.
	held, beside := c.measure(t)
	for range 4 {
		if held > c.packets || beside <= c.beside {
			break
		}
		held, beside = c.measure(t)
	}
	if held > c.packets || beside > c.beside {
		t.Errorf("%d bytes of packets, %d beside them; at most %d and %d", held, beside, c.packets, c.beside)
	}
	t.Logf("%d bytes of packets, %d beside them", held, beside)
}

// measure is what one of the tracks takes: bytes of packets, and beside them.
func (c *costly) measure(t *testing.T) (held, beside int) {
	data, err := testdata.Sounds.ReadFile(c.sound)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		o := Options{
			Governor: governor.New(), Tables: &resample.Tables{},
			Encoder: func() (audio.Encoder, error) { return opus.NewEncoder(opus.EncoderOptions{}) },
		}
		if c.want != "" {
			if err := o.Settings.UnmarshalJSON([]byte(c.want)); err != nil {
				t.Fatal(err)
			}
		}
		for range c.others {
			o.Governor.Opened()
		}
		if err := c.play(t, data, o, 1).Close(); err != nil { // what all share
			t.Fatal(err)
		}
		before := heap()
		last := c.play(t, data, o, c.tracks)
		time.Sleep(time.Second)
		synctest.Wait()
		held = last.Stats().Bytes
		beside = int(heap()-before)/c.tracks - held
		if transcodes := last.Mode() == Transcode; transcodes != (c.want != "" && c.then == "" || c.sound == testdata.Clockwork) {
			t.Errorf("it plays by %v", last.Mode())
		}
	})
	return held, beside
}

// play starts so many tracks and returns the last; the others end with the test.
func (c *costly) play(t *testing.T, data []byte, o Options, tracks int) (p *Pump) {
	for range tracks {
		s, err := Open(&audio.Media{ReadCloser: io.NopCloser(bytes.NewReader(data)), Size: -1}, o)
		if err != nil {
			t.Fatal(err)
		}
		p = Start(t.Context(), s)
		t.Cleanup(func() { _ = p.Close() })
		for i := range c.taken {
			if c.then != "" && i == c.taken/2 {
				var s effect.Settings
				if err := s.UnmarshalJSON([]byte(c.then)); err != nil {
					t.Fatal(err)
				}
				p.stream.Want(s)
			}
			synctest.Wait()
			if _, ok := p.Take(); !ok {
				t.Fatal("no frame")
			}
		}
	}
	return p
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // what pools held for one more round
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
