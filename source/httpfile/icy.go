package httpfile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"segue/source"
)

// maxInterval is the most bytes between two blocks of a station's metadata.
const maxInterval = 1 << 24

// metaInterval is after how many bytes of sound a station sends metadata each
// time, or 0 if it sends none.
func metaInterval(h http.Header) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(h.Get("Icy-Metaint")), 10, 64)
	if err != nil || n <= 0 || n > maxInterval {
		return 0
	}
	return n
}

// strip takes the metadata out of what a station sends, and keeps the title.
func (b *body) strip(r io.ReadCloser, every int64) io.ReadCloser {
	return &stripper{ReadCloser: r, every: every, left: every, say: func(meta []byte) {
		if title, ok := streamTitle(meta); ok {
			b.now.Store(&title)
		}
	}}
}

// onAir reports whether this is a station, as far as headers tell. Lists are none,
// even those that servers of stations send, nor is what a list refers to.
func (b *body) onAir() bool {
	if b.size >= 0 || b.root != b.life {
		return false
	}
	switch strings.ToLower(path.Ext(b.found.Path)) {
	case ".m3u8", ".m3u", ".pls":
		return false
	}
	kind := strings.ToLower(b.head.Get("Content-Type"))
	if strings.Contains(kind, "mpegurl") || strings.Contains(kind, "scpls") {
		return false
	}
	return b.titles || b.head.Get("Icy-Name") != "" || b.head.Get("Icy-Br") != "" ||
		b.head.Get("Ice-Audio-Info") != "" || strings.HasPrefix(b.head.Get("Server"), "Icecast")
}

func (b *body) station() string { return b.head.Get("Icy-Name") }

// tuneIn goes on with what a station sends now.
func (b *body) tuneIn(resp *http.Response, a *answer) error {
	if resp.Header.Get("Content-Type") != b.head.Get("Content-Type") {
		a.close()
		return b.cut(errors.New("the station now sends something else"))
	}
	if every := metaInterval(resp.Header); every > 0 {
		a.body = b.strip(a.body, every)
	}
	b.resp, b.at = a, b.pos
	return nil
}

// playing is what the station said last is on.
func (b *body) playing() string {
	if s := b.now.Load(); s != nil {
		return *s
	}
	return ""
}

// A stripper takes metadata out of sound: after every so many bytes of that comes
// a byte that says how many times 16 bytes of metadata follow.
type stripper struct {
	io.ReadCloser
	every int64
	left  int64 // bytes of sound until the next block
	say   func(meta []byte)

	meta  []byte // the block at hand
	lacks int    // bytes of it that have not come yet
	one   [1]byte
}

func (s *stripper) Read(p []byte) (int, error) {
	for len(p) > 0 {
		switch {
		case s.lacks > 0:
			n, err := s.ReadCloser.Read(s.meta[len(s.meta)-s.lacks:])
			if s.lacks -= n; s.lacks == 0 && n > 0 {
				s.left = s.every
				s.say(s.meta)
			}
			if n == 0 || err != nil {
				return 0, err
			}
		case s.left == 0:
			n, err := s.ReadCloser.Read(s.one[:])
			if n > 0 {
				s.begin(16 * int(s.one[0]))
			}
			if n == 0 || err != nil {
				return 0, err
			}
		default:
			n, err := s.ReadCloser.Read(p[:min(int64(len(p)), s.left)])
			s.left -= int64(n)
			return n, err
		}
	}
	return 0, nil
}

// begin makes ready for a block of so many bytes; an empty one says that nothing
// has changed.
func (s *stripper) begin(size int) {
	if size == 0 {
		s.left = s.every
		return
	}
	if cap(s.meta) < size {
		s.meta = make([]byte, size)
	}
	s.meta, s.lacks = s.meta[:size], size
}

// streamTitle finds the title in metadata like StreamTitle='…';StreamUrl='…'; where
// quotes inside are not marked: it ends where the block does, or the next name
// begins.
func streamTitle(meta []byte) (string, bool) {
	meta = bytes.TrimRight(meta, "\x00")
	const begin = "streamtitle='"
	i := bytes.Index(bytes.ToLower(meta), []byte(begin))
	if i < 0 || i+len(begin) > len(meta) {
		return "", false
	}
	title := meta[i+len(begin):]
	end := len(bytes.TrimRight(title, "'; "))
	for at := range title {
		if bytes.HasPrefix(title[at:], []byte("';")) && named(title[at+2:]) {
			end = at
			break
		}
	}
	title = title[:end]
	if utf8.Valid(title) {
		return source.Clean(string(title)), true
	}
	runes := make([]rune, len(title)) // Latin-1
	for i, c := range title {
		runes[i] = rune(c)
	}
	return source.Clean(string(runes)), true
}

// named reports whether b is nothing or begins like StreamUrl='.
func named(b []byte) bool {
	name, _, ok := bytes.Cut(bytes.TrimLeft(b, " "), []byte("='"))
	if !ok {
		return len(bytes.TrimLeft(b, " ")) == 0
	}
	return len(name) > 0 && !bytes.ContainsFunc(name, func(r rune) bool { return r > 'z' || r < 'A' || r > 'Z' && r < 'a' })
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// translated makes dial's connections understand servers of before HTTP.
func translated(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &shoutcast{Conn: c}, nil
	}
}

// A shoutcast is a connection on which an answer that begins with "ICY ", as
// SHOUTcast 1 has it, begins with "HTTP/1.0 ".
type shoutcast struct {
	net.Conn
	looked bool
	head   []byte // read, not yet given
}

func (c *shoutcast) Read(p []byte) (int, error) {
	const ours, theirs = "ICY ", "HTTP/1.0 "
	for !c.looked {
		start := make([]byte, len(ours)-len(c.head))
		n, err := c.Conn.Read(start)
		c.head = append(c.head, start[:n]...)
		switch {
		case string(c.head) == ours:
			c.looked, c.head = true, []byte(theirs)
		case !strings.HasPrefix(ours, string(c.head)):
			c.looked = true
		case err != nil:
			if c.looked = true; len(c.head) == 0 {
				return 0, err
			}
		}
	}
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}
