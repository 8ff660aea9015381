package opus

import (
	"bytes"
	"sync"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
)

// TestManyCodeSideBySide: encoders and decoders share nothing that changes. It is
// for the race detector, and each must give what it gives by itself.
func TestManyCodeSideBySide(t *testing.T) {
	music := audiotest.Music(audio.SampleRate / 2)
	code := func(bitrate int) (packets []byte) {
		e, d := mustEncoder(t, EncoderOptions{Bitrate: bitrate}), mustDecoder(t)
		var pcm []float32
		for at := 0; at+1920 <= len(music); at += 1920 {
			p, err := e.Encode(nil, music[at:at+1920])
			if err == nil {
				pcm, err = d.Decode(pcm[:0], audio.Packet{Data: p, Duration: audio.FrameSamples})
			}
			if err != nil || len(pcm) != 1920 {
				t.Errorf("%d values, %v", len(pcm), err)
				return nil
			}
			packets = append(packets, p...)
		}
		return packets
	}
	var made [8][]byte
	var all sync.WaitGroup
	for i := range made {
		all.Go(func() { made[i] = code(32_000 << (i % 3)) })
	}
	all.Wait()
	for i, got := range made {
		if want := code(32_000 << (i % 3)); !bytes.Equal(got, want) {
			t.Errorf("coder %d of many gives something else than alone", i)
		}
	}
}
