package player_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/framecache"
	"segue/audio/pipeline"
	"segue/music"
	"segue/player"
	"segue/player/playertest"
	"segue/store/storetest"
)

// These tests have several guilds play the same track through the real engine.

// A counting encoder counts the frames that all of them encode.
type counting struct {
	*opus.Encoder
	frames *atomic.Int64
}

func (c counting) Encode(dst []byte, pcm []float32) ([]byte, error) {
	c.frames.Add(1)
	return c.Encoder.Encode(dst, pcm)
}

// A hall is where several guilds listen.
type hall struct {
	*stage
	encoded atomic.Int64
	kept    *framecache.Cache
}

// gather runs f in a hall whose guilds want that sound; frames are kept in that folder,
// if any.
func gather(t *testing.T, kept string, sound string, f func(h *hall)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &hall{stage: &stage{T: t, lib: playertest.NewLibrary(), voice: &playertest.Voice{}, store: &storetest.Memory{}}}
		for g := range music.GuildID(20) {
			if err := h.store.SaveSound(t.Context(), g+1, sound); err != nil {
				t.Fatal(err)
			}
		}
		if kept != "" {
			h.kept = framecache.New(framecache.Options{Dir: kept, Build: "test", Max: 1 << 30})
		}
		o := pipeline.Options{Kept: h.kept, Encoder: func() (audio.Encoder, error) {
			e, err := opus.NewEncoder(opus.EncoderOptions{})
			return counting{e, &h.encoded}, err
		}}
		h.reg = player.NewRegistry(context.Background(), player.Options{Library: h.lib, Voice: h.voice, Store: h.store, Pipeline: o})
		for g := range music.GuildID(20) { // what they want is known when they begin
			if _, err := h.reg.Player(g + 1).Sound(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		f(h)
		if err := h.reg.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if err := h.kept.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if n := h.lib.Held(); n != 0 {
			t.Errorf("%d media were never closed", n)
		}
	})
}

// A guest is a guild that listens.
type guest struct {
	*player.Player
	conn *playertest.Conn
}

// begins has guild g play tracks.
func (h *hall) begins(g music.GuildID, tracks ...music.Track) guest {
	h.Helper()
	p := h.reg.Player(g)
	if _, err := p.Enqueue(h.Context(), player.Request{By: 1, Voice: music.ChannelID(g)}, tracks...); err != nil {
		h.Fatal(err)
	}
	synctest.Wait()
	return guest{p, h.voice.Conn()}
}

// frames are all that it heard.
func (g guest) frames() (all [][]byte) {
	for _, t := range g.conn.Heard() {
		if t.OK {
			all = append(all, t.Frame.Opus)
		}
	}
	return all
}

// samples are the left channel of what it heard.
func (g guest) samples(t *testing.T) (left []float32) {
	dec, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	var pcm []float32
	for _, f := range g.frames() {
		if pcm, err = dec.Decode(pcm[:0], audio.Packet{Data: f}); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(pcm); i += 2 {
			left = append(left, pcm[i])
		}
	}
	return left
}

func (g guest) is(h *hall) player.Status {
	h.Helper()
	st, err := g.Status(h.Context())
	if err != nil {
		h.Fatal(err)
	}
	return st
}

// fine fails if frames were missing or a track failed.
func (h *hall) fine(all ...guest) {
	h.Helper()
	for i, g := range all {
		if c := g.is(h).Counters; c.Nulled != 0 || c.Failed != 0 {
			h.Errorf("guest %d: %d nulled, %d failed", i, c.Nulled, c.Failed)
		}
	}
}
