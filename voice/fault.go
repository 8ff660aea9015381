package voice

import (
	"errors"
	"fmt"

	"github.com/gorilla/websocket"

	"segue/music"
)

// What can end a session without a close code.
var (
	errZombie    = errors.New("heartbeat not acknowledged")
	errSend      = errors.New("message not sent")
	errSlow      = errors.New("voice server did not open the session in time")
	errDiscovery = errors.New("no answer to UDP IP discovery")
	errHandshake = errors.New("end-to-end encryption did not become ready")
	errProtocol  = errors.New("voice server sent what it may not")
	errSpent     = errors.New("transport nonces used up")
	errResume    = errors.New("session could not be resumed")
)

// A verdict is what to do about a lost session.
type verdict uint8

const (
	resume verdict = iota // same session, new socket; without a session, identify again
	rejoin                // ask for a new call
	await                 // the main gateway will say what comes next
	final                 // leave, with a reason
)

// judge says what the end of a socket or session means. The close codes follow
// Discord's voice documentation; codes below 4000, unknown ones and a dropped
// connection mean resume.
func judge(err error) verdict {
	if _, ok := errors.AsType[*music.Error](err); ok {
		return final
	}
	for _, again := range []error{errDiscovery, errProtocol, errSpent, errResume, errHandshake} {
		if errors.Is(err, again) {
			return rejoin
		}
	}
	closed, ok := errors.AsType[*websocket.CloseError](err)
	if !ok {
		return resume
	}
	switch closed.Code {
	case 4001, 4002, 4003, 4005, 4020: // we and the server disagree: start afresh
		return rejoin
	case 4004, 4006, 4009, 4011: // token, session or server are no longer good
		return rejoin
	case 4014, 4022: // disconnected; call terminated
		return await
	case 4012, 4016, 4017, 4021: // protocol or mode unknown; no E2EE; rate limited
		return final
	}
	return resume // 4015, below 4000, unknown
}

// fault words the reason why a call is over for good.
func fault(err error) *music.Error {
	if e, ok := errors.AsType[*music.Error](err); ok {
		return e
	}
	if errors.Is(err, errHandshake) {
		return &music.Error{Kind: music.Unavailable, Code: "voice.e2ee_failed", Err: err}
	}
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		switch closed.Code {
		case 4014:
			return kicked(err)
		case 4022:
			return &music.Error{Kind: music.Unavailable, Code: "voice.ended", Err: err}
		case 4012, 4016:
			return unsupported(err)
		case 4017:
			return &music.Error{Kind: music.Unavailable, Code: "voice.e2ee_required", Err: err}
		case 4021:
			return &music.Error{Kind: music.Unavailable, Code: "voice.rate_limited", Err: err}
		}
	}
	return &music.Error{Kind: music.Unavailable, Code: "voice.unreachable", Err: err}
}

func kicked(err error) *music.Error {
	return &music.Error{Kind: music.Forbidden, Code: "voice.kicked", Err: err}
}

func noAnswer(err error) *music.Error {
	return &music.Error{Kind: music.Unavailable, Code: "voice.no_answer", Err: err}
}

func unsupported(err error) *music.Error {
	return &music.Error{Kind: music.Unavailable, Code: "voice.unsupported", Err: err}
}

func protocol(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errProtocol, fmt.Errorf(format, args...))
}
