package framecache

import "testing"

// BenchmarkFind finds a piece of ten minutes at 128 kbit/s, all of which is checked.
func BenchmarkFind(b *testing.B) {
	o := settings(b)
	o.Max = 64 << 20
	c := New(o)
	r := c.Record("one", 0, 0, about)
	for _, f := range music(30_000, 320) {
		if !r.Add(f) {
			b.Fatal("refused")
		}
		if r.now == nil { // music is slower than this
			r.now = <-r.free
		}
	}
	r.Keep(30_000 * 960)
	ended(b, c)
	u, err := c.Look()
	if err != nil || u.Files != 1 {
		b.Fatal(u, err)
	}
	b.SetBytes(u.Bytes)
	for b.Loop() {
		p, ok := c.Find("one", 0)
		if !ok {
			b.Fatal("not found")
		}
		if err := p.Media.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAdd is what the one who makes frames pays for their being written down.
func BenchmarkAdd(b *testing.B) {
	o := settings(b)
	o.Max = 1 << 40
	c := New(o)
	r := c.Record("one", 0, 0, about)
	f := music(1, 320)[0]
	for b.Loop() {
		if !r.Add(f) {
			b.Fatal("refused")
		}
		if r.now == nil {
			b.StopTimer()
			r.now = <-r.free
			b.StartTimer()
		}
	}
	r.Drop()
	ended(b, c)
}
