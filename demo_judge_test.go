package main

import (
	"testing"

	"segue/discordtest/listener"
)

func TestTheSendersOwnSilenceIsNoMusic(t *testing.T) {
	silence := []byte{0xf8, 0xff, 0xfe}
	heard := withoutSilence([]listener.Packet{
		{Opus: []byte{1}, E2EE: true},
		{Opus: silence},             // a busy machine: the sender pauses
		{Opus: silence, E2EE: true}, // the music's own
		{Opus: []byte{2}},           // in the clear: for the judge to object to
		{Opus: silence},
		{Opus: silence, E2EE: true},
	})
	if len(heard) != 3 || heard[0].Opus[0] != 1 || !heard[1].E2EE || heard[2].Opus[0] != 2 {
		t.Errorf("left is %v", heard)
	}
}
