package voice

import (
	"testing"
	"time"

	"segue/discordtest/voiceserver"
)

// BenchmarkCallKeepsTime plays into a real call for two minutes and reports the
// mean distance of packets as they arrive, and how often the schedule moved.
func BenchmarkCallKeepsTime(b *testing.B) {
	srv, err := voiceserver.New(voiceserver.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = srv.Close() }()
	token := srv.Admit(voiceserver.Ticket{Guild: uint64(den), Channel: uint64(lounge), User: uint64(bot), Session: "s"})
	pacer := NewPacer()
	defer pacer.Close()
	c, err := Dial(b.Context(), Call{srv.Endpoint(), token, "s", den, lounge, bot}, Options{TLS: srv.ClientTLS(), Pacer: pacer})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close(b.Context()) }()
	var first, last voiceserver.Media
	n := 0
	srv.Channel(uint64(den), uint64(lounge)).OnMedia(func(m voiceserver.Media) {
		if n == 0 {
			first = m
		}
		last = m
		n++
	})
	for b.Loop() {
		c.Play(newTape(-1, 160))
		time.Sleep(2 * time.Minute)
	}
	c.Play(nil)
	if err := c.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	srv.Channel(uint64(den), uint64(lounge)).OnMedia(nil) // no more is counted from here on
	st, p := c.Stats(), pacer.Stats()
	stalled := p.Stalled.Seconds()
	b.ReportMetric(1000*last.At.Sub(first.At).Seconds()/float64(n-1), "ms/packet")
	b.ReportMetric(1000*(last.At.Sub(first.At).Seconds()-stalled)/float64(n-1), "ms/packet-without-stalls")
	b.ReportMetric(float64(p.Late), "stalls")
	b.ReportMetric(float64(st.Nulled+st.SendErrors), "missing")
	b.ReportMetric(0, "ns/op")
}
