// Package httpfile plays files and streams from http(s) addresses and Discord
// attachments, behind a guard that keeps them from reaching our own network.
package httpfile

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"segue/audio"
	"segue/music"
	"segue/source"
)

// name is our word in track ids.
const name = "http"

const (
	// headerLimit is from asking to the header of the last redirect's answer.
	headerLimit = 10 * time.Second
	// stallLimit is how long a body may send nothing while somebody reads.
	stallLimit = 20 * time.Second
	// backoff with reconnects gives a server that restarts four seconds.
	backoff = 250 * time.Millisecond
	// maxRedirects is what browsers' limit of 20 shrinks to when nobody logs in.
	maxRedirects = 5
	// maxSize is the default for Options.MaxSize.
	maxSize = 512 << 20
)

// Options is what a Source may be told; the zero value is right for most.
type Options struct {
	Allow    []string      // exact host:port that may be reached although the guard would refuse
	MaxSize  int64         // bytes per file, 0: 512 MiB
	Resolver *net.Resolver // nil: Go's own

	HeaderLimit time.Duration // 0: 10 s for connecting, redirects and the header together
	StallLimit  time.Duration // 0: 20 s without a byte while reading
	Backoff     time.Duration // 0: 250 ms before asking a second time after a cut, doubled each time
}

// A Source plays what http and https addresses and attachments hold.
type Source struct {
	guard     *source.Guard
	transport *http.Transport
	client    *http.Client
	o         Options
	held      held
}

// New makes a source. The error names every exception that is not host:port.
func New(o Options) (*Source, error) {
	guard, err := source.NewGuard(o.Allow, o.Resolver)
	if err != nil {
		return nil, err
	}
	if o.MaxSize <= 0 {
		o.MaxSize = maxSize
	}
	if o.HeaderLimit <= 0 {
		o.HeaderLimit = headerLimit
	}
	if o.StallLimit <= 0 {
		o.StallLimit = stallLimit
	}
	if o.Backoff <= 0 {
		o.Backoff = backoff
	}
	s := &Source{guard: guard, o: o}
	s.transport = &http.Transport{
		Proxy:                  nil, // a proxy would dial what the guard cannot see
		DialContext:            translated(guard.DialContext),
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // music is compressed, and a bomb could hide in it
		MaxResponseHeaderBytes: 64 << 10,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConnsPerHost:    2,
		TLSHandshakeTimeout:    o.HeaderLimit,
	}
	s.client = &http.Client{Transport: s.transport, CheckRedirect: s.checkRedirect}
	return s, nil
}

// Close lets go of connections nobody uses. Media that are open stay open.
func (s *Source) Close() {
	s.held.close()
	s.transport.CloseIdleConnections()
}

// Name is "http".
func (s *Source) Name() string { return name }

// Match takes attachments and everything that begins like an address, those of
// other schemes too: who else would say that they cannot be played.
func (s *Source) Match(q music.Query) bool {
	return q.Attachment != nil || schemeOf(q.Text) != ""
}

// schemeOf is the scheme of text that looks like "scheme://…", else empty.
func schemeOf(text string) string {
	scheme, _, ok := strings.Cut(strings.TrimSpace(text), "://")
	if !ok || scheme == "" {
		return ""
	}
	for i, r := range strings.ToLower(scheme) {
		if (r < 'a' || r > 'z') && (i == 0 || !strings.ContainsRune("0123456789+-.", r)) {
			return ""
		}
	}
	return scheme
}

// Resolve asks an address for its header, so that what cannot work is said at
// once, and keeps the answer a few seconds for the Open that usually follows.
// Attachments need no asking: Discord has said what they are.
func (s *Source) Resolve(ctx context.Context, q music.Query) (music.Result, error) {
	if ctx.Err() != nil {
		return music.Result{}, context.Cause(ctx)
	}
	if q.Attachment != nil {
		return s.attachment(q.Attachment)
	}
	u, err := s.parse(q.Text)
	if err != nil {
		return music.Result{}, err
	}
	b, err := s.get(ctx, u)
	if err != nil {
		return music.Result{}, err
	}
	t := track(u, path.Base(u.Path))
	t.Live = b.live
	if title := source.Clean(b.station()); title != "" {
		t.Artist, t.Title = "", title
	}
	s.held.put(t.ID, b)
	return music.Result{Tracks: []music.Track{t}}, nil
}

