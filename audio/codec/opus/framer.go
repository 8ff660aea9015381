package opus

import "segue/audio"

// maxPassed is how many bytes a packet of 20 ms may have to be passed on with its
// padding: a frame of RFC 6716 at its largest. A longer one loses its padding.
const maxPassed = 1275

// framerSlab is how many bytes of packets are allocated at once: of pieces of that
// size several share a span of Go's heap, where 8 KiB would have one to itself.
const framerSlab = 6784

// A Framer brings packets to 20 ms without decoding them: frames of 2.5, 5 and
// 10 ms are put together, packets of several frames of 20 ms taken apart (RFC
// 6716, 3.2). Not a bit of a frame is changed, and decoding what comes out gives
// what decoding what went in would. Packets that last 20 ms already come out as
// they are.
//
// Put one packet in, then Take until there are no more. The music is divided in
// stretches of 20 ms from the first packet on; where frames do not fill one (SILK
// frames of 40 and 60 ms, a change of coding in the middle, the end), what is
// there comes out as packets of other lengths, which never straddle the next
// stretch unless a frame does, so that the packets after it fit again.
//
// A packet that is damaged or missing (its place in time tells) in the middle of
// a stretch becomes frames without a byte, for which the listener's decoder
// conceals, as it does for frames that were never sent. At the beginning of a
// stretch it comes out as it is.
//
// PTS, Duration, TrimEnd and Codec of what comes out are right for it. Nothing is
// allocated per packet but every few dozen of them a slab. The zero value is
// ready; it is for one goroutine at a time.
type Framer struct {
	in   *frames // nil until a packet has to be taken apart or put together
	slab []byte
	out  []audio.Packet
	at   int // of out: the next to be taken

	group  [audio.FrameSamples / 120][]byte // frames waiting for their stretch to be full
	n      int
	toc    byte  // of the group
	pts    int64 // of its first frame
	length int   // of all its frames
	trim   int64 // how much of its end is padding

	codec *audio.CodecInfo // to go with the next packet out
	fill  int              // how far the stretch has come
	next  int64            // PTS that follows the last packet
	usual int64            // how long that was
	dated bool             // next means something
	seek  bool             // packets are left alone
	from  int64            // as far as they end until then
}

// Reset forgets all packets. Those to come are left alone if they end at or
// before from, a PTS: the stretches begin with the packet that goes beyond.
func (f *Framer) Reset(from int64) {
	clear(f.out)
	*f = Framer{in: f.in, slab: f.slab, out: f.out[:0], seek: true, from: from}
}

// Put takes a packet; its data is the Framer's, and then of those that come out.
// It reports whether the packet is damaged and its place will be concealed.
func (f *Framer) Put(p audio.Packet) (concealed bool) {
	if p.Codec != nil {
		f.Flush()
		f.seek = f.seek && !f.dated // the first packet after a seek may be of another stream
		f.fill, f.dated, f.codec = 0, false, p.Codec
		p.Codec = nil
	}
	count, err := FrameCount(p.Data)
	if err != nil {
		return f.damaged(p)
	}
	samples := frameSamples(p.Data[0])
	length := int64(count * samples)
	f.seek = f.seek && p.PTS+length <= f.from
	if f.seek || length == audio.FrameSamples && f.fill == 0 && len(p.Data) <= maxPassed {
		f.pass(p, length)
		return false
	}
	f.missing(p.PTS)
	f.dated, f.next, f.usual = true, p.PTS+length, length
	if samples > audio.FrameSamples {
		f.close()
		f.pass(p, f.usual)
		return false
	}
	trim := min(max(p.TrimEnd, 0), f.usual)
	if f.in == nil {
		f.in = &frames{}
	}
	_, _ = f.in.parse(p.Data, false) // what can be wrong with it FrameCount has said
	for i, data := range f.in.all() {
		after := int64((f.in.n - 1 - i) * samples) // of the packet, after this frame
		f.add(data, p.PTS+int64(i*samples), min(max(trim-after, 0), int64(samples)))
	}
	return false
}

