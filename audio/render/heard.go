package render

import (
	"math"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/loudness"
)

// held is how many samples per channel heard keeps back, because the end of the
// music may turn out to lie before them.
const held = 2 * audio.FrameSamples

// heard decodes frames as a listener does, with one decoder that is never reset,
// and gives the music in them, without what lies before and behind it, to to.
type heard struct {
	dec   audio.Decoder
	to    func(pcm []float32) error
	pcm   []float32 // not yet given
	skip  int64     // still to be dropped
	given int64
}

func newHeard(to func(pcm []float32) error) (*heard, error) {
	dec, err := opus.NewDecoder()
	return &heard{dec: dec, to: to}, err
}

func (h *heard) write(f audio.Frame) (err error) {
	if h.pcm, err = h.dec.Decode(h.pcm, audio.Packet{Data: f.Opus, Duration: audio.FrameSamples}); err != nil {
		return err
	}
	if n := min(h.skip, int64(len(h.pcm)/audio.Channels)); n > 0 {
		h.skip -= n
		h.drop(n)
	}
	return h.give(int64(len(h.pcm)/audio.Channels) - held)
}

// end gives what is left of length samples in all.
func (h *heard) end(length int64) error {
	return h.give(min(length-h.given, int64(len(h.pcm)/audio.Channels)))
}

// give gives the first n samples waiting.
func (h *heard) give(n int64) error {
	if n <= 0 {
		return nil
	}
	if err := h.to(h.pcm[:n*audio.Channels]); err != nil {
		return err
	}
	h.given += n
	h.drop(n)
	return nil
}

func (h *heard) drop(n int64) { h.pcm = h.pcm[:copy(h.pcm, h.pcm[n*audio.Channels:])] }

// A measured sink also hears the music, to say how loud it is.
type measured struct {
	Sink
	own   *heard // decodes for the meter; nil if the sink decodes anyway
	meter *loudness.Meter
	took  time.Duration // by the clock
	cpu   time.Duration // of the processor's, all of the process's meanwhile
}

// begin is called before something is measured, end with what it gave after.
func (m *measured) begin() (clock time.Time, cpu time.Duration) { return time.Now(), cpuTime() }

func (m *measured) end(clock time.Time, cpu time.Duration) {
	m.took += time.Since(clock)
	m.cpu += cpuTime() - cpu
}

// measure makes sink a measured one.
func measure(sink Sink) (*measured, error) {
	m := &measured{Sink: sink, meter: loudness.New()}
	if w, ok := sink.(*wavSink); ok {
		write := w.to
		w.to = func(pcm []float32) error {
			clock, cpu := m.begin()
			m.meter.Add(pcm)
			m.end(clock, cpu)
			return write(pcm)
		}
		return m, nil
	}
	var err error
	m.own, err = newHeard(func(pcm []float32) error {
		m.meter.Add(pcm)
		return nil
	})
	return m, err
}

func (m *measured) Start(skip int64, info audio.Info) error {
	if m.own != nil {
		m.own.skip = skip
	}
	return m.Sink.Start(skip, info)
}

func (m *measured) Write(f audio.Frame) error {
	if m.own != nil {
		clock, cpu := m.begin()
		err := m.own.write(f)
		m.end(clock, cpu)
		if err != nil {
			return err
		}
	}
	return m.Sink.Write(f)
}

func (m *measured) End(length int64) error {
	if m.own != nil {
		if err := m.own.end(length); err != nil {
			return err
		}
	}
	return m.Sink.End(length)
}

// rounded is v to two decimals, nil if it is no number for JSON.
func rounded(v float64) *float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	v = math.Round(v*100) / 100
	return &v
}