// attachment makes a track of a file sent with a command.
func (s *Source) attachment(a *music.Attachment) (music.Result, error) {
	u, err := s.parse(a.URL)
	if err != nil {
		return music.Result{}, err
	}
	if !s.guard.Allowed(u) && (u.Scheme != "https" || u.Port() != "" ||
		u.Hostname() != "cdn.discordapp.com" && u.Hostname() != "media.discordapp.net") {
		return music.Result{}, &music.Error{Kind: music.Forbidden, Code: "attachment.host", Args: []any{u.Hostname()}}
	}
	if err := s.checkSize(a.Size); err != nil {
		return music.Result{}, err
	}
	return music.Result{Tracks: []music.Track{track(u, a.Filename)}}, nil
}

func track(u *url.URL, file string) music.Track {
	artist, title := source.Title(file)
	if title == "" {
		title = u.Hostname()
	}
	return music.Track{
		ID: music.TrackID(name + ":" + u.String()), Source: name,
		Artist: artist, Title: title, URL: u.String(),
	}
}

// Open opens the address of t. The media resumes by itself after a cut, and can
// seek, where the server knows ranges.
func (s *Source) Open(ctx context.Context, t music.Track) (*audio.Media, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	address, ours := strings.CutPrefix(string(t.ID), name+":")
	if !ours {
		return nil, &music.Error{Kind: music.Invalid, Code: "url.invalid"}
	}
	b := s.held.take(t.ID)
	if b == nil {
		u, err := s.parse(address)
		if err != nil {
			return nil, err
		}
		if b, err = s.get(ctx, u); err != nil {
			return nil, err
		}
	}
	return b.media(), nil
}

// parse reads an address and lets the guard look at it.
func (s *Source) parse(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		// The error quotes the address, which may hold a password: not for the log.
		return nil, &music.Error{Kind: music.Invalid, Code: "url.invalid"}
	}
	u.Fragment, u.RawFragment = "", ""
	return u, s.guard.Check(u)
}

func (s *Source) checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return &music.Error{Kind: music.Unplayable, Code: "url.redirects", Args: []any{maxRedirects}}
	}
	r.Header.Del("Referer")
	return s.guard.Check(r.URL)
}

// checkSize refuses what is known to be too large; unknown sizes are negative.
func (s *Source) checkSize(n int64) error {
	if n <= s.o.MaxSize {
		return nil
	}
	return &music.Error{Kind: music.Limit, Code: "url.too_large", Args: []any{(n + 1<<20 - 1) >> 20, s.o.MaxSize >> 20}}
}

// errHeader and errStall are causes of cancelled requests.
var (
	errHeader = errors.New("no answer in time")
	errStall  = errors.New("nothing received in time")
)

// failure says what a failed request to host means. The cause in ctx comes first.
func failure(ctx context.Context, host string, err error) error {
	if known, ok := errors.AsType[*music.Error](err); ok {
		return known
	}
	var timeout net.Error
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errHeader):
		return &music.Error{Kind: music.Unavailable, Code: "url.timeout", Args: []any{host}, Err: cause}
	case errors.Is(cause, errStall):
		return &music.Error{Kind: music.Unavailable, Code: "url.stalled", Args: []any{host}, Err: cause}
	case cause != nil:
		return cause
	case errors.As(err, &timeout) && timeout.Timeout():
		return &music.Error{Kind: music.Unavailable, Code: "url.timeout", Args: []any{host}, Err: redact(err)}
	}
	return &music.Error{Kind: music.Unavailable, Code: "url.unreachable", Args: []any{host}, Err: redact(err)}
}

// statusError says what an answer of host without media means.
func statusError(status int, host string) error {
	kind := music.Unplayable
	switch {
	case status == http.StatusNotFound || status == http.StatusGone:
		kind = music.NotFound
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		kind = music.Forbidden
	case status == http.StatusTooManyRequests || status >= 500:
		kind = music.Unavailable
	}
	return &music.Error{Kind: kind, Code: "url.status", Args: []any{status, host}}
}

// redact takes the address, which may be signed, out of an error for the log.
func redact(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
