package render

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"segue/audio"
	"segue/audio/container"
	"segue/audio/effect"
	"segue/audio/levelling"
	"segue/audio/pipeline"
)

// Options says what to render of the media, and how.
type Options struct {
	From, To time.Duration    // the part to render, as the music goes by itself; To 0 is the end
	Settings effect.Settings  // what is wanted of the sound
	Pipeline pipeline.Options // its Settings and Level are not used

	// Level says how pieces are brought to the same loudness; nil leaves them. What can
	// be read twice is measured first, whole, which costs as much as decoding it; of the
	// rest counts what its tags say.
	Level *levelling.Rules

	// Crossfade is by how much the pieces of an Album overlap; with 0 they follow each
	// other to the sample.
	Crossfade time.Duration

	// Measure has the loudness measured, of what the listener hears: the frames
	// decoded again, which costs as much as playing them.
	Measure bool
	// Progress, if not nil, hears after about every second of music how much of
	// the part is done, and how long that is: 0 if nobody knows.
	Progress func(done, total time.Duration)
}

// preroll is how much earlier than asked for rendering begins, where it does not
// begin at the start: a decoder has to have heard that much (RFC 7845, 4.2). The
// sink is told to skip it.
const preroll = 80 * time.Millisecond

// ringing is how long echoes are written at most after the music: until they are not
// heard any more is mostly sooner.
const ringing = 8 * time.Second

// errRange is a part of the media that makes no sense.
var errRange = errors.New("the part to render ends before it begins")

// Run opens m, renders what o asks for into sink, and closes m, also when ctx
// ends. What echoes when the music is over is written too. If the media turns out to be damaged or cut short, sink gets what was
// good, and the error comes beside the Stats.
func Run(ctx context.Context, m *audio.Media, sink Sink, o Options) (Stats, error) {
	r := &rendering{o: o, next: func() (*audio.Media, error) { return nil, io.EOF }}
	return r.render(ctx, m, sink)
}

// Album renders pieces that follow each other as one: m, and what next gives, until it
// gives io.EOF. It is asked for a piece when the one before has been read to its end. A
// piece that cannot be had or opened is left out; the error comes beside the Stats. From
// and To are for a single piece.
func Album(ctx context.Context, m *audio.Media, next func() (*audio.Media, error), sink Sink, o Options) (Stats, error) {
	r := &rendering{o: o, next: next, several: true}
	return r.render(ctx, m, sink)
}

// A rendering is what goes on in Run and Album.
type rendering struct {
	o       Options
	next    func() (*audio.Media, error)
	several bool

	first   *pipeline.Stream
	medley  *pipeline.Medley
	packets int64   // read
	levels  []Level // of the pieces so far
	ear     *measured
	stops   []func() bool
}

func (r *rendering) render(ctx context.Context, m *audio.Media, sink Sink) (Stats, error) {
	o := &r.o
	if o.From < 0 || o.To < 0 || o.To > 0 && o.To <= o.From {
		return Stats{}, errors.Join(fmt.Errorf("render: from %v to %v: %w", o.From, o.To, errRange), m.Close())
	}
	defer r.release()
	costs := startBill()
	o.Pipeline.Settings, o.Pipeline.Ring = o.Settings, ringing
	var err error
	if r.first, err = r.open(ctx, m); err != nil {
		return Stats{}, because(ctx, err)
	}
	if o.Measure {
		if r.ear, err = measure(sink); err != nil {
			return Stats{}, errors.Join(err, r.first.Close())
		}
		sink = r.ear
	}
	length, err := r.play(ctx, sink)
	stats := costs.stats(r, length)
	return stats, because(ctx, errors.Join(err, r.medley.Close()))
}

// release lets go of ctx.
func (r *rendering) release() {
	for _, stop := range r.stops {
		stop()
	}
}

// open opens the stream of m, which it closes if it fails.
func (r *rendering) open(ctx context.Context, m *audio.Media) (*pipeline.Stream, error) {
	r.stops = append(r.stops, context.AfterFunc(ctx, func() { _ = m.Close() }))
	d, err := container.Open(m)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	level := Level{}
	if r.o.Level != nil && r.o.Level.Mode != levelling.Off {
		if d, level, err = decide(m, d, r.o); err != nil {
			return nil, errors.Join(err, m.Close())
		}
		r.levels = append(r.levels, level)
	}
	s := pipeline.New(&counting{d, &r.packets}, m, r.o.Pipeline)
	s.Level(level.DB)
	return s, nil
}

// counting counts the packets of a demuxer.
type counting struct {
	audio.Demuxer
	packets *int64
}

func (c *counting) ReadPacket() (audio.Packet, error) {
	p, err := c.Demuxer.ReadPacket()
	if err == nil {
		*c.packets++
	}
	return p, err
}

// because names the end of ctx as the reason of err, if it has ended.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// play feeds sink with frames and reports how many samples of music they held.
func (r *rendering) play(ctx context.Context, sink Sink) (int64, error) {
	skip, err := r.begin()
	r.medley = pipeline.NewMedley(r.first, r.o.Crossfade, func() (*pipeline.Stream, error) {
		m, err := r.next()
		if err != nil {
			return nil, err
		}
		return r.open(ctx, m)
	})
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	info := r.first.Info()
	if r.several {
		info.Title = ""
	}
	if err := sink.Start(skip, info); err != nil {
		return 0, err
	}
	given, want := int64(0), int64(-1)
	if r.o.To > 0 {
		want = r.played(samples(r.o.To) - samples(r.o.From))
	}
	total := part(info.Duration, r.o)
	for ctx.Err() == nil && (want < 0 || given < skip+want) {
		var f audio.Frame
		if f, err = r.medley.Next(); err != nil {
			break
		}
		if err := sink.Write(f); err != nil {
			return 0, err
		}
		given += audio.FrameSamples
		if r.o.Progress != nil && given%audio.SampleRate == 0 {
			done := float64(max(given-skip, 0)) * pace(r.o.Settings) / audio.SampleRate
			r.o.Progress(time.Duration(done*float64(time.Second)), total)
		}
	}
	length := given - skip
	if err != nil {
		length -= r.medley.Now().Padding()
	}
	if length = max(length, 0); want >= 0 {
		length = min(length, want)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return length, errors.Join(err, ctx.Err(), sink.End(length))
}

// part is how long the part is that o asks of music of that length; 0 if nobody
// knows.
func part(length time.Duration, o Options) time.Duration {
	end := o.To
	if length > 0 && (end == 0 || length < end) {
		end = length
	}
	return max(end-o.From, 0)
}

// begin moves the first piece to where rendering begins, and reports how much of what
// comes is to be skipped.
func (r *rendering) begin() (skip int64, err error) {
	landed := time.Duration(0)
	if r.o.From > 0 {
		if landed, err = r.first.Seek(max(r.o.From-preroll, 0)); err != nil {
			return 0, err
		}
	}
	lead, err := r.first.Lead()
	return r.played(samples(r.o.From) - samples(landed) + lead), err
}

// played is how many samples so many of the music become.
func (r *rendering) played(samples int64) int64 {
	return int64(math.Round(float64(samples) / pace(r.o.Settings)))
}

// pace is how many times faster than by itself music goes.
func pace(s effect.Settings) float64 {
	if t := s.Timescale; t.On {
		return t.Speed * t.Rate
	}
	return 1
}

func samples(d time.Duration) int64 {
	return int64(d/time.Second)*audio.SampleRate + int64(d%time.Second)*audio.SampleRate/int64(time.Second)
}
