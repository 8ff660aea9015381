// Package fakevoice is a local stand-in for one Discord voice server: the
// voice gateway v8 websocket (TLS), its MLS delivery-service role (opcodes
// 21-31, external sender, proposals, commit/welcome relay, transitions) and a
// UDP SFU with aead_aes256_gcm_rtpsize / aead_xchacha20_poly1305_rtpsize.
//
// It follows discord/dave-protocol (protocol.md 1.1.4); it never holds a group
// secret and it checks what the paper says the gateway checks.
package voiceserver

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/crypto/chacha20poly1305"

	"segue/discordtest/delivery"
)

type Options struct {
	HeartbeatMS       int
	TransitionTimeout time.Duration // how long to wait for all op 23 before op 22
	ExecuteDelay      time.Duration // earliest op 22 after op 29/30/21
	EstablishTID0     bool          // the establishing commit of a group gets transition id 0
	Serialize         bool          // hold new proposals while a transition is in flight
	ResendExternal    bool          // send op 25 again after op 24 epoch=1
	ExternalBeforeAck bool          // op 25 before op 4
	ProposalDelay     time.Duration // batch window for proposals
	HoldCommits       time.Duration // wait this long for competing commits, then pick by Prefer
	Prefer            func(user uint64) int
	Modes             []string // default both aead modes
	Logf              func(string, ...any)
}

type Trace struct {
	At   time.Time
	Dir  string // ">" server to client, "<" client to server, "!" remark
	User uint64
	Op   int
	Note string
}

type Server struct {
	Endpoint string
	CAPEM    []byte
	Pool     *x509.CertPool
	opt      Options
	udp      *net.UDPConn
	http     *http.Server
	tls      *tls.Config

	mu     sync.Mutex
	rooms  map[string]*Room
	tokens map[string]*reg
	addrs  map[netip.AddrPort]*Member
	ssrcs  map[uint32]*Member
	ssrc   atomic.Uint32
}

type reg struct {
	guild, channel, session string
	user                    uint64
}

func New(opt Options) (*Server, error) {
	if opt.HeartbeatMS == 0 {
		opt.HeartbeatMS = 5000
	}
	if opt.TransitionTimeout == 0 {
		opt.TransitionTimeout = 2 * time.Second
	}
	if opt.Logf == nil {
		opt.Logf = func(string, ...any) {}
	}
	if len(opt.Modes) == 0 {
		opt.Modes = []string{"aead_aes256_gcm_rtpsize", "aead_xchacha20_poly1305_rtpsize"}
	}
	s := &Server{opt: opt, rooms: map[string]*Room{}, tokens: map[string]*reg{}, addrs: map[netip.AddrPort]*Member{}, ssrcs: map[uint32]*Member{}}
	s.ssrc.Store(1000)
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	tpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fakevoice"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	s.CAPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	s.Pool = x509.NewCertPool()
	s.Pool.AppendCertsFromPEM(s.CAPEM)
	s.tls = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", s.tls)
	if err != nil {
		return nil, err
	}
	s.udp, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	s.Endpoint = ln.Addr().String()
	s.http = &http.Server{Handler: http.HandlerFunc(s.serveWS)}
	go s.http.Serve(ln)
	go s.sfu()
	return s, nil
}

func (s *Server) Close() { s.http.Close(); s.udp.Close() }

// Register lets one user connect with the returned token.
func (s *Server) Register(guild, channel string, user uint64, session string) (token string) {
	var b [12]byte
	rand.Read(b[:])
	token = fmt.Sprintf("tok-%x", b)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = &reg{guild: guild, channel: channel, session: session, user: user}
	return token
}

func (s *Server) Room(guild, channel string) *Room {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := guild + "/" + channel
	r := s.rooms[k]
	if r == nil {
		ch, _ := strconv.ParseUint(channel, 10, 64)
		gid := make([]byte, 8)
		binary.BigEndian.PutUint64(gid, ch)
		id := make([]byte, 8)
		binary.BigEndian.PutUint64(id, 1)
		r = &Room{srv: s, gid: gid, ext: delivery.NewExternalSender(id), members: map[uint64]*Member{}, trans: map[uint16]*transition{}, nextTID: 1, version: 1,
			CorruptCommit: map[uint64]int{}, CorruptWelcome: map[uint64]int{}}
		s.rooms[k] = r
	}
	return r
}

// ---- room ------------------------------------------------------------------

type prop struct {
	delivery.Proposal
	add  bool
	user uint64
	kp   *delivery.KeyPackage
	leaf uint32
}

type transition struct {
	at      time.Time
	id      uint16
	version uint16
	waiting map[uint64]bool
	targets []uint64
	done    bool
}

type held struct {
	user    uint64
	payload []byte
}

