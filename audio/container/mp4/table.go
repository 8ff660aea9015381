package mp4

import (
	"fmt"

	"segue/audio"
)

// A run is so many samples of equal length in a table of times.
type run struct{ count, delta uint32 }

// A span is from which chunk on so many samples are in each.
type span struct{ first, samples uint32 }

// A table says where samples are and how long each lasts: of a whole file, or of
// one fragment, whose runs are its chunks.
type table struct {
	fixed  uint32 // size of every sample, or 0
	count  int    // of samples
	sizes  packed
	chunks packed // where they are in the media
	spans  list[span]
	runs   list[run]
}

// maxTable is how many bytes all tables of a track may take, with those of the
// fragment at hand: enough for twelve hours of AAC in half a million chunks.
const maxTable = 6 << 20

func (t *table) bytes() int { return t.sizes.bytes + t.chunks.bytes + 8*(t.spans.n+t.runs.n) }

// add passes err on, and says if the table has grown too large.
func (t *table) add(err error) error {
	if err == nil && t.bytes() > maxTable {
		return fmt.Errorf("mp4: more than %d bytes of tables: %w", maxTable, audio.ErrLimit)
	}
	return err
}

// total is how long all samples are, in units of the track.
func (t *table) total() int64 {
	sum := int64(0)
	for i := range t.runs.n {
		r := t.runs.at(i)
		sum += int64(r.count) * int64(r.delta)
		if sum > 1<<56 || sum < 0 {
			return 1 << 56
		}
	}
	return sum
}

// A cursor walks through a table. The zero value is before the first sample.
type cursor struct {
	sample  int
	chunk   int // of the sample
	inChunk uint32
	offset  int64 // in the chunk
	span    int
	run     int
	inRun   uint32
	time    int64 // of the sample, in units of the track
}

// A sample is one access unit.
type sample struct {
	offset, time, duration int64
	size                   uint32
}

// next returns the sample at c and goes on. It is false at the end of the
// table, or where the tables do not agree.
func (t *table) next(c *cursor) (s sample, ok bool) {
	if c.sample >= t.count || c.chunk >= t.chunks.n || c.span >= t.spans.n {
		return s, false
	}
	s.offset, s.time, s.size = t.chunks.at(c.chunk)+c.offset, c.time, t.fixed
	if t.fixed == 0 {
		if c.sample >= t.sizes.n {
			return s, false
		}
		s.size = uint32(t.sizes.at(c.sample))
	}
	for c.run < t.runs.n && c.inRun >= t.runs.at(c.run).count {
		c.run, c.inRun = c.run+1, 0
	}
	if c.run < t.runs.n {
		s.duration = int64(t.runs.at(c.run).delta)
		c.inRun++
	}
	c.sample, c.time, c.offset = c.sample+1, c.time+s.duration, c.offset+int64(s.size)
	if c.inChunk++; c.inChunk >= t.spans.at(c.span).samples {
		c.chunk, c.inChunk, c.offset = c.chunk+1, 0, 0
		if c.span+1 < t.spans.n && uint32(c.chunk)+1 >= t.spans.at(c.span+1).first {
			c.span++
		}
	}
	return s, true
}

// lasts adds the duration of one more sample.
func (t *table) lasts(duration uint32) error {
	if n := t.runs.n; n > 0 && t.runs.at(n-1).delta == duration {
		t.runs.pages[(n-1)/pageSize][(n-1)%pageSize].count++
		return nil
	}
	return t.runs.add(run{1, duration})
}
