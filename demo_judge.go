package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"segue/audio"
	"segue/audio/codec"
	"segue/audio/container"
	"segue/audio/container/ogg"
	"segue/audio/container/wav"
	"segue/audio/meter"
	"segue/audio/resample"
	"segue/discordtest/listener"
	"segue/music"
)

// Limits of what counts as the music. Opus at 128 kbit/s differs from its
// source by -12 to -25 dB on music; anything else differs by 0 dB or more.
const (
	worstError = -8.0 // dB, error to signal over the whole
	breakLimit = 0.0  // dB, a block of 20 ms this far off is something else
)

// verdict is what a listener heard, held against the source.
type verdict struct {
	packets, sealed, gaps, undecipherable int
	passed                                bool // the source's own packets are what should be heard
	same                                  int  // packets bit for bit equal, in order, from the first
	want                                  int  // packets the source has
	shift                                 int  // samples, of the heard against the source
	errorDB                               float64
	breaks                                []meter.Break
	wantSeconds, seconds                  float64
	spacing                               float64 // ms, mean time between packets
}

// good is the verdict in one word.
func (v *verdict) good() bool {
	whole := v.packets > 0 && v.sealed == v.packets && v.gaps == 0 && v.undecipherable == 0
	if v.passed {
		return whole && v.same == v.want && v.packets == v.want
	}
	return whole && v.shift == 0 && v.errorDB <= worstError && len(v.breaks) == 0 && math.Abs(v.seconds-v.wantSeconds) <= 0.04
}

func (v *verdict) print(d *demo) {
	mark := func(ok bool) string {
		if ok {
			return "ok "
		}
		return "BAD"
	}
	d.say("%s encryption: %d of %d packets end-to-end encrypted, %d could not be read", mark(v.sealed == v.packets && v.undecipherable == 0), v.sealed, v.packets, v.undecipherable)
	d.say("%s continuity: %d gaps, %.3f ms between packets on average", mark(v.gaps == 0), v.gaps, v.spacing)
	if v.passed {
		d.say("%s passthrough: %d of %d packets are bit for bit those of the source", mark(v.same == v.want && v.packets == v.want), v.same, v.want)
		return
	}
	d.say("%s length: %.3f s heard, %.3f s in the source", mark(math.Abs(v.seconds-v.wantSeconds) <= 0.04), v.seconds, v.wantSeconds)
	d.say("%s alignment: %d samples off", mark(v.shift == 0), v.shift)
	d.say("%s likeness: error %.1f dB below the music, %d breaks", mark(v.errorDB <= worstError && len(v.breaks) == 0), -v.errorDB, len(v.breaks))
}

// judge compares what was heard with the source, which it opens and decodes
// apart from the player.
func (d *demo) judge(ctx context.Context, heard *listener.Heard) (*verdict, error) {
	music, closing := withoutSilence(heard.Packets)
	v := &verdict{packets: len(music), gaps: len(heard.Gaps), undecipherable: heard.Undecryptable + heard.Undecodable, passed: true}
	for _, p := range music {
		if p.E2EE {
			v.sealed++
		}
	}
	if len(music) > 1 {
		v.spacing = music[len(music)-1].At.Sub(music[0].At).Seconds() * 1000 / float64(len(music)-1)
	}
	ref, err := d.reference(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot open the source to compare: %w", err)
	}
	if ref.passes {
		v.want = len(ref.packets)
		for v.same < len(music) && v.same < v.want && bytes.Equal(music[v.same].Opus, ref.packets[v.same].Data) {
			v.same++
		}
		return v, nil
	}
	v.passed = false
	pcm := heard.PCM
	if closing < len(heard.Packets) {
		pcm = pcm[:heard.Packets[closing].Start*audio.Channels]
	}
	v.wantSeconds, v.seconds = seconds(ref.pcm), seconds(pcm)
	m := meter.Compare(ref.pcm, pcm, audio.SampleRate/10)
	v.shift, v.errorDB = m.Shift, m.ErrorDB
	v.breaks = meter.Breaks(ref.pcm, pcm, m.Shift, breakLimit, audio.SampleRate)
	return v, nil
}