type Room struct {
	srv *Server
	mu  sync.Mutex

	gid     []byte
	ext     *delivery.ExternalSender
	members map[uint64]*Member
	version uint16 // version announced to DAVE members

	established bool
	epoch       uint64
	leaves      []uint64 // user by leaf index, 0 = blank
	proposals   []prop
	deferred    []func()
	trans       map[uint16]*transition
	nextTID     uint16
	batch       []prop
	batchTimer  *time.Timer
	heldCommits []held
	heldTimer   *time.Timer

	CorruptCommit  map[uint64]int // corrupt the next n op 29 to this user
	CorruptWelcome map[uint64]int

	trace []Trace
	// Tap sees every media payload after transport decryption.
	Tap func(user uint64, payload []byte)
}

func (r *Room) note(dir string, user uint64, op int, f string, a ...any) {
	t := Trace{time.Now(), dir, user, op, fmt.Sprintf(f, a...)}
	r.trace = append(r.trace, t)
	r.srv.opt.Logf("%s user=%d op=%d %s", dir, user, op, t.Note)
}

func (r *Room) Traces() []Trace {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Trace(nil), r.trace...)
}

// Count counts trace lines with a direction, op and user (0 = any).
func (r *Room) Count(dir string, op int, user uint64) int {
	n := 0
	for _, t := range r.Traces() {
		if t.Dir == dir && t.Op == op && (user == 0 || t.User == user) {
			n++
		}
	}
	return n
}

func (r *Room) Remarks() []string {
	var out []string
	for _, t := range r.Traces() {
		if t.Dir == "!" {
			out = append(out, fmt.Sprintf("user=%d op=%d %s", t.User, t.Op, t.Note))
		}
	}
	return out
}

type State struct {
	Established bool
	Epoch       uint64
	Version     uint16
	Leaves      []uint64
	InFlight    int
	Proposals   int
}

func (r *Room) State() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, t := range r.trans {
		if !t.done {
			n++
		}
	}
	return State{r.established, r.epoch, r.version, append([]uint64(nil), r.leaves...), n, len(r.proposals)}
}

func (r *Room) SetTap(f func(uint64, []byte)) { r.mu.Lock(); r.Tap = f; r.mu.Unlock() }

func (r *Room) SetCorrupt(commit, welcome map[uint64]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, v := range commit {
		r.CorruptCommit[k] = v
	}
	for k, v := range welcome {
		r.CorruptWelcome[k] = v
	}
}

func (r *Room) leafOf(user uint64) int {
	for i, u := range r.leaves {
		if u == user && u != 0 {
			return i
		}
	}
	return -1
}

func (r *Room) daveMembers() []*Member {
	var out []*Member
	for _, m := range r.members {
		if m.maxDave > 0 && m.acked && !m.gone {
			out = append(out, m)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].user < out[j].user })
	return out
}

func (r *Room) wantVersion() uint16 {
	v := uint16(1)
	for _, m := range r.members {
		if !m.gone && m.maxDave == 0 {
			v = 0
		}
	}
	return v
}

func (r *Room) resetGroup() {
	r.established = false
	r.epoch = 0
	r.leaves = nil
	r.proposals = nil
	r.batch = nil
	r.heldCommits = nil
	r.deferred = nil
	for _, m := range r.members {
		m.kp = nil
	}
}

func (r *Room) inFlight() bool {
	for _, t := range r.trans {
		if !t.done {
			return true
		}
	}
	return false
}

// later runs f now, or after the transition in flight when Serialize is set.
func (r *Room) later(f func()) {
	if r.srv.opt.Serialize && r.inFlight() {
		r.deferred = append(r.deferred, f)
		return
	}
	f()
}

func (r *Room) startTransition(id uint16, version uint16, targets []*Member) {
	t := &transition{at: time.Now(), id: id, version: version, waiting: map[uint64]bool{}}
	for _, m := range targets {
		t.waiting[m.user] = true
		t.targets = append(t.targets, m.user)
	}
	if id == 0 {
		return // executed immediately by the clients
	}
	r.trans[id] = t
	time.AfterFunc(r.srv.opt.TransitionTimeout, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !t.done {
			r.note("!", 0, 22, "transition %d timed out waiting for %d members", id, len(t.waiting))
			r.execute(t)
		}
	})
	if len(t.waiting) == 0 {
		r.execute(t)
	}
}

func (r *Room) execute(t *transition) {
	if t.done {
		return
	}
	if d := r.srv.opt.ExecuteDelay - time.Since(t.at); d > 0 {
		time.AfterFunc(d, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.execute(t)
		})
		return
	}
	t.done = true
	for _, u := range t.targets {
		if m := r.members[u]; m != nil && !m.gone {
			m.text(22, map[string]any{"transition_id": t.id})
		}
	}
	if t.version == 0 {
		r.version = 0
		r.resetGroup()
	}
	d := r.deferred
	r.deferred = nil
	for _, f := range d {
		r.later(f)
	}
}

