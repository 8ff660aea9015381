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
	"segue/audio/codec/opus"
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
	packets, sealed, lost, undecipherable int
	pauses                                int  // places where the sender's clock ran on without a packet
	passed                                bool // the source's own packets are what should be heard
	same                                  int  // packets bit for bit equal, in order, from the first
	want                                  int  // packets the source has
	shift                                 int  // samples, of the heard against the source
	errorDB                               float64
	breaks                                []meter.Break
	wantSeconds, seconds                  float64
	spacing                               float64 // ms, mean time between packets
}

// whole reports whether nothing is missing and nothing came in the clear.
func (v *verdict) whole() bool { return v.packets > 0 && v.lost == 0 }

func (v *verdict) secret() bool { return v.sealed == v.packets && v.undecipherable == 0 }

func (v *verdict) identical() bool { return v.same == v.want && v.packets == v.want }

func (v *verdict) inLength() bool { return math.Abs(v.seconds-v.wantSeconds) <= 0.04 }

func (v *verdict) alike() bool { return v.errorDB <= worstError && len(v.breaks) == 0 }

// good is the verdict in one word. Pauses do not spoil it: they say that this
// machine was busy, not that music is missing.
func (v *verdict) good() bool {
	if v.passed {
		return v.whole() && v.secret() && v.identical()
	}
	return v.whole() && v.secret() && v.shift == 0 && v.inLength() && v.alike()
}

func (v *verdict) print(d *demo) {
	line := func(ok bool, format string, args ...any) {
		mark := "ok "
		if !ok {
			mark = "BAD"
		}
		d.say(mark+" "+format, args...)
	}
	line(v.secret(), "encryption: %d of %d packets end-to-end encrypted, %d could not be read", v.sealed, v.packets, v.undecipherable)
	line(v.whole(), "continuity: %d packets lost, %d pauses, %.3f ms between packets on average", v.lost, v.pauses, v.spacing)
	if v.passed {
		line(v.identical(), "passthrough: %d of %d packets are bit for bit those of the source", v.same, v.want)
		return
	}
	line(v.inLength(), "length: %.3f s heard, %.3f s in the source", v.seconds, v.wantSeconds)
	line(v.shift == 0, "alignment: %d samples off", v.shift)
	line(v.alike(), "likeness: the error is %.1f dB below the music, %d breaks", -v.errorDB, len(v.breaks))
}

// judge compares what was heard with the source, which it opens and decodes
// apart from the player.
func (d *demo) judge(ctx context.Context, heard *listener.Heard) (*verdict, error) {
	music := withoutSilence(heard.Packets)
	v := &verdict{packets: len(music), lost: heard.Lost, undecipherable: heard.Undecryptable + heard.Undecodable, passed: true}
	for i, p := range music {
		if p.E2EE {
			v.sealed++
		}
		if i > 0 && p.Timestamp-music[i-1].Timestamp != audio.FrameSamples {
			v.pauses++
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
	pcm, err := joined(music)
	if err != nil {
		return nil, err
	}
	v.wantSeconds, v.seconds = seconds(ref.pcm), seconds(pcm)
	m := meter.Compare(ref.pcm, pcm, audio.SampleRate/10)
	v.shift, v.errorDB = m.Shift, m.ErrorDB
	v.breaks = meter.Breaks(ref.pcm, pcm, m.Shift, breakLimit, audio.SampleRate/10)
	return v, nil
}

func seconds(pcm []float32) float64 { return float64(len(pcm)) / (audio.Channels * audio.SampleRate) }

// withoutSilence leaves out the silence frames that close a speech, also one that
// the sender had to pause in: those it adds itself go in the clear.
func withoutSilence(ps []listener.Packet) []listener.Packet {
	bare := func(p listener.Packet) bool { return bytes.Equal(p.Opus, []byte{0xf8, 0xff, 0xfe}) }
	end := len(ps)
	for end > 0 && bare(ps[end-1]) {
		end--
	}
	var music []listener.Packet
	for _, p := range ps[:end] {
		if p.E2EE || !bare(p) {
			music = append(music, p)
		}
	}
	return music
}

// joined decodes packets one right after the other, whatever time lay between.
func joined(ps []listener.Packet) (pcm []float32, err error) {
	dec, err := opus.NewDecoder()
	for _, p := range ps {
		if err != nil {
			return nil, err
		}
		pcm, err = dec.Decode(pcm, audio.Packet{Data: p.Opus})
	}
	return pcm, err
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
