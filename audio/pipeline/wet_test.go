package pipeline

import (
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/opus"
	"segue/audio/effect"
)

// over is a demuxer of the same packets again and again.
type over struct {
	info    audio.CodecInfo
	packets []audio.Packet
	n       int
}

func (o *over) Codec() audio.CodecInfo { return o.info }
func (o *over) Info() audio.Info       { return audio.Info{} }

func (o *over) ReadPacket() (audio.Packet, error) {
	p := o.packets[o.n%len(o.packets)]
	p.PTS = int64(o.n) * p.Duration
	o.n++
	return p, nil
}

// sounds is what is tried for its cost: by name, in the order of that.
func sounds() map[string]effect.Settings {
	all := effect.Defaults()
	all.Volume, all.Equalizer = effect.Percent(150), effect.Equalizer{0.2, 0.1, 13: 0.1}
	all.Timescale.Speed, all.Timescale.Pitch = 1.1, 0.9
	every := map[string]effect.Settings{"volume": {Volume: effect.Percent(80)}, "loud": {Volume: effect.Percent(300)}, "equalizer": {Equalizer: all.Equalizer}, "all": all}
	for _, p := range effect.Presets() {
		every[p.Name] = p.Settings
	}
	return every
}

// repeated is music as packets that pass, or as PCM of 44100 Hz that never can.
func repeated(t testing.TB, pcm bool) *over {
	t.Helper()
	music := audiotest.Music(2 * audio.SampleRate)
	if pcm {
		o := &over{info: audio.CodecInfo{Name: "pcm_s16le", SampleRate: 44100, Channels: 2}}
		for at := 0; at+1764 <= len(music); at += 1764 { // 20 ms of 44100 Hz
			p := audio.Packet{Duration: audio.FrameSamples}
			for _, v := range music[at : at+1764] {
				p.Data = append(p.Data, byte(int16(v*32767)), byte(int16(v*32767)>>8))
			}
			o.packets = append(o.packets, p)
		}
		return o
	}
	enc, err := opusEncoder()
	if err != nil {
		t.Fatal(err)
	}
	o := &over{info: audio.CodecInfo{Name: "opus", SampleRate: audio.SampleRate, Channels: 2}}
	for at := 0; at < len(music); at += frameLen {
		b, err := enc.Encode(nil, music[at:at+frameLen])
		if err != nil {
			t.Fatal(err)
		}
		o.packets = append(o.packets, audio.Packet{Data: b, Duration: audio.FrameSamples})
	}
	return o
}

func (o *over) Seek(time.Duration) (time.Duration, error) { return 0, audio.ErrNotSeekable }

func (o *over) stream(e effect.Settings) *Stream {
	return New(&over{info: o.info, packets: o.packets}, nothing{}, Options{Encoder: opusEncoder, Settings: e})
}

// TestChangedFrameAllocatesNothing: a slab for forty frames is all there is, whatever
// is done to the sound.
func TestChangedFrameAllocatesNothing(t *testing.T) {
	allowed := 0.0
	if strings.Contains(opus.Build(), "layeh") {
		allowed = 1 // a slice for each packet
	}
	for _, pcm := range []bool{false, true} {
		from := repeated(t, pcm)
		for name, e := range sounds() {
			if pcm && name != "all" && name != "nightcore" {
				continue // how it was decoded makes no difference to effects
			}
			if raced && name != "all" && name != "volume" && name != "nightcore" {
				continue
			}
			s := from.stream(e)
			for range 70 { // until all has its size
				if _, err := s.Next(); err != nil {
					t.Fatal(err)
				}
			}
			if n := testing.AllocsPerRun(50, func() { _, _ = s.Next() }); n > allowed || s.Stats().Transcoded < 120 {
				t.Errorf("%s, %s: %v allocations a frame, %+v", from.info.Name, name, n, s.Stats())
			}
		}
	}
}

// BenchmarkChanged is a frame the long way, decoded and encoded as Opus. 3000 frames
// are a minute.
func BenchmarkChanged(b *testing.B) {
	from := repeated(b, false)
	every := sounds()
	for _, name := range []string{"nothing", "volume", "loud", "equalizer", "bassboost", "nightcore", "vaporwave", "reverb", "all"} {
		b.Run(name, func(b *testing.B) {
			s := from.stream(every[name])
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Next(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(3000*b.Elapsed().Seconds()/float64(b.N), "s/min")
		})
	}
}
