package pipeline

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"segue/audio"
	"segue/audio/resample"
)

// A trap is a demuxer, decoder or encoder that panics after so many calls.
type trap struct {
	audio.Demuxer
	audio.Decoder
	audio.Encoder
	after int
}

func (t *trap) step() {
	if t.after--; t.after < 0 {
		panic("a foreign file did this")
	}
}

func (t *trap) ReadPacket() (audio.Packet, error) {
	t.step()
	return t.Demuxer.ReadPacket()
}

func (t *trap) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	t.step()
	return t.Decoder.Decode(dst, p)
}

func (t *trap) Encode(dst []byte, pcm []float32) ([]byte, error) {
	t.step()
	return t.Encoder.Encode(dst, pcm)
}

// only one of these is in doubt in a trapped one.
type (
	trappedDemuxer struct{ *trap }
	trappedDecoder struct{ *trap }
	trappedEncoder struct{ *trap }
)

func (t trappedDemuxer) Codec() audio.CodecInfo { return t.Demuxer.Codec() }
func (t trappedDecoder) Reset()                 { t.Decoder.Reset() }
func (t trappedEncoder) Reset()                 { t.Encoder.Reset() }

// A panic in the goroutines of one track would end the process, and with it the
// music of every other guild.
func TestAPanicEndsItsOwnTrackOnly(t *testing.T) {
	for name, set := range map[string]func(*Stream){
		"demuxer": func(s *Stream) { s.from = trappedDemuxer{&trap{Demuxer: s.demux, after: 20}} },
		"decoder": func(s *Stream) {
			make := s.o.Decoder
			s.o.Decoder = func(c audio.CodecInfo) (audio.Decoder, error) {
				d, err := make(c)
				return trappedDecoder{&trap{Decoder: d, after: 20}}, err
			}
		},
		"encoder": func(s *Stream) {
			make := s.o.Encoder
			s.o.Encoder = func() (audio.Encoder, error) {
				e, err := make()
				return trappedEncoder{&trap{Encoder: e, after: 20}}, err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := standIn(evenly(100))
				s.Want(loud)
				set(s)
				p := Start(context.Background(), s)
				n := 0
				for synctest.Wait(); !p.Ended(); synctest.Wait() {
					if _, ok := p.Take(); ok {
						n++
					}
				}
				if err := p.Err(); err == nil || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "a foreign file did this") {
					t.Errorf("ended with %v", err)
				}
				if n < 10 || n > 20 {
					t.Errorf("%d frames before", n)
				}
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// What a container claims of a packet that cannot be decoded is no reason to
// allocate that much.
func TestADamagedPacketIsNotConcealedForEver(t *testing.T) {
	for _, claimed := range []int64{1 << 20, 1 << 45, 1<<63 - 1, -1 << 62} {
		in := newIntake(&decoder{rate: 48000, channels: 2}, &resample.Tables{}, 0)
		in.reset(place{})
		pcm, damaged, err := in.take(nil, timed{Packet: audio.Packet{Data: []byte("damaged")}, length: claimed})
		if !damaged || err != nil {
			t.Errorf("claimed %d: damaged %v, %v", claimed, damaged, err)
		}
		if n := int64(len(pcm) / audio.Channels); n != max(0, min(claimed, believed)) {
			t.Errorf("claimed %d: concealed with %d samples", claimed, n)
		}
	}
}
