package pipeline

import (
	"sync/atomic"

	"segue/audio"
	"segue/audio/codec/opus"
)

// A framing stands between a demuxer and its stream and brings Opus packets that
// may pass to 20 ms, as far as that can be done without decoding.
type framing struct {
	from    packets
	framer  opus.Framer
	on      bool         // what comes is Opus that may pass
	behind  audio.Packet // the first of a stream that may not, to come after the framer's
	holding bool         // there is one
	ended   error
	damaged *atomic.Int64
}

func (f *framing) ReadPacket() (audio.Packet, error) {
	for {
		if p, ok := f.framer.Take(); ok {
			return p, nil
		}
		if f.holding {
			p := f.behind
			f.behind, f.holding = audio.Packet{}, false
			return p, nil
		}
		if f.ended != nil {
			return audio.Packet{}, f.ended
		}
		p, err := f.from.ReadPacket()
		switch {
		case err != nil:
			f.ended = err
			f.framer.Flush()
		case p.Codec != nil && !mayPass(*p.Codec):
			f.framer.Flush()
			f.on, f.behind, f.holding = false, p, true
		case !f.on && p.Codec == nil:
			return p, nil
		default:
			f.on = true
			if f.framer.Put(p) {
				f.damaged.Add(1)
			}
		}
	}
}

// Rest lets go of what the demuxer has only for reading on.
func (f *framing) Rest() {
	if r, ok := f.from.(resting); ok {
		_ = guard(func() error { r.Rest(); return nil })
	}
}

// restart begins anew with packets from elsewhere. Frames line up with the one
// that holds what is at the container's time target.
func (f *framing) restart(target int64) {
	f.framer.Reset(target)
	f.behind, f.holding, f.ended = audio.Packet{}, false, nil
}
