package framecache

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"segue/audio"
	"segue/audio/container/ogg"
)

// write takes r down until it is over, and keeps it if it is whole.
func (c *Cache) write(r *Recording, k key, about known) (err error) {
	var o *output
	defer func() {
		if o != nil {
			err = errors.Join(err, o.discard())
		}
	}()
	end := c.end
	for {
		select {
		case b, more := <-r.full:
			if !more {
				if r.why != nil || o == nil {
					return errors.Join(r.why, errEmpty(o))
				}
				return o.keep(r.length, k, about)
			}
			if o == nil {
				if o, err = c.create(about.Info); err != nil {
					return err
				}
			}
			if err := o.add(b); err != nil {
				return err
			}
			clear(b.frames[:b.n])
			b.n = 0
			r.free <- b
		case <-end:
			if !r.done.Load() {
				return errClosed
			}
			end = nil // what is whole is kept yet
		}
	}
}

// errEmpty is what is wrong with a recording that has no output.
func errEmpty(o *output) error {
	if o == nil {
		return errDropped
	}
	return nil
}

// An output is a file being written.
type output struct {
	c       *Cache
	f       *os.File
	ogg     *ogg.Writer
	size    int64
	sum     uint32
	granule int64
	kept    bool
}

// create begins a file, if there is room for one.
func (c *Cache) create(info audio.Info) (*output, error) {
	if err := os.MkdirAll(c.o.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := c.makeRoom(0); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(c.o.Dir, prefix+"*"+part)
	if err != nil {
		return nil, err
	}
	o := &output{c: c, f: f}
	var comments []string
	for _, t := range [][2]string{{"TITLE", info.Title}, {"ARTIST", info.Artist}, {"ALBUM", info.Album}} {
		if t[1] != "" {
			comments = append(comments, t[0]+"="+t[1])
		}
	}
	// Frames are made so that there is nothing to skip at the beginning.
	if o.ogg, err = ogg.NewWriter(o, ogg.Head{Channels: audio.Channels, InputRate: audio.SampleRate}, comments); err != nil {
		return nil, errors.Join(err, o.discard())
	}
	return o, nil
}

// Write appends to the file, if what is being written may take that much.
func (o *output) Write(b []byte) (int, error) {
	most := o.c.o.Max / writing
	if total := o.c.growth.Add(int64(len(b))); total > most {
		o.c.growth.Add(-int64(len(b)))
		return 0, fmt.Errorf("more than %d bytes at once: %w", most, audio.ErrLimit)
	}
	o.size += int64(len(b))
	o.sum = crc32.Update(o.sum, castagnoli, b)
	return o.f.Write(b)
}

func (o *output) add(b *batch) error {
	if err := o.c.scarce(); err != nil {
		return err
	}
	for _, opus := range b.frames[:b.n] {
		o.granule += audio.FrameSamples
		if err := o.ogg.WritePacket(opus, o.granule); err != nil {
			return err
		}
	}
	return nil
}

// keep ends the file and gives it its name.
func (o *output) keep(length int64, k key, about known) error {
	if err := o.ogg.Close(length); err != nil {
		return err
	}
	text, picture, err := told(about.Level, about.Info)
	if err != nil {
		return err
	}
	f := foot{Ogg: o.size, Told: int64(len(text)), Picture: int64(len(picture)), Key: k}
	for _, b := range [][]byte{text, picture} {
		if _, err := o.Write(b); err != nil {
			return err
		}
	}
	end, err := appendFoot(nil, f, o.sum)
	if err != nil {
		return err
	}
	if _, err := o.Write(end); err != nil {
		return err
	}
	// What has its name must be whole, also after the power was cut.
	if err := errors.Join(o.f.Sync(), o.f.Close()); err != nil {
		return err
	}
	o.c.tidy.Lock()
	defer o.c.tidy.Unlock()
	if err := o.c.makeRoomFor(o.size); err != nil {
		return err
	}
	if err := os.Rename(o.f.Name(), filepath.Join(o.c.o.Dir, k.name())); err != nil {
		return err
	}
	o.kept = true
	return nil
}

// discard ends with the file, deleted if it was not kept.
func (o *output) discard() error {
	o.c.growth.Add(-o.size)
	if o.kept {
		return nil
	}
	if err := o.f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return errors.Join(err, os.Remove(o.f.Name()))
	}
	return os.Remove(o.f.Name())
}
