package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"segue/audio"
	"segue/audio/container/wav"
)

// broadcast hands what the listener hears to everybody who has the page open.
type broadcast struct {
	mu     sync.Mutex
	guests map[chan []float32]bool
}

func newBroadcast() *broadcast { return &broadcast{guests: map[chan []float32]bool{}} }

// hear takes a piece of PCM. A guest who cannot keep up misses it, and silence
// before anything else.
func (b *broadcast) hear(_ uint64, pcm []float32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for g := range b.guests {
		if len(g) > cap(g)/4 && silent(pcm) {
			continue
		}
		select {
		case g <- append([]float32(nil), pcm...):
		default:
		}
	}
}

func (b *broadcast) enter() chan []float32 {
	g := make(chan []float32, 250) // 5 s
	b.mu.Lock()
	defer b.mu.Unlock()
	b.guests[g] = true
	return g
}

func (b *broadcast) leave(g chan []float32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.guests, g)
}

const page = `<!doctype html>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Segue: what alice hears</title>
<style>body{font:16px/1.5 system-ui;margin:3rem auto;max-width:36rem;padding:0 1rem}audio,input{width:100%;box-sizing:border-box}input{font:inherit;padding:.5rem}pre{white-space:pre-wrap}</style>
<h1>What alice hears</h1>
<p>Live from the voice channel: every sound went through Segue, end-to-end encryption, UDP, and one Opus decoder.</p>
<audio controls src="/live.wav" preload="none"></audio>
<form><label>Type for alice: <input name="line" value="/play lantern" autocomplete="off"></label></form>
<pre id="said"></pre>
<script>
document.forms[0].onsubmit = async e => {
	e.preventDefault()
	document.querySelector("audio").play()
	const r = await fetch("/type", {method: "POST", body: new URLSearchParams(new FormData(e.target))})
	said.textContent = await r.text() + "\n" + said.textContent
}
</script>
`

// serve keeps the page up until ctx ends.
func (d *demo) serve(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(page))
	})
	mux.HandleFunc("GET /live.wav", d.serveLive)
	mux.HandleFunc("POST /type", d.serveType)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	defer context.AfterFunc(ctx, func() { _ = srv.Close() })()
	d.say("listen at http://%s (Ctrl-C ends)", l.Addr())
	if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// serveLive streams WAV without an end, one second of it per second: what is
// heard, and silence between.
func (d *demo) serveLive(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "audio/wav")
	w.Header().Set("Cache-Control", "no-store")
	out, err := wav.NewWriter(w, wav.Format{Rate: audio.SampleRate, Channels: audio.Channels})
	if err != nil {
		return
	}
	guest := d.live.enter()
	defer d.live.leave(guest)
	flush := http.NewResponseController(w)
	tick := time.NewTicker(frameTime)
	defer tick.Stop()
	start, sent, ahead := time.Now(), time.Duration(0), cushion{}
	for {
		select {
		case pcm := <-guest:
			ahead.put(pcm)
			continue
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
		for ; sent < time.Since(start); sent += frameTime {
			if out.Write(ahead.next()) != nil {
				return
			}
		}
		if flush.Flush() != nil {
			return
		}
	}
}

const (
	frameTime   = 20 * time.Millisecond
	frameValues = audio.FrameSamples * audio.Channels
	cushionFrom = 6 * frameValues  // gathered before music begins: it covers late packets
	cushionMost = 15 * frameValues // beyond that, silence is left out
)

// A cushion makes a steady stream of what comes in pieces and bursts. A listener
// makes up for a pause at its end, with seconds of silence at once: those have
// been played already.
type cushion struct {
	pcm     []float32
	playing bool
}

func (c *cushion) put(pcm []float32) { c.pcm = append(c.pcm, pcm...) }

// next is the next 20 ms, silence if there is nothing else.
func (c *cushion) next() []float32 {
	for len(c.pcm) > cushionMost && silent(c.pcm[:frameValues]) {
		c.pcm = c.pcm[frameValues:]
	}
	c.playing = len(c.pcm) >= frameValues && (c.playing || len(c.pcm) >= cushionFrom)
	if !c.playing {
		return make([]float32, frameValues)
	}
	frame := c.pcm[:frameValues]
	c.pcm = c.pcm[frameValues:]
	return frame
}

// silent reports whether nobody would hear pcm: after a pause the decoder's
// last ringing is not quite zero.
func silent(pcm []float32) bool {
	for _, v := range pcm {
		if v > 1e-4 || v < -1e-4 {
			return false
		}
	}
	return true
}

// serveType has alice type a line, such as "/play lantern".
func (d *demo) serveType(w http.ResponseWriter, r *http.Request) {
	command, rest := cutWord(r.FormValue("line"))
	var options []any
	if rest != "" {
		option := map[string]string{"/play": "query", "/skip": "count", "/queue": "page"}[command]
		if option == "" {
			fmt.Fprintf(w, "%s takes nothing\n", command)
			return
		}
		options = []any{option, rest}
		if option != "query" {
			var n int
			if _, err := fmt.Sscan(rest, &n); err != nil {
				fmt.Fprintf(w, "%s wants a number\n", command)
				return
			}
			options[1] = n
		}
	}
	ix, err := d.alice.TryType(command, options...)
	if err != nil {
		fmt.Fprintln(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), replyLimit)
	defer cancel()
	text, _, err := answered(ctx, ix)
	if err != nil {
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintln(w, text)
}

// cutWord splits a line at its first blank.
func cutWord(line string) (word, rest string) {
	for i, r := range line {
		if r == ' ' {
			return line[:i], line[i+1:]
		}
	}
	return line, ""
}
