package bot

import "testing"

func TestASoundIsLaidOverTheMusic(t *testing.T) {
	h := live(t)
	alice, bob := h.alice("Lounge"), h.person("bob")
	h.refuses(alice, "Nothing is playing", "/sound", "query", "horn")
	h.says(alice, "Now playing", "/play", "query", "One")
	h.refuses(alice, "Tell me what to play", "/sound")
	h.refuses(alice, "not both", "/sound", "query", "x", "file", h.d.Attach("a.wav", []byte("x")))
	h.refuses(bob, "Join a voice channel first", "/sound", "query", "horn")
	bob = h.person("bob", "Den")
	h.refuses(bob, "I am already playing in", "/sound", "query", "horn")

	r := h.says(alice, "Over the music: **air\\_horn** (1:00)", "/sound", "query", "air_horn")
	if !r.Deferred {
		t.Error("/sound waits for the network: it must defer")
	}
	h.says(alice, "Over the music: **horn.wav**", "/sound", "file", h.d.Attach("horn.wav", []byte("RIFF")))
	h.says(alice, "Over the music: **Tune 1**", "/sound", "query", "list of 12")
	h.says(alice, "Queue", "/play", "query", "Two") // the sounds are not in the queue: this is next
	h.says(alice, "1 track to come", "/queue")

	h.regrets(alice, "This is live", "/sound", "query", "live")
	h.regrets(alice, "I found nothing for **nothing**", "/sound", "query", "nothing")
	h.regrets(alice, "private network", "/sound", "query", "private")
	h.regrets(alice, "This file is damaged", "/sound", "query", "broken")
	h.says(alice, "Over the music", "/sound", "query", "fourth")
	h.regrets(alice, "There are 4 sounds", "/sound", "query", "fifth")

	h.says(alice, "Paused", "/pause")
	h.regrets(alice, "The music is paused", "/sound", "query", "horn")
}

func TestASoundIsNotLaidWhereNobodyListens(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.says(alice, "Now playing", "/play", "query", "One")
	h.person("alice", "Den")
	h.refuses(alice, "only people who hear the music", "/sound", "query", "horn")
}
