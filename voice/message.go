package voice

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"

	"segue/music"
)

// Opcodes of voice gateway v8. What is not here is ignored.
const (
	opIdentify       = 0
	opSelectProtocol = 1
	opReady          = 2
	opHeartbeat      = 3
	opDescription    = 4
	opSpeaking       = 5
	opHeartbeatACK   = 6
	opResume         = 7
	opHello          = 8
	opResumed        = 9
	opConnect        = 11
	opDisconnect     = 13

	opPrepareTransition = 21
	opExecuteTransition = 22
	opTransitionReady   = 23
	opPrepareEpoch      = 24
	opExternalSender    = 25 // binary, as are 26 to 30
	opKeyPackage        = 26
	opProposals         = 27
	opCommitWelcome     = 28
	opAnnounceCommit    = 29
	opWelcome           = 30
	opInvalidCommit     = 31
)

// A message is one from the gateway, JSON or binary.
type message struct {
	op     int
	seq    int  // -1: it has none
	binary bool // data is the body, else the JSON of d
	data   []byte
}

func parseText(b []byte) (message, error) {
	var m struct {
		Op  *int            `json:"op"`
		D   json.RawMessage `json:"d"`
		Seq *int            `json:"seq"`
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return message{}, err
	}
	if m.Op == nil {
		return message{}, protocol("message without opcode")
	}
	out := message{op: *m.Op, seq: -1, data: m.D}
	if m.Seq != nil {
		out.seq = *m.Seq
	}
	return out, nil
}

// parseBinary reads a sequence number, an opcode and a body, which stays in b.
func parseBinary(b []byte) (message, error) {
	if len(b) < 3 {
		return message{}, protocol("binary message of %d bytes", len(b))
	}
	return message{op: int(b[2]), seq: int(binary.BigEndian.Uint16(b)), binary: true, data: b[3:]}, nil
}

// transition splits the body of opcodes 29 and 30.
func transition(b []byte) (id uint16, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, protocol("transition of %d bytes", len(b))
	}
	return binary.BigEndian.Uint16(b), b[2:], nil
}

// decode reads the d of a message into a T.
func decode[T any](m message) (T, error) {
	var v T
	if err := json.Unmarshal(m.data, &v); err != nil {
		return v, protocol("opcode %d: %v", m.op, err)
	}
	return v, nil
}

type (
	identify struct {
		Server  string `json:"server_id"`
		User    string `json:"user_id"`
		Session string `json:"session_id"`
		Token   string `json:"token"`
		MaxDAVE int    `json:"max_dave_protocol_version"`
	}
	resumeWith struct {
		Server  string `json:"server_id"`
		Session string `json:"session_id"`
		Token   string `json:"token"`
		SeqAck  int    `json:"seq_ack"`
	}
	hello struct {
		Interval float64 `json:"heartbeat_interval"` // milliseconds
	}
	ready struct {
		SSRC  uint32   `json:"ssrc"`
		IP    string   `json:"ip"`
		Port  int      `json:"port"`
		Modes []string `json:"modes"`
	}
	selectProtocol struct {
		Protocol string       `json:"protocol"`
		Data     selectedData `json:"data"`
	}
	selectedData struct {
		Address string `json:"address"`
		Port    uint16 `json:"port"`
		Mode    string `json:"mode"`
	}
	description struct {
		Mode string    `json:"mode"`
		Key  secretKey `json:"secret_key"`
		DAVE uint16    `json:"dave_protocol_version"`
	}
	speaking struct {
		Speaking int    `json:"speaking"`
		Delay    int    `json:"delay"`
		SSRC     uint32 `json:"ssrc"`
	}
	heartbeat struct {
		T      int64 `json:"t"`
		SeqAck *int  `json:"seq_ack,omitempty"` // absent: nothing heard yet
	}
	heartbeatACK struct {
		T int64 `json:"t"`
	}
	connected struct {
		Users []userSnowflake `json:"user_ids"`
	}
	disconnected struct {
		User userSnowflake `json:"user_id"`
	}
	transitionOf struct {
		Version    uint16 `json:"protocol_version"`
		Transition uint16 `json:"transition_id"`
	}
	transitionID struct {
		Transition uint16 `json:"transition_id"`
	}
	epochOf struct {
		Version uint16 `json:"protocol_version"`
		Epoch   int    `json:"epoch"`
	}
)

// A userSnowflake is a user id as JSON has it: a string.
type userSnowflake music.UserID

func (s *userSnowflake) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return err
	}
	*s = userSnowflake(n)
	return nil
}

// A secretKey comes as an array of exactly 32 numbers.
type secretKey [32]byte

func (k *secretKey) UnmarshalJSON(b []byte) error {
	var n []uint16 // not bytes, which JSON would want as base64
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	if len(n) != len(k) {
		return fmt.Errorf("secret key of %d bytes", len(n))
	}
	for i, v := range n {
		if v > 0xff {
			return fmt.Errorf("secret key with a byte of %d", v)
		}
		k[i] = byte(v)
	}
	return nil
}
