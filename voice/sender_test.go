package voice

import (
	"errors"
	"net"
	"testing"
	"time"

	"segue/audio"
)

// gate is DAVE as the sender sees it.
type gate struct {
	ready bool
	err   error
}

func (g *gate) Ready() bool { return g.ready }

func (g *gate) Encrypt(_ uint32, frame, out []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	return copy(out[:cap(out)], frame), nil
}

// wire is a sender whose packets can be looked at.
type wire struct {
	*sender
	t    *testing.T
	sink *net.UDPConn
	gate *gate
	st   *counters
	path *path
}

func newWire(t *testing.T) *wire {
	t.Helper()
	sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	st := &counters{}
	at := sink.LocalAddr().(*net.UDPAddr)
	sock, err := dialUDP(t.Context(), at.IP.String(), at.Port, st)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sock.close)
	seal, err := newSealer(modeAES, [32]byte{}, 5)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{ready: true}
	w := &wire{sender: newSender(st), t: t, sink: sink, gate: g, st: st, path: &path{seal: seal, sock: sock, e2ee: g}}
	w.attach(w.path)
	return w
}

// say does what a session does when the sender pokes it.
func (w *wire) say() (said int) {
	select {
	case <-w.wake:
	default:
		return -1
	}
	on, tell := w.speaking()
	if !tell {
		return -1
	}
	w.told(w.path, on)
	if on {
		w.tick(beat{steps: 1}) // the shy one
		return 1
	}
	return 0
}

// got ticks n times and gives the payloads that went out.
func (w *wire) got(n int) (bodies [][]byte, seqs []uint16, stamps []uint32) {
	w.t.Helper()
	for range n {
		before := w.st.bytes.Load()
		w.tick(beat{steps: 1})
		if w.st.bytes.Load() == before {
			continue
		}
		buf := make([]byte, 2000)
		_ = w.sink.SetReadDeadline(time.Now().Add(time.Second))
		size, err := w.sink.Read(buf)
		if err != nil {
			w.t.Fatal(err)
		}
		body, _ := opened(w.t, modeAES, [32]byte{}, buf[:size])
		bodies = append(bodies, body)
		seqs = append(seqs, uint16(buf[2])<<8|uint16(buf[3]))
		stamps = append(stamps, uint32(buf[4])<<24|uint32(buf[5])<<16|uint32(buf[6])<<8|uint32(buf[7]))
	}
	return bodies, seqs, stamps
}

func TestNothingIsSentBeforeTheServerKnowsThatWeSpeak(t *testing.T) {
	w := newWire(t)
	tape := newTape(-1, 20)
	w.play(tape)
	if b, _, _ := w.got(10); len(b) != 0 || tape.count() > 1 {
		t.Errorf("%d packets, %d frames taken", len(b), tape.count())
	}
	if w.say() != 1 {
		t.Fatal("no wish to speak")
	}
	b, _, _ := w.got(3)
	if len(b) != 3 || b[0][4] != 1 || b[2][4] != 3 {
		t.Errorf("sent %v", b)
	}
	// A new session has to be told again, and nothing is lost meanwhile.
	w.attach(nil)
	if b, _, _ := w.got(5); len(b) != 0 {
		t.Errorf("%d packets over no path", len(b))
	}
	w.attach(w.path)
	if b, _, _ := w.got(5); len(b) != 0 {
		t.Errorf("%d packets before speaking", len(b))
	}
	w.say()
	if b, _, _ := w.got(1); len(b) != 1 || b[0][4] != 4 {
		t.Errorf("sent %v", b)
	}
}

func TestFramesStayWhereTheyAreWhileDAVEIsNotReady(t *testing.T) {
	w := newWire(t)
	tape := newTape(-1, 20)
	w.play(tape)
	w.say()
	w.got(2)
	w.gate.ready = false
	if b, _, _ := w.got(50); len(b) != 0 || tape.count() != 2 {
		t.Errorf("%d packets, %d frames taken", len(b), tape.count())
	}
	w.gate.ready = true
	w.holdBack(true)
	if b, _, _ := w.got(50); len(b) != 0 || tape.count() != 2 {
		t.Errorf("held back: %d packets, %d frames taken", len(b), tape.count())
	}
	w.holdBack(false)
	if b, _, _ := w.got(1); len(b) != 1 || b[0][4] != 3 {
		t.Errorf("sent %v", b)
	}
	if held := w.st.held.Load(); held != 101 { // with the shy one
		t.Errorf("%d held", held)
	}
}