// Take returns the next packet that is ready, or false.
func (f *Framer) Take() (audio.Packet, bool) {
	if f.at == len(f.out) {
		f.out, f.at = f.out[:0], 0
		return audio.Packet{}, false
	}
	p := f.out[f.at]
	f.out[f.at] = audio.Packet{}
	f.at++
	return p, true
}

// Flush makes what waits for more ready to be taken, for nothing follows.
func (f *Framer) Flush() { f.close() }

// pass lets p, which lasts so many samples, out as it is.
func (f *Framer) pass(p audio.Packet, samples int64) {
	p.Codec, f.codec = f.codec, nil
	f.out = append(f.out, p)
	f.dated, f.next, f.usual = true, p.PTS+samples, samples
	if !f.seek {
		f.fill = int((int64(f.fill) + samples) % audio.FrameSamples)
	}
}

// add takes a frame of f.in, of whose end trim samples are padding.
func (f *Framer) add(data []byte, pts, trim int64) {
	samples := frameSamples(f.in.toc)
	if f.n > 0 && ((f.in.toc^f.toc)&^3 != 0 || f.trim > 0 && trim < int64(samples) || f.fill+samples > audio.FrameSamples) {
		f.close()
	}
	if f.n == 0 {
		f.toc, f.pts = f.in.toc, pts
	}
	f.append(data, samples)
	f.trim += trim
	if f.fill >= audio.FrameSamples {
		f.close()
		f.fill %= audio.FrameSamples
	}
}

// append adds one frame to the group.
func (f *Framer) append(data []byte, samples int) {
	f.group[f.n] = data
	f.n++
	f.length += samples
	f.fill += samples
}

// close makes a packet of the group, if there is one.
func (f *Framer) close() {
	if f.n == 0 {
		return
	}
	size := 3 // toc, count, and a length or two of each frame
	for _, d := range f.group[:f.n] {
		size += 2 + len(d)
	}
	if cap(f.slab)-len(f.slab) < size {
		f.slab = make([]byte, 0, max(framerSlab, size))
	}
	from := len(f.slab)
	f.slab = appendPacket(f.slab, f.toc, f.group[:f.n])
	f.out = append(f.out, audio.Packet{
		Data: f.slab[from:len(f.slab):len(f.slab)], PTS: f.pts, Duration: int64(f.length), TrimEnd: f.trim, Codec: f.codec,
	})
	clear(f.group[:f.n])
	f.n, f.length, f.trim, f.codec = 0, 0, 0, nil
}

// missing fills up the group with frames that were lost before pts, as far as it goes.
func (f *Framer) missing(pts int64) {
	if gap := pts - f.next; f.dated && gap > 0 {
		f.lose(gap)
	}
}

// lose puts frames without a byte in the place of those of gap samples, as far as
// the stretch goes. It reports whether a group was open to take them.
func (f *Framer) lose(gap int64) bool {
	if f.n == 0 || f.trim > 0 {
		return false
	}
	samples := frameSamples(f.toc)
	lost := (gap + int64(samples)/2) / int64(samples) // clocks may be off by less than half a frame
	for ; lost > 0 && f.fill+samples <= audio.FrameSamples; lost-- {
		f.append(nil, samples)
	}
	if f.fill == audio.FrameSamples {
		f.close()
		f.fill = 0
	}
	return true
}

// damaged deals with a packet that is none.
func (f *Framer) damaged(p audio.Packet) (concealed bool) {
	f.missing(p.PTS)
	samples := p.Duration
	if samples <= 0 || samples > MaxDuration {
		samples = f.usual
	}
	if f.lose(samples) {
		f.next = p.PTS + samples
		return true
	}
	if p.Duration <= 0 || p.Duration > MaxDuration {
		samples = audio.FrameSamples
	}
	f.close()
	f.pass(p, samples)
	return false
}