func (r *Room) tid() uint16 {
	id := r.nextTID
	r.nextTID++
	if r.nextTID == 0 {
		r.nextTID = 1
	}
	return id
}

// recipients of a proposal about user: DAVE members with a local or
// established group, never the subject of an add.
func (r *Room) propTargets(p prop) []*Member {
	var out []*Member
	for _, m := range r.daveMembers() {
		if m.user == p.user {
			continue
		}
		if r.established && r.leafOf(m.user) < 0 {
			continue
		}
		out = append(out, m)
	}
	return out
}

func (r *Room) broadcast(ps ...prop) {
	r.proposals = append(r.proposals, ps...)
	if d := r.srv.opt.ProposalDelay; d > 0 {
		r.batch = append(r.batch, ps...)
		if r.batchTimer == nil {
			r.batchTimer = time.AfterFunc(d, func() {
				r.mu.Lock()
				defer r.mu.Unlock()
				b := r.batch
				r.batch, r.batchTimer = nil, nil
				r.flush(b)
			})
		}
		return
	}
	r.flush(ps)
}

func (r *Room) flush(ps []prop) {
	for _, m := range r.daveMembers() {
		var list []delivery.Proposal
		for _, p := range ps {
			for _, t := range r.propTargets(p) {
				if t == m {
					list = append(list, p.Proposal)
				}
			}
		}
		if len(list) > 0 {
			m.bin(27, delivery.AppendPayload(list...))
		}
	}
}

func (r *Room) onKeyPackage(m *Member, raw []byte) {
	kp, err := delivery.ParseKeyPackage(raw)
	if err != nil {
		r.note("!", m.user, 26, "key package refused: %v", err)
		return
	}
	if kp.UserID() != m.user {
		r.note("!", m.user, 26, "key package identity %d", kp.UserID())
		return
	}
	r.note("<", m.user, 26, "key package %d bytes wrapped=%v", len(raw), kp.Wrapped)
	r.later(func() {
		if m.gone {
			return
		}
		first := m.kp == nil
		// a replaced key package revokes the add in flight
		if i := r.findAdd(m.user); i >= 0 {
			r.revoke(i)
		}
		m.kp = kp
		var ps []prop
		if l := r.leafOf(m.user); r.established && l >= 0 && !r.hasRemove(uint32(l)) {
			ps = append(ps, prop{Proposal: r.ext.ProposeRemove(r.gid, r.epoch, uint32(l)), user: m.user, leaf: uint32(l)})
		}
		if !r.established && first {
			// in-flight adds of the other pending members, for the newcomer
			var list []delivery.Proposal
			for _, p := range r.proposals {
				if p.add && p.user != m.user {
					list = append(list, p.Proposal)
				}
			}
			if len(list) > 0 {
				m.bin(27, delivery.AppendPayload(list...))
			}
		}
		ps = append(ps, prop{Proposal: r.ext.ProposeAdd(r.gid, r.epoch, kp.Raw), add: true, user: m.user, kp: kp})
		r.broadcast(ps...)
	})
}

func (r *Room) findAdd(user uint64) int {
	for i, p := range r.proposals {
		if p.add && p.user == user {
			return i
		}
	}
	return -1
}

func (r *Room) hasRemove(leaf uint32) bool {
	for _, p := range r.proposals {
		if !p.add && p.leaf == leaf {
			return true
		}
	}
	return false
}

func (r *Room) revoke(i int) {
	p := r.proposals[i]
	r.proposals = append(r.proposals[:i], r.proposals[i+1:]...)
	for j, b := range r.batch {
		if string(b.Ref) == string(p.Ref) {
			r.batch = append(r.batch[:j], r.batch[j+1:]...)
			return // never sent
		}
	}
	for _, m := range r.propTargets(p) {
		m.bin(27, delivery.RevokePayload(p.Proposal))
	}
}