func seconds(pcm []float32) float64 { return float64(len(pcm)) / (audio.Channels * audio.SampleRate) }

// withoutSilence cuts the silence frames off that close a speech, and says
// where they begin.
func withoutSilence(ps []listener.Packet) (music []listener.Packet, end int) {
	end = len(ps)
	for end > 0 && bytes.Equal(ps[end-1].Opus, []byte{0xf8, 0xff, 0xfe}) {
		end--
	}
	return ps[:end], end
}

// reference is a source as it should be heard.
type reference struct {
	passes  bool // every packet may be sent as it is
	packets []audio.Packet
	pcm     []float32
}

// reference decodes the source with the containers and codecs, but without the
// pipeline, the player and the voice connection that are on trial.
func (d *demo) reference(ctx context.Context) (*reference, error) {
	m, err := d.source(ctx)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	dm, err := container.Open(m)
	if err != nil {
		return nil, err
	}
	ref := &reference{passes: dm.Codec().Name == "opus" && dm.Codec().GainDB == 0}
	var trim int64
	for {
		p, err := dm.ReadPacket()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		ref.passes = ref.passes && p.Duration == audio.FrameSamples
		trim += p.TrimEnd
		ref.packets = append(ref.packets, p)
	}
	if ref.passes {
		return ref, nil
	}
	dec, err := codec.NewDecoder(dm.Codec())
	if err != nil {
		return nil, err
	}
	ref.pcm, err = decodeAll(dec, ref.packets)
	if skip := int(dm.Codec().PreSkip) * audio.Channels; skip < len(ref.pcm) {
		ref.pcm = ref.pcm[skip:]
	}
	ref.pcm = ref.pcm[:max(0, len(ref.pcm)-int(trim)*audio.Channels)]
	return ref, err
}

// decodeAll gives the packets' sound in the engine's format.
func decodeAll(dec audio.Decoder, ps []audio.Packet) (out []float32, err error) {
	var rs *resample.Resampler
	var raw []float32
	for _, p := range ps {
		if raw, err = dec.Decode(raw[:0], p); err != nil {
			return nil, err
		}
		if rs == nil && len(raw) > 0 {
			rate, channels := dec.Format()
			if rs, err = resample.New(new(resample.Tables), rate, channels); err != nil {
				return nil, err
			}
		}
		if rs != nil {
			out = rs.Process(out, raw)
		}
	}
	if rs != nil {
		out = rs.Flush(out)
	}
	return out, nil
}

// source opens what was played, for a second time.
func (d *demo) source(ctx context.Context) (*audio.Media, error) {
	if d.file != "" {
		return openInput(ctx, d.w, d.cfg, d.file)
	}
	lib, err := library(d.cfg, newLogger(d.w, d.cfg))
	if err != nil {
		return nil, err
	}
	res, err := lib.Resolve(ctx, music.Query{Text: d.query})
	if err != nil {
		return nil, sentence(err)
	}
	if len(res.Tracks) == 0 {
		return nil, errors.New("nothing was found")
	}
	return lib.Open(ctx, res.Tracks[0])
}

// writeHeard writes what was heard: decoded to a .wav, or the packets as they
// came to an .opus.
func writeHeard(path string, heard *listener.Heard) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if filepath.Ext(path) == ".wav" {
		err = writeWAV(f, heard.PCM)
	} else {
		err = writeOpus(f, heard.Packets)
	}
	return errors.Join(err, f.Close())
}

func writeWAV(f *os.File, pcm []float32) error {
	w, err := wav.NewWriter(f, wav.Format{Rate: audio.SampleRate, Channels: audio.Channels})
	if err != nil {
		return err
	}
	return errors.Join(w.Write(pcm), w.Close())
}

func writeOpus(f *os.File, ps []listener.Packet) error {
	w, err := ogg.NewWriter(f, ogg.Head{Channels: audio.Channels, InputRate: audio.SampleRate}, []string{"TITLE=What the listener heard"})
	if err != nil {
		return err
	}
	var at int64
	for _, p := range ps {
		at += audio.FrameSamples
		if err := w.WritePacket(p.Opus, at); err != nil {
			return err
		}
	}
	return w.Close(at)
}
