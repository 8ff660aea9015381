// Command compose makes the music the program ships with, from nothing but
// arithmetic: oscillators, envelopes, a little noise from a fixed seed, and two
// pieces written down as notes.
//
//	go run ./audio/audiotest/compose [-o DIR] [-master FILE]
//
// It writes lantern.opus and clockwork.wav into DIR (testdata/sounds), and with
// -master the lossless original of lantern as WAV. Every run gives the same
// sound; on another kind of processor a few samples may be off by one.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/container/ogg"
	"segue/audio/container/wav"
)

func main() {
	dir := flag.String("o", filepath.Join("testdata", "sounds"), "folder to write to")
	master := flag.String("master", "", "where to write the lossless original of lantern")
	flag.Parse()
	if err := run(*dir, *master); err != nil {
		fmt.Fprintln(os.Stderr, "compose:", err)
		os.Exit(1)
	}
}

func run(dir, master string) error {
	song := lantern()
	err := write(filepath.Join(dir, "lantern.opus"), func(w io.Writer) error { return writeOpus(w, song) })
	if err != nil {
		return err
	}
	err = write(filepath.Join(dir, "clockwork.wav"), func(w io.Writer) error { return writeWAV(w, clockwork(), clockworkRate) })
	if err != nil || master == "" {
		return err
	}
	return write(master, func(w io.Writer) error { return writeWAV(w, song, lanternRate) })
}

func write(path string, f func(io.Writer) error) error {
	w, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(f(w), w.Close())
}

// floats gives 16-bit samples in the range of -1 to 1.
func floats(pcm []int16) []float32 {
	out := make([]float32, len(pcm))
	for i, v := range pcm {
		out[i] = float32(v) / 32768
	}
	return out
}

func writeWAV(w io.Writer, pcm []int16, rate int) error {
	x, err := wav.NewWriter(w, wav.Format{Rate: rate, Channels: audio.Channels})
	if err != nil {
		return err
	}
	return errors.Join(x.Write(floats(pcm)), x.Close())
}

// writeOpus encodes stereo at 48 kHz to Ogg Opus at the encoder's default, 128
// kbit/s.
func writeOpus(w io.Writer, pcm []int16) error {
	enc, err := opus.NewEncoder(opus.EncoderOptions{})
	if err != nil {
		return err
	}
	skip := enc.Lookahead()
	file, err := ogg.NewWriter(w, ogg.Head{Channels: audio.Channels, PreSkip: skip, InputRate: lanternRate},
		[]string{"TITLE=Lantern", "ARTIST=Segue", "ALBUM=Bundled music"})
	if err != nil {
		return err
	}
	const frame = audio.FrameSamples * audio.Channels
	end := int64(skip + len(pcm)/audio.Channels)
	rest := floats(pcm)
	for granule := int64(0); granule < end; {
		var in [frame]float32
		rest = rest[copy(in[:], rest):]
		packet, err := enc.Encode(nil, in[:])
		if err != nil {
			return err
		}
		granule += audio.FrameSamples
		if err := file.WritePacket(packet, granule); err != nil {
			return err
		}
	}
	return file.Close(end)
}