func (r *Room) onCommit(m *Member, payload []byte) {
	c, rest, err := delivery.ParseCommit(payload)
	if err != nil {
		r.note("!", m.user, 28, "commit refused: %v", err)
		return
	}
	r.note("<", m.user, 28, "commit epoch=%d refs=%d path=%v welcome=%d bytes", c.Epoch, len(c.Refs), c.HasPath, len(rest))
	if c.Epoch != r.epoch || string(c.GroupID) != string(r.gid) {
		r.note("-", m.user, 28, "late commit for epoch %d (now %d): not broadcast", c.Epoch, r.epoch)
		return
	}
	if h := r.srv.opt.HoldCommits; h > 0 {
		r.heldCommits = append(r.heldCommits, held{m.user, payload})
		if r.heldTimer == nil {
			r.heldTimer = time.AfterFunc(h, func() {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.heldTimer = nil
				hs := r.heldCommits
				r.heldCommits = nil
				sort.SliceStable(hs, func(i, j int) bool {
					if r.srv.opt.Prefer == nil {
						return false
					}
					return r.srv.opt.Prefer(hs[i].user) > r.srv.opt.Prefer(hs[j].user)
				})
				for _, x := range hs {
					if mm := r.members[x.user]; mm != nil && r.accept(mm, x.payload) {
						return
					}
				}
			})
		}
		return
	}
	r.accept(m, payload)
}

func (r *Room) accept(m *Member, payload []byte) bool {
	c, rest, err := delivery.ParseCommit(payload)
	if err != nil || c.Epoch != r.epoch {
		return false
	}
	refuse := func(f string, a ...any) bool {
		r.note("!", m.user, 28, "commit refused: "+f, a...)
		return false
	}
	if r.established {
		if l := r.leafOf(m.user); l < 0 || uint32(l) != c.Sender {
			return refuse("sender leaf %d, expected %d", c.Sender, l)
		}
	} else if c.Sender != 0 {
		return refuse("sender leaf %d in a local group", c.Sender)
	}
	// "It references all unrevoked proposals broadcast in the epoch" and no other.
	want := map[string]prop{}
	for _, p := range r.proposals {
		if !r.established && p.add && p.user == m.user {
			continue // a local group already holds its creator
		}
		want[string(p.Ref)] = p
	}
	if len(c.Refs) == 0 {
		return refuse("no proposal reference")
	}
	var adds, removes []prop
	for _, ref := range c.Refs {
		p, ok := want[string(ref)]
		if !ok {
			return refuse("references an unknown or revoked proposal (%d refs, %d wanted)", len(c.Refs), len(want))
		}
		delete(want, string(ref))
		if p.add {
			adds = append(adds, p)
		} else {
			removes = append(removes, p)
		}
	}
	if len(want) > 0 {
		return refuse("misses %d of the proposals broadcast in epoch %d", len(want), r.epoch)
	}
	if c.HasPath && string(c.Leaf.SigKey) != string(m.sigKey()) {
		return refuse("path leaf changes the signature key")
	}
	if c.HasPath && (c.Leaf.CredType != 1 || len(c.Leaf.Identity) != 8 || binary.BigEndian.Uint64(c.Leaf.Identity) != m.user) {
		return refuse("path leaf changes the credential")
	}
	var w *delivery.Welcome
	if len(adds) > 0 {
		if w, err = delivery.ParseWelcome(rest); err != nil {
			return refuse("welcome: %v", err)
		}
		if w.Len() != len(adds) {
			return refuse("welcome has %d secrets for %d adds", w.Len(), len(adds))
		}
	} else if len(rest) != 0 {
		return refuse("%d bytes after a commit without adds", len(rest))
	}
	welcomes := map[uint64][]byte{}
	for _, p := range adds {
		b, ok := w.For(delivery.KeyPackageRef(p.kp.Raw))
		if !ok {
			return refuse("welcome lacks user %d", p.user)
		}
		welcomes[p.user] = b
	}

	was := r.established
	var commitTo []*Member
	if was {
		for _, u := range r.leaves {
			if mm := r.members[u]; u != 0 && mm != nil && !mm.gone {
				removed := false
				for _, p := range removes {
					if p.user == u {
						removed = true
					}
				}
				if !removed {
					commitTo = append(commitTo, mm)
				}
			}
		}
	} else {
		commitTo = []*Member{m}
		r.leaves = []uint64{m.user}
		m.inGroupKey = m.kp
	}
	for _, p := range removes {
		r.leaves[p.leaf] = 0
	}
	for len(r.leaves) > 0 && r.leaves[len(r.leaves)-1] == 0 {
		r.leaves = r.leaves[:len(r.leaves)-1]
	}
	for _, p := range adds {
		placed := false
		for i, u := range r.leaves {
			if u == 0 {
				r.leaves[i], placed = p.user, true
				break
			}
		}
		if !placed {
			r.leaves = append(r.leaves, p.user)
		}
		if mm := r.members[p.user]; mm != nil {
			mm.inGroupKey = p.kp
		}
	}
	r.established = true
	r.epoch++
	r.proposals = nil
	r.batch = nil
	r.heldCommits = nil

	var id uint16
	if was || !r.srv.opt.EstablishTID0 {
		id = r.tid()
	}
	r.note("!", m.user, 0, "ACCEPTED epoch=%d adds=%d removes=%d transition=%d leaves=%v", r.epoch, len(adds), len(removes), id, r.leaves)
	targets := append([]*Member(nil), commitTo...)
	for _, mm := range commitTo {
		raw := append([]byte(nil), c.Raw...)
		if r.CorruptCommit[mm.user] > 0 {
			r.CorruptCommit[mm.user]--
			raw[len(raw)-40] ^= 0x5a
			r.note("!", mm.user, 29, "corrupted on purpose")
		}
		mm.bin(29, append(binary.BigEndian.AppendUint16(nil, id), raw...))
	}
	for u, b := range welcomes {
		mm := r.members[u]
		if mm == nil || mm.gone {
			continue
		}
		mm.kp = nil
		if r.CorruptWelcome[u] > 0 {
			r.CorruptWelcome[u]--
			b[len(b)-20] ^= 0x5a
			r.note("!", u, 30, "corrupted on purpose")
		}
		mm.bin(30, append(binary.BigEndian.AppendUint16(nil, id), b...))
		targets = append(targets, mm)
	}
	r.startTransition(id, 1, targets)
	// users added who have left meanwhile
	for _, p := range adds {
		if mm := r.members[p.user]; mm == nil || mm.gone {
			u := p.user
			r.later(func() { r.removeUser(u) })
		}
	}
	return true
}

