// Package playertest has a library and a voice for tests of the player and of
// whoever commands it: fakes with behaviour, slow, failing, dropping.
package playertest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"segue/audio"
	"segue/audio/container/ogg"
	"segue/music"
)

// A Script says how a track behaves. The zero value is an empty file.
type Script struct {
	Frames  int           // of 20 ms
	Opens   time.Duration // how long Open takes
	Err     error         // what Open gives
	Bytes   []byte        // what is in it; nil: Opus in Ogg, made of Frame
	Live    bool
	Length  time.Duration // what the source says about its duration; 0: nothing
	Version string        // names its bytes
	Forward bool          // its bytes only flow forward

	// For an engine that plays Media itself rather than Bytes.
	First time.Duration // from being opened to the first frame
	Stall int           // gives nothing any more after this many frames, if above 0
	Break error         // what it ends with, instead of its end
	Panic bool          // when it is probed
	Seeks time.Duration // how long a seek takes
	Fixed bool          // it cannot seek
	Gain  float32       // what its tags ask for, dB; 0: nothing
	LUFS  float64       // how loud it is measured to be; 0: not at all
}

// A Library opens tracks that behave as scripted. Its methods may be called from
// any goroutine.
type Library struct {
	mu      sync.Mutex
	scripts map[music.TrackID]Script
	opened  []string
	open    int
}

// NewLibrary makes an empty library.
func NewLibrary() *Library { return &Library{scripts: make(map[music.TrackID]Script)} }

// Add puts a track on the shelf.
func (l *Library) Add(title string, s Script) music.Track {
	t := music.Track{ID: music.TrackID("test:" + title), Source: "test", Title: title, Live: s.Live, Duration: s.Length}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scripts[t.ID] = s
	return t
}

// Open opens a track after its time, with its error if it has one.
func (l *Library) Open(ctx context.Context, t music.Track) (*audio.Media, error) {
	l.mu.Lock()
	s, known := l.scripts[t.ID]
	l.opened = append(l.opened, t.Title)
	l.mu.Unlock()
	if !known {
		return nil, &music.Error{Kind: music.NotFound, Code: "test.unknown"}
	}
	if err := wait(ctx, s.Opens); err != nil {
		return nil, err
	}
	if s.Err != nil {
		return nil, s.Err
	}
	b := s.Bytes
	if b == nil {
		b = Opus(t.Title, s.Frames)
	}
	m := &Media{Reader: bytes.NewReader(b), Title: t.Title, Script: s, library: l}
	l.mu.Lock()
	l.open++
	l.mu.Unlock()
	opened := &audio.Media{ReadCloser: m, Seeker: m, Ext: ".opus", Size: int64(len(b))}
	opened.Version = s.Version
	if s.Forward {
		opened.Seeker = nil
	}
	return opened, nil
}

// Opened lists the titles of all Opens so far, failed ones too, in order.
func (l *Library) Opened() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.opened)
}

// Held is how many media are open.
func (l *Library) Held() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// Media is what a Library opens.
type Media struct {
	*bytes.Reader
	Title   string
	Script  Script
	library *Library
	mu      sync.Mutex
	closed  bool
}

// Close may be called again.
func (m *Media) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	m.library.mu.Lock()
	defer m.library.mu.Unlock()
	m.library.open--
	return nil
}

// Read fails once the media is closed.
func (m *Media) Read(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, io.ErrClosedPipe
	}
	return m.Reader.Read(p)
}

// Frame is the n-th Opus frame of a track, from 0: 20 ms of something, followed
// by the title and the number, so that a test sees what was heard.
func Frame(title string, n int) []byte {
	const toc = 0xfc // CELT, fullband, 20 ms, stereo, one frame
	return append(binary.BigEndian.AppendUint32([]byte{toc}, uint32(n)), title...)
}

// Name reads what Frame wrote: "title 12".
func Name(frame []byte) string {
	if len(frame) < 5 {
		return "?"
	}
	return fmt.Sprintf("%s %d", frame[5:], binary.BigEndian.Uint32(frame[1:]))
}

// Opus is a file of n such frames, Opus in Ogg.
func Opus(title string, n int) []byte {
	var b bytes.Buffer
	w, err := ogg.NewWriter(&b, ogg.Head{Channels: 2, InputRate: audio.SampleRate}, []string{"TITLE=" + title})
	for i := 0; i < n && err == nil; i++ {
		err = w.WritePacket(Frame(title, i), int64(i+1)*audio.FrameSamples)
	}
	if err == nil {
		err = w.Close(int64(n) * audio.FrameSamples)
	}
	if err != nil {
		panic(err) // nothing can go wrong in a buffer
	}
	return b.Bytes()
}

// wait is a sleep that ends with ctx.
func wait(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