func TestAFailedEncryptionUsesNothingUp(t *testing.T) {
	w := newWire(t)
	w.play(newTape(-1, 20))
	w.say()
	_, seq1, ts1 := w.got(1)
	w.gate.err = errors.New("not now")
	if b, _, _ := w.got(4); len(b) != 0 {
		t.Errorf("sent %v", b)
	}
	w.gate.err = nil
	b, seq2, ts2 := w.got(1)
	if len(b) != 1 || b[0][4] != 2 || seq2[0] != seq1[0]+1 || ts2[0] != ts1[0]+5*audio.FrameSamples {
		t.Errorf("frame %v, sequence %d after %d, timestamp %d after %d", b, seq2, seq1, ts2, ts1)
	}
	if w.st.sendErrors.Load() != 4 {
		t.Errorf("%d errors", w.st.sendErrors.Load())
	}
}

func TestSilenceThenQuietThenNoLongerSpeaking(t *testing.T) {
	w := newWire(t)
	tape := newTape(2, 20)
	w.play(tape)
	w.say()
	b, _, _ := w.got(2 + trail + quiet - 1)
	if len(b) != 2+trail {
		t.Fatalf("%d packets", len(b))
	}
	for _, body := range b[2:] {
		if string(body) != string(silence[:]) {
			t.Errorf("sent % x for silence", body)
		}
	}
	if s := w.say(); s != -1 {
		t.Errorf("said %d too early", s)
	}
	w.got(1)
	if s := w.say(); s != 0 {
		t.Errorf("said %d after a second of nothing", s)
	}
	// A short gap is silence, and then goes on.
	tape.more(1)
	w.got(1)
	w.say() // the waiting frame goes at the shy tick's heels
	w.got(3)
	tape.more(1)
	b, _, _ = w.got(1)
	if len(b) != 1 || b[0][0] != 0xfc {
		t.Errorf("sent %v", b)
	}
	if s := w.say(); s != -1 {
		t.Errorf("said %d while speaking", s)
	}
}

func TestALateFrameIsStillTheNext(t *testing.T) {
	w := newWire(t)
	w.play(newTape(-1, 20))
	w.say()
	_, _, a := w.got(1)
	w.tick(beat{steps: 8, late: true})
	buf := make([]byte, 2000)
	if _, err := w.sink.Read(buf); err != nil {
		t.Fatal(err)
	}
	_, _, b := w.got(1)
	if b[0]-a[0] != 2*audio.FrameSamples {
		t.Errorf("timestamp moved by %d", b[0]-a[0])
	}
	if w.st.late.Load() != 1 {
		t.Errorf("%d late", w.st.late.Load())
	}
}

func TestTheClockRunsThroughAPauseAndItsStalls(t *testing.T) {
	w := newWire(t)
	tape := newTape(1, 20)
	w.play(tape)
	w.say()
	_, _, a := w.got(1 + trail) // and the silence after it
	for range 10 {
		w.tick(beat{steps: 1})
	}
	w.tick(beat{steps: 8, late: true})
	tape.more(1)
	_, _, b := w.got(1)
	if moved := b[0] - a[trail]; moved != (10+8+1)*audio.FrameSamples {
		t.Errorf("timestamp moved by %d frames", moved/audio.FrameSamples)
	}
}

func TestATickAllocatesNothing(t *testing.T) {
	w := newWire(t)
	w.path.e2ee = sealing{alone(t)}
	w.play(same{make([]byte, 160)})
	w.say()
	if n := testing.AllocsPerRun(500, func() { w.tick(beat{steps: 1}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if w.st.sent.Load() < 500 {
		t.Errorf("%d sent", w.st.sent.Load())
	}
}

// sealing is a DAVE session that seals.
type sealing struct{ e2ee }

// same is one frame for ever.
type same struct{ opus []byte }

func (s same) Take() (audio.Frame, bool) { return audio.Frame{Opus: s.opus}, true }