func (r *Room) removeUser(user uint64) {
	l := r.leafOf(user)
	if l < 0 || r.hasRemove(uint32(l)) {
		return
	}
	r.broadcast(prop{Proposal: r.ext.ProposeRemove(r.gid, r.epoch, uint32(l)), user: user, leaf: uint32(l)})
}

func (r *Room) onInvalid(m *Member, id int) {
	r.note("<", m.user, 31, "invalid commit/welcome transition=%d", id)
	r.later(func() {
		if r.established {
			r.removeUser(m.user)
		}
	})
}

func (r *Room) join(m *Member) {
	// called once the transport is selected
	v := r.wantVersion()
	dave := r.daveMembers()
	if m.maxDave == 0 && r.version > 0 && len(dave) > 0 {
		// downgrade the others
		id := r.tid()
		for _, o := range dave {
			o.text(21, map[string]any{"protocol_version": 0, "transition_id": id})
		}
		r.startTransition(id, 0, dave)
	} else if len(dave) == 0 {
		r.version = v
	}
	mine := uint16(0)
	if m.maxDave > 0 {
		mine = r.version
		if v == 0 {
			mine = 0
		}
	}
	var others []string
	for _, o := range r.members {
		if o != m && !o.gone && o.acked {
			others = append(others, strconv.FormatUint(o.user, 10))
			o.text(11, map[string]any{"user_ids": []string{strconv.FormatUint(m.user, 10)}})
		}
	}
	if r.srv.opt.ExternalBeforeAck && mine > 0 {
		m.external(true)
	}
	m.text(4, map[string]any{"mode": m.mode, "secret_key": toInts(m.key), "dave_protocol_version": mine, "media_session_id": "x", "audio_codec": "opus"})
	m.acked = true
	if len(others) > 0 {
		m.text(11, map[string]any{"user_ids": others})
	}
	for _, o := range r.members {
		if o != m && o.speaking {
			m.text(5, map[string]any{"user_id": strconv.FormatUint(o.user, 10), "ssrc": o.ssrc, "speaking": 1})
		}
	}
	if mine > 0 && !r.srv.opt.ExternalBeforeAck {
		m.external(true)
	}
}

func (r *Room) leave(m *Member) {
	if m.gone {
		return
	}
	m.gone = true
	delete(r.members, m.user)
	r.note("<", m.user, 13, "left")
	for _, o := range r.members {
		o.text(13, map[string]any{"user_id": strconv.FormatUint(m.user, 10)})
	}
	for _, t := range r.trans {
		if t.waiting[m.user] {
			delete(t.waiting, m.user)
			if len(t.waiting) == 0 {
				r.execute(t)
			}
		}
	}
	if i := r.findAdd(m.user); i >= 0 {
		r.revoke(i)
	}
	dave := r.daveMembers()
	if m.maxDave == 0 && r.wantVersion() == 1 && r.version == 0 && len(dave) > 0 {
		// upgrade: a new group for everyone
		r.version = 1
		r.resetGroup()
		for _, o := range dave {
			o.text(24, map[string]any{"protocol_version": 1, "epoch": 1})
			o.external(r.srv.opt.ResendExternal)
		}
		return
	}
	if r.established && len(dave) == 1 && r.version == 1 {
		// sole member reset
		r.resetGroup()
		o := dave[0]
		o.text(24, map[string]any{"protocol_version": 1, "epoch": 1})
		o.external(r.srv.opt.ResendExternal)
		o.text(21, map[string]any{"protocol_version": 1, "transition_id": 0})
		return
	}
	if len(r.members) == 0 {
		r.resetGroup()
		r.version = 1
		return
	}
	if r.established {
		u := m.user
		r.later(func() { r.removeUser(u) })
	}
}

