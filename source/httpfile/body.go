package httpfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"segue/audio"
	"segue/music"
)

const (
	// reconnects without a byte in between, before a cut is the end.
	reconnects = 5
	// skipped is how far ahead a seek reads on rather than asking anew: what
	// arrives faster than a request goes to and fro.
	skipped = 128 << 10
)

// errClosed is what reading closed media gives.
var errClosed = errors.New("http media closed")

// A body is a file or stream as bytes, over as many requests as it takes. Read
// and Seek belong to one goroutine; Close may come from any.
type body struct {
	s    *Source
	u    *url.URL // as it was asked for: asking again starts over, redirects included
	head http.Header
	size int64 // -1 if unknown

	// life ends with Close; each request is its child.
	life context.Context
	end  context.CancelCauseFunc

	ranges bool    // the server can begin in the middle
	resp   *answer // nil: ask again before the next byte
	at     int64   // the next byte of resp
	pos    int64   // the next byte wanted
	tries  int     // asked again since the last byte
	failed error   // what Read says from now on
}

// An answer is one response being read.
type answer struct {
	body   io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func (a *answer) close() {
	a.cancel(errClosed) // first: it unblocks a Read that holds the body
	_ = a.body.Close()
}

// get asks for u and reads the header. ctx bounds only that.
func (s *Source) get(ctx context.Context, u *url.URL) (*body, error) {
	b := &body{s: s, u: u, size: -1}
	b.life, b.end = context.WithCancelCause(context.WithoutCancel(ctx))
	resp, a, err := b.ask(ctx, "")
	if err != nil {
		b.end(errClosed)
		return nil, err
	}
	b.resp, b.head, b.size = a, resp.Header, resp.ContentLength
	b.ranges = b.size > 0 && strings.EqualFold(resp.Header.Get("Accept-Ranges"), "bytes")
	if err := s.checkSize(b.size); err != nil {
		_ = b.Close()
		return nil, err
	}
	return b, nil
}

// ask sends one request, for a part of the file if ranged is not empty, and
// checks the answer's status. ctx bounds it until the header is there.
func (b *body) ask(ctx context.Context, ranged string) (*http.Response, *answer, error) {
	rctx, cancel := context.WithCancelCause(b.life)
	timer := time.AfterFunc(b.s.o.HeaderLimit, func() { cancel(errHeader) })
	defer timer.Stop()
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	defer stop()

	req, err := http.NewRequestWithContext(rctx, http.MethodGet, b.u.String(), nil)
	if err != nil {
		cancel(err)
		return nil, nil, &music.Error{Kind: music.Invalid, Code: "url.invalid"}
	}
	req.Header.Set("User-Agent", "Segue")
	req.Header.Set("Accept", "audio/*, */*;q=0.5")
	want := http.StatusOK
	if ranged != "" {
		want = http.StatusPartialContent
		req.Header.Set("Range", ranged)
		if v := b.validator(); v != "" {
			req.Header.Set("If-Range", v)
		}
	}
	resp, err := b.s.client.Do(req)
	if err != nil {
		err = failure(rctx, b.u.Hostname(), err)
		cancel(err)
		return nil, nil, err
	}
	a := &answer{body: resp.Body, ctx: rctx, cancel: cancel}
	if resp.StatusCode != want {
		a.close()
		if resp.StatusCode == http.StatusOK { // of a range: the file has changed
			return nil, nil, b.cut(errors.New("the server began again from the start"))
		}
		return nil, nil, statusError(resp.StatusCode, b.u.Hostname())
	}
	if !timer.Stop() || !stop() { // too late by a hair
		a.close()
		return nil, nil, failure(rctx, b.u.Hostname(), context.Cause(rctx))
	}
	return resp, a, nil
}

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

// validator is what tells a changed file from the one we began, or empty. RFC
// 9110, 13.1.5: weak validators do not count.
func (b *body) validator() string {
	if tag := b.head.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return b.head.Get("Last-Modified")
}

// Read reads on, after a cut from where it was, if the server knows ranges.
// Errors: url.stalled, url.too_large, url.cut, and those of asking again.
func (b *body) Read(p []byte) (int, error) {
	for len(p) > 0 && b.failed == nil && b.life.Err() == nil {
		n, err := b.step(p)
		b.failed = err
		if n > 0 {
			return n, nil // what is wrong, if anything, is said next time
		}
	}
	if b.life.Err() != nil {
		return 0, context.Cause(b.life)
	}
	return 0, b.failed
}

// step makes one move towards the next byte. It may come to nothing yet.
func (b *body) step(p []byte) (int, error) {
	if b.size >= 0 && b.pos >= b.size {
		return 0, io.EOF
	}
	if b.resp != nil && b.at != b.pos && (b.at > b.pos || b.pos-b.at > skipped) {
		b.hangUp()
	}
	if b.resp == nil {
		return 0, b.askAgain()
	}
	skip := b.pos - b.at
	if skip > 0 {
		p = make([]byte, min(skip, 16<<10))
	}
	n, err := b.receive(p)
	b.at += int64(n)
	if n > 0 {
		b.tries = 0
	}
	if skip > 0 {
		n = 0 // not what was asked for
	} else {
		b.pos += int64(n)
	}
	if !b.live() && b.at > b.s.o.MaxSize {
		b.hangUp()
		return 0, b.s.checkSize(b.at)
	}
	if err != nil {
		err = b.broken(err)
	}
	return n, err
}

// receive is one Read of the response, within the stall limit.
func (b *body) receive(p []byte) (int, error) {
	cancel := b.resp.cancel
	timer := time.AfterFunc(b.s.o.StallLimit, func() { cancel(errStall) })
	defer timer.Stop()
	return b.resp.body.Read(p)
}

// broken says what the end of a response means: nil if it is to be asked for
// again, io.EOF if it was the end.
func (b *body) broken(err error) error {
	ctx := b.resp.ctx
	cause := context.Cause(ctx)
	b.hangUp()
	switch {
	case errors.Is(err, io.EOF) && b.size < 0:
		return io.EOF
	case errors.Is(err, io.EOF) && b.at >= b.size:
		return nil
	case cause != nil:
		return failure(ctx, b.u.Hostname(), err)
	case b.ranges && b.tries < reconnects:
		return nil
	}
	return b.cut(err)
}

func (b *body) cut(err error) error {
	return &music.Error{Kind: music.Unavailable, Code: "url.cut", Args: []any{b.u.Hostname()}, Err: redact(err)}
}

// askAgain asks for the file from pos on.
func (b *body) askAgain() error {
	if b.tries > 0 { // the first time at once: a listener is waiting
		select {
		case <-time.After(b.s.o.Backoff << (b.tries - 1)):
		case <-b.life.Done():
			return context.Cause(b.life)
		}
	}
	b.tries++
	resp, a, err := b.ask(b.life, fmt.Sprintf("bytes=%d-", b.pos))
	if err != nil {
		if music.KindOf(err) == music.Unavailable && b.tries < reconnects {
			return nil
		}
		return err
	}
	if from, total, ok := contentRange(resp.Header.Get("Content-Range")); !ok || from != b.pos || total != b.size {
		a.close()
		return b.cut(errors.New("the server sent another part than asked for"))
	}
	b.resp, b.at = a, b.pos
	return nil
}

// contentRange reads "bytes 100-199/1000".
func contentRange(s string) (from, total int64, ok bool) {
	s, ok = strings.CutPrefix(strings.TrimSpace(s), "bytes ")
	if !ok {
		return 0, 0, false
	}
	span, all, _ := strings.Cut(s, "/")
	first, _, _ := strings.Cut(span, "-")
	from, err1 := strconv.ParseInt(first, 10, 64)
	total, err2 := strconv.ParseInt(all, 10, 64)
	return from, total, err1 == nil && err2 == nil && from >= 0 && total > from
}

func (b *body) hangUp() {
	if b.resp != nil {
		b.resp.close()
		b.resp = nil
	}
}

// Seek costs nothing by itself; the next Read asks for what is missing.
func (b *body) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.pos
	case io.SeekEnd:
		offset += b.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("http media: seek to %d", offset)
	}
	b.pos = offset
	if errors.Is(b.failed, io.EOF) {
		b.failed = nil
	}
	return offset, nil
}

// Close lets go of everything and unblocks a Read. It may be called again.
func (b *body) Close() error {
	b.end(errClosed)
	return nil
}

// live reports whether this is a station, as far as headers tell.
func (b *body) live() bool {
	return b.size < 0 && (b.head.Get("Icy-Name") != "" || b.head.Get("Icy-Br") != "" ||
		b.head.Get("Ice-Audio-Info") != "" || strings.HasPrefix(b.head.Get("Server"), "Icecast"))
}

func (b *body) station() string { return b.head.Get("Icy-Name") }

// media hands the body on as what the engine reads.
func (b *body) media() *audio.Media {
	m := &audio.Media{ReadCloser: b, Size: b.size, Ext: path.Ext(b.u.Path)}
	if kind, _, err := mime.ParseMediaType(b.head.Get("Content-Type")); err == nil {
		m.MIME = kind
	}
	if b.ranges {
		m.Seeker = b
	}
	return m
}
