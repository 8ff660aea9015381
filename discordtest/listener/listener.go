// Package listener is a person in a voice channel: a small voice client of its
// own, written apart from package voice so that the two check each other. It
// hears everybody (packets with their times, and PCM from one decoder per
// person that is never reset), and can speak.
package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/disgoorg/godave"
	"github.com/gorilla/websocket"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/voice/dave"
)

// The encryption modes, as Discord calls them.
const (
	ModeAES256GCM = "aead_aes256_gcm_rtpsize"
	ModeXChaCha20 = "aead_xchacha20_poly1305_rtpsize"
)

// ErrClosed is why a listener ended that was told to.
var ErrClosed = errors.New("listener closed")

// A Call is what the main gateway tells somebody who joins a voice channel.
type Call struct {
	Endpoint  string // host:port
	Token     string
	SessionID string

	Guild, Channel, User uint64
}

// Options of a Listener. The zero value does.
type Options struct {
	TLS  *tls.Config // nil trusts the system's roots
	Log  *slog.Logger
	Mode string // of encryption; empty takes AES where it is offered
	// Plain says no to DAVE, as clients did before it was demanded.
	Plain bool
	// OnPCM hears each piece of PCM as it is decoded: interleaved stereo at
	// 48 kHz. It is called with the listener locked: it must be quick, not call
	// back, and not keep pcm.
	OnPCM func(user uint64, pcm []float32)
	// PacketsOnly decodes nothing; Forget keeps neither packets nor PCM, so that
	// hours can be listened to. Counts and OnPCM go on.
	PacketsOnly, Forget bool
	// NewDecoder makes the decoder for each person; nil takes audio/codec/opus.
	NewDecoder func() (audio.Decoder, error)
}

// A Listener is somebody in a call. Its methods may be called from any
// goroutine. Close it.
type Listener struct {
	call Call
	opt  Options
	ws   *websocket.Conn
	udp  *net.UDPConn
	dave godave.Session
	done chan struct{}  // closed when the call is over
	once sync.Once      // closes done
	work sync.WaitGroup // everything Dial started

	write sync.Mutex // the websocket
	speak sync.Mutex // one Speak at a time

	mu       sync.Mutex
	err      error // why the call is over
	seqAck   int
	ssrc     uint32
	seal     *seal
	answered chan struct{}         // closed when the session description is in
	speakers map[uint64]*speaker   // by user
	users    map[uint32]uint64     // by ssrc, from opcode 5
	strays   map[uint32][]datagram // of ssrcs not announced yet
	epochs   int                   // MLS epochs entered
	said     uint32                // packets sent
	unacked  int                   // heartbeats
	changed  chan struct{}
}

// Dial joins a call and returns once media can flow. ctx limits the joining
// only.
func Dial(ctx context.Context, call Call, opt Options) (*Listener, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.NewDecoder == nil {
		opt.NewDecoder = opus.NewDecoder
	}
	dialer := websocket.Dialer{TLSClientConfig: opt.TLS}
	ws, resp, err := dialer.DialContext(ctx, "wss://"+call.Endpoint+"/?v=8", nil)
	if err != nil {
		if resp != nil {
			err = fmt.Errorf("%w (%s)", err, resp.Status)
		}
		return nil, fmt.Errorf("listener: %w", err)
	}
	l := &Listener{
		call: call, opt: opt, ws: ws, done: make(chan struct{}), answered: make(chan struct{}), seqAck: -1,
		speakers: map[uint64]*speaker{}, users: map[uint32]uint64{}, strays: map[uint32][]datagram{},
	}
	l.dave = dave.New(opt.Log, godave.UserID(strconv.FormatUint(call.User, 10)), callbacks{l})
	l.dave.SetChannelID(godave.ChannelID(call.Channel))
	l.work.Go(l.read)
	select {
	case <-l.answered:
		return l, nil
	case <-l.done:
		err = l.Err()
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	_ = l.Close()
	return nil, fmt.Errorf("listener: %w", err)
}

// Close leaves the call and waits for everything Dial started. It may be called
// twice.
func (l *Listener) Close() error {
	l.write.Lock()
	_ = l.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	l.write.Unlock()
	l.end(ErrClosed)
	l.work.Wait()
	l.mu.Lock()
	for _, s := range l.speakers {
		s.flush()
	}
	l.mu.Unlock()
	return l.dave.Close()
}

// Done is closed when the call is over, by Close or by the other side.
func (l *Listener) Done() <-chan struct{} { return l.done }

// Err is why the call is over, nil while it is not. A close by the server is a
// *websocket.CloseError.
func (l *Listener) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// SSRC is the listener's own.
func (l *Listener) SSRC() uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ssrc
}

// end is the only way out: it stops all goroutines.
func (l *Listener) end(err error) {
	l.once.Do(func() {
		l.mu.Lock()
		l.err = err
		if l.udp != nil {
			_ = l.udp.Close()
		}
		l.change()
		l.mu.Unlock()
		close(l.done)
		_ = l.ws.Close()
	})
}

// change wakes those who await something; l.mu is held.
func (l *Listener) change() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// await waits until want, called with l.mu held, says so.
func (l *Listener) await(ctx context.Context, want func() bool) error {
	for {
		l.mu.Lock()
		if want() {
			l.mu.Unlock()
			return nil
		}
		if l.changed == nil {
			l.changed = make(chan struct{})
		}
		changed, over := l.changed, l.err
		l.mu.Unlock()
		if over != nil {
			return fmt.Errorf("listener: %w", over)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("listener: waited in vain: %w", context.Cause(ctx))
		}
	}
}

// AwaitPackets waits until n packets of a user have been heard.
func (l *Listener) AwaitPackets(ctx context.Context, user uint64, n int) error {
	return l.await(ctx, func() bool { return l.speakers[user] != nil && l.speakers[user].taken >= n })
}

// AwaitEpoch waits until the listener has entered n MLS epochs.
func (l *Listener) AwaitEpoch(ctx context.Context, n int) error {
	return l.await(ctx, func() bool { return l.epochs >= n })
}