// ---- members ---------------------------------------------------------------

type sent struct {
	seq  int
	mt   int
	data []byte
}

type Member struct {
	room    *Room
	user    uint64
	session string
	token   string
	maxDave int
	ssrc    uint32
	key     []byte
	mode    string
	acked   bool
	gone    bool

	kp         *delivery.KeyPackage
	inGroupKey *delivery.KeyPackage
	speaking   bool
	extSent    bool

	wmu  sync.Mutex
	conn *websocket.Conn
	seq  int
	log  []sent

	umu   sync.Mutex
	addr  netip.AddrPort
	aead  cipher.AEAD
	nonce uint32

	Rx, RxE2EE, RxBad atomic.Int64
}

func (m *Member) external(force bool) {
	if force || !m.extSent {
		m.extSent = true
		m.bin(25, m.room.ext.Package())
	}
}

func (m *Member) sigKey() []byte {
	if m.inGroupKey != nil {
		return m.inGroupKey.Leaf.SigKey
	}
	if m.kp != nil {
		return m.kp.Leaf.SigKey
	}
	return nil
}

func (m *Member) text(op int, d any) {
	m.wmu.Lock()
	defer m.wmu.Unlock()
	msg := map[string]any{"op": op, "d": d}
	if op != 2 && op != 6 && op != 8 && op != 9 {
		m.seq++
		msg["seq"] = m.seq
	}
	b, _ := json.Marshal(msg)
	if op >= 21 || op == 4 || op == 11 || op == 13 {
		m.room.note(">", m.user, op, "%s", b)
	}
	m.write(websocket.TextMessage, b)
}

func (m *Member) bin(op int, payload []byte) {
	m.wmu.Lock()
	defer m.wmu.Unlock()
	m.seq++
	b := binary.BigEndian.AppendUint16(nil, uint16(m.seq))
	b = append(b, byte(op))
	b = append(b, payload...)
	m.room.note(">", m.user, op, "%d bytes", len(payload))
	m.write(websocket.BinaryMessage, b)
}

func (m *Member) write(mt int, b []byte) {
	m.log = append(m.log, sent{m.seq, mt, b})
	if len(m.log) > 512 {
		m.log = m.log[256:]
	}
	if m.conn != nil {
		m.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
		_ = m.conn.WriteMessage(mt, b)
	}
}

// Kick closes a member's websocket with a code; the member stays resumable
// unless leave is true.
func (r *Room) Kick(user uint64, code int, leave bool) {
	r.mu.Lock()
	m := r.members[user]
	if m != nil && leave {
		r.leave(m)
	}
	r.mu.Unlock()
	if m == nil {
		return
	}
	m.wmu.Lock()
	defer m.wmu.Unlock()
	if m.conn != nil {
		if code > 0 {
			_ = m.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, "kick"), time.Now().Add(time.Second))
		}
		_ = m.conn.Close()
		m.conn = nil
	}
}

func (r *Room) Member(user uint64) *Member {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.members[user]
}

// Seq is the last sequence number sent to the member.
func (m *Member) Seq() int { m.wmu.Lock(); defer m.wmu.Unlock(); return m.seq }

func toInts(b []byte) []int {
	o := make([]int, len(b))
	for i, v := range b {
		o[i] = int(v)
	}
	return o
}

var up = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

type inMsg struct {
	Op int             `json:"op"`
	D  json.RawMessage `json:"d"`
}

func (s *Server) serveWS(w http.ResponseWriter, q *http.Request) {
	if q.URL.Query().Get("v") != "8" {
		http.Error(w, "version", 400)
		return
	}
	c, err := up.Upgrade(w, q, nil)
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"op":8,"d":{"v":8,"heartbeat_interval":%d}}`, s.opt.HeartbeatMS))
	var m *Member
	var wmu sync.Mutex
	defer func() {
		if m == nil {
			return
		}
		mm := m
		mm.wmu.Lock()
		same := mm.conn == c
		if same {
			mm.conn = nil
		}
		mm.wmu.Unlock()
		if same {
			// a resume window, then gone
			time.AfterFunc(s.resumeWindow(), func() {
				mm.wmu.Lock()
				back := mm.conn != nil
				mm.wmu.Unlock()
				if !back {
					mm.room.mu.Lock()
					mm.room.leave(mm)
					mm.room.mu.Unlock()
				}
			})
		}
	}()
	for {
		mt, b, err := c.ReadMessage()
		if err != nil {
			if websocket.IsCloseError(err, 1000, 1001) && m != nil {
				m.room.mu.Lock()
				m.wmu.Lock()
				same := m.conn == c
				m.wmu.Unlock()
				if same {
					m.room.leave(m)
				}
				m.room.mu.Unlock()
			}
			return
		}
		if mt == websocket.BinaryMessage {
			if m == nil || len(b) < 1 {
				continue
			}
			m.room.mu.Lock()
			switch b[0] {
			case 26:
				m.room.onKeyPackage(m, b[1:])
			case 28:
				m.room.onCommit(m, b[1:])
			default:
				m.room.note("!", m.user, int(b[0]), "unexpected binary opcode")
			}
			m.room.mu.Unlock()
			continue
		}
		var in inMsg
		if json.Unmarshal(b, &in) != nil {
			continue
		}
		switch in.Op {
		case 0:
			var d struct {
				ServerID string `json:"server_id"`
				UserID   string `json:"user_id"`
				Session  string `json:"session_id"`
				Token    string `json:"token"`
				Max      int    `json:"max_dave_protocol_version"`
			}
			_ = json.Unmarshal(in.D, &d)
			s.mu.Lock()
			rg := s.tokens[d.Token]
			s.mu.Unlock()
			if rg == nil || rg.guild != d.ServerID || rg.session != d.Session || strconv.FormatUint(rg.user, 10) != d.UserID {
				_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4004, "auth"), time.Now().Add(time.Second))
				return
			}
			room := s.Room(rg.guild, rg.channel)
			nm := &Member{room: room, user: rg.user, session: d.Session, token: d.Token, maxDave: d.Max, ssrc: s.ssrc.Add(1), key: make([]byte, 32)}
			rand.Read(nm.key)
			room.mu.Lock()
			if old := room.members[rg.user]; old != nil {
				room.leave(old)
			}
			room.members[rg.user] = nm
			nm.conn = c
			m = nm
			room.note("<", nm.user, 0, "identify max_dave=%d", d.Max)
			s.mu.Lock()
			s.ssrcs[nm.ssrc] = nm
			s.mu.Unlock()
			ua := s.udp.LocalAddr().(*net.UDPAddr)
			nm.text(2, map[string]any{"ssrc": nm.ssrc, "ip": "127.0.0.1", "port": ua.Port, "modes": s.opt.Modes, "experiments": []string{}})
			room.mu.Unlock()
		case 1:
			if m == nil {
				continue
			}
			var d struct {
				Data struct{ Mode string } `json:"data"`
			}
			_ = json.Unmarshal(in.D, &d)
			m.umu.Lock()
			m.mode = d.Data.Mode
			if m.mode == "aead_xchacha20_poly1305_rtpsize" {
				m.aead, _ = chacha20poly1305.NewX(m.key)
			} else {
				blk, _ := aes.NewCipher(m.key)
				m.aead, _ = cipher.NewGCM(blk)
			}
			m.umu.Unlock()
			m.room.mu.Lock()
			m.room.join(m)
			m.room.mu.Unlock()
		case 3:
			var d struct {
				T json.Number `json:"t"`
			}
			_ = json.Unmarshal(in.D, &d)
			if m != nil {
				m.room.mu.Lock()
				m.room.note("<", m.user, 3, "%s", in.D)
				m.room.mu.Unlock()
				m.wmu.Lock()
				_ = c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"op":6,"d":{"t":%s}}`, d.T))
				m.wmu.Unlock()
			} else {
				wmu.Lock()
				_ = c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"op":6,"d":{"t":%s}}`, d.T))
				wmu.Unlock()
			}
		case 5:
			if m == nil {
				continue
			}
			m.room.mu.Lock()
			m.speaking = true
			for _, o := range m.room.members {
				if o != m {
					o.text(5, map[string]any{"user_id": strconv.FormatUint(m.user, 10), "ssrc": m.ssrc, "speaking": 1})
				}
			}
			m.room.mu.Unlock()
		case 7:
			var d struct {
				Token   string `json:"token"`
				Session string `json:"session_id"`
				SeqAck  *int   `json:"seq_ack"`
			}
			_ = json.Unmarshal(in.D, &d)
			s.mu.Lock()
			rg := s.tokens[d.Token]
			s.mu.Unlock()
			var old *Member
			if rg != nil {
				old = s.Room(rg.guild, rg.channel).Member(rg.user)
			}
			if old == nil || old.session != d.Session {
				_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4006, "session"), time.Now().Add(time.Second))
				return
			}
			m = old
			m.room.mu.Lock()
			ack := -1
			if d.SeqAck != nil {
				ack = *d.SeqAck
			}
			m.room.note("<", m.user, 7, "resume seq_ack=%d (server at %d) raw=%s", ack, m.seq, in.D)
			m.wmu.Lock()
			m.conn = c
			n := 0
			if d.SeqAck != nil {
				for _, x := range m.log {
					if x.seq > ack {
						_ = c.WriteMessage(x.mt, x.data)
						n++
					}
				}
			}
			_ = c.WriteMessage(websocket.TextMessage, []byte(`{"op":9,"d":null}`))
			m.wmu.Unlock()
			m.room.note("!", m.user, 9, "resumed, replayed %d", n)
			m.room.mu.Unlock()
		case 23:
			if m == nil {
				continue
			}
			var d struct {
				ID uint16 `json:"transition_id"`
			}
			_ = json.Unmarshal(in.D, &d)
			m.room.mu.Lock()
			m.room.note("<", m.user, 23, "ready for %d", d.ID)
			if t := m.room.trans[d.ID]; t != nil && !t.done {
				delete(t.waiting, m.user)
				if len(t.waiting) == 0 {
					m.room.execute(t)
				}
			} else if d.ID == 0 {
				m.room.note("!", m.user, 23, "ready for transition 0 (not asked for)")
			}
			m.room.mu.Unlock()
		case 31:
			if m == nil {
				continue
			}
			var d struct {
				ID int `json:"transition_id"`
			}
			_ = json.Unmarshal(in.D, &d)
			m.room.mu.Lock()
			m.room.onInvalid(m, d.ID)
			m.room.mu.Unlock()
		}
	}
}

func (s *Server) resumeWindow() time.Duration { return 1500 * time.Millisecond }

// ---- SFU -------------------------------------------------------------------

func (s *Server) sfu() {
	buf := make([]byte, 2048)
	for {
		n, from, err := s.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		p := buf[:n]
		if n == 74 && binary.BigEndian.Uint16(p) == 1 {
			s.mu.Lock()
			m := s.ssrcs[binary.BigEndian.Uint32(p[4:])]
			if m != nil {
				m.umu.Lock()
				m.addr = from
				m.umu.Unlock()
				s.addrs[from] = m
			}
			s.mu.Unlock()
			out := make([]byte, 74)
			binary.BigEndian.PutUint16(out, 2)
			binary.BigEndian.PutUint16(out[2:], 70)
			copy(out[4:8], p[4:8])
			copy(out[8:], from.Addr().String())
			binary.BigEndian.PutUint16(out[72:], from.Port())
			_, _ = s.udp.WriteToUDPAddrPort(out, from)
			continue
		}
		if n == 8 { // keepalive of @discordjs/voice
			_, _ = s.udp.WriteToUDPAddrPort(p, from)
			continue
		}
		if n < 12+4 || p[0]>>6 != 2 || p[1]&0x7f != 0x78 {
			continue
		}
		s.mu.Lock()
		m := s.addrs[from]
		s.mu.Unlock()
		if m == nil {
			continue
		}
		h := 12 + 4*int(p[0]&0xf)
		if p[0]&0x10 != 0 {
			h += 4
		}
		m.umu.Lock()
		a := m.aead
		m.umu.Unlock()
		if a == nil || n < h+4+16 {
			m.RxBad.Add(1)
			continue
		}
		nonce := make([]byte, a.NonceSize())
		copy(nonce, p[n-4:])
		pt, err := a.Open(nil, nonce, p[h:n-4], p[:h])
		if err != nil {
			m.RxBad.Add(1)
			continue
		}
		m.Rx.Add(1)
		marked := len(pt) >= 2 && pt[len(pt)-1] == 0xfa && pt[len(pt)-2] == 0xfa
		if marked {
			m.RxE2EE.Add(1)
		}
		r := m.room
		r.mu.Lock()
		tap := r.Tap
		var to []*Member
		for _, o := range r.members {
			if o == m || o.gone || (marked && o.maxDave == 0) {
				continue
			}
			to = append(to, o)
		}
		r.mu.Unlock()
		if tap != nil {
			tap(m.user, append([]byte(nil), pt...))
		}
		for _, o := range to {
			o.umu.Lock()
			oa, addr := o.aead, o.addr
			o.nonce++
			nn := o.nonce
			o.umu.Unlock()
			if oa == nil || !addr.IsValid() {
				continue
			}
			on := make([]byte, oa.NonceSize())
			binary.BigEndian.PutUint32(on, nn)
			out := append([]byte(nil), p[:h]...)
			out = oa.Seal(out, on, pt, p[:h])
			out = append(out, on[:4]...)
			_, _ = s.udp.WriteToUDPAddrPort(out, addr)
		}
	}
}
