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
	"sync/atomic"
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
	// wellGone is how much a station must have sent for asking it to have gone well.
	wellGone = 16 << 10
)

// errClosed is what reading closed media gives.
var errClosed = errors.New("http media closed")

// A body is a file or stream as bytes, over as many requests as it takes. Read
// and Seek belong to one goroutine; Close may come from any.
type body struct {
	s     *Source
	u     *url.URL // as it was asked for: asking again starts over, redirects included
	found *url.URL // where it was in the end: what it refers to counts from there
	head  http.Header
	from  int64 // where what is wanted begins
	size  int64 // and ends; -1 if unknown
	total int64 // bytes of the whole file; -1 if unknown

	// life ends with Close; each request is its child. root is that of the body
	// one began with.
	life, root context.Context
	end        context.CancelCauseFunc

	ranges bool    // the server can begin in the middle
	resp   *answer // nil: ask again before the next byte
	at     int64   // the next byte of resp
	pos    int64   // the next byte wanted
	got    int64   // bytes since it was asked last
	tries  int     // asked again since it went well
	failed error   // what Read says from now on

	live   bool // a station
	titles bool // it says what is on
	now    atomic.Pointer[string]
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
	return s.part(ctx, context.WithoutCancel(ctx), nil, u, 0, 0)
}

// part is get of n bytes from from on, or of what follows if n is 0. What it gives
// lives no longer than life; root is the life of what refers to it, if anything.
func (s *Source) part(ctx, life, root context.Context, u *url.URL, from, n int64) (*body, error) {
	b := &body{s: s, u: u, from: from, pos: from, size: -1, total: -1}
	b.life, b.end = context.WithCancelCause(life)
	if b.root = root; root == nil {
		b.root = b.life
	}
	if err := s.checkSize(n); err != nil {
		b.end(errClosed)
		return nil, err
	}
	ranged := ""
	if n > 0 {
		b.size = from + n
	}
	if from > 0 || n > 0 {
		ranged = b.rest()
	}
	resp, a, err := b.ask(ctx, ranged)
	if err == nil {
		b.resp, b.head, b.found = a, resp.Header, resp.Request.URL
		err = b.begin(resp)
	}
	if err != nil {
		b.end(errClosed)
		return nil, err
	}
	return b, nil
}

// begin sizes up the first answer.
func (b *body) begin(resp *http.Response) error {
	if resp.StatusCode == http.StatusPartialContent {
		at, total, ok := contentRange(resp.Header.Get("Content-Range"))
		if !ok || at != b.from {
			return b.cut(errors.New("the server sent another part than asked for"))
		}
		b.at, b.total, b.ranges = at, total, true
	} else {
		if err := b.s.checkSize(b.from); err != nil { // what comes before is read, too
			return err
		}
		b.total = resp.ContentLength
		b.ranges = b.from == 0 && b.size < 0 && b.total > 0 && strings.EqualFold(resp.Header.Get("Accept-Ranges"), "bytes")
	}
	if every := metaInterval(resp.Header); every > 0 {
		b.total, b.ranges, b.titles = -1, false, true
		b.resp.body = b.strip(b.resp.body, every)
	}
	switch {
	case b.size < 0:
		b.size = b.total
	case b.total >= 0 && b.size > b.total:
		return b.cut(errors.New("the file is shorter than what refers to it says"))
	}
	b.live = b.onAir()
	return b.s.checkSize(b.size - b.from)
}

// rest is the range from pos on.
func (b *body) rest() string {
	if b.size >= 0 && b.size != b.total {
		return fmt.Sprintf("bytes=%d-%d", b.pos, b.size-1)
	}
	return fmt.Sprintf("bytes=%d-", b.pos)
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
	if ranged != "" {
		req.Header.Set("Range", ranged)
		if v := b.validator(); v != "" {
			req.Header.Set("If-Range", v)
		}
	} else if b.root == b.life {
		req.Header.Set("Icy-MetaData", "1")
	}
	resp, err := b.s.client.Do(req)
	if err != nil {
		err = failure(rctx, b.u.Hostname(), err)
		cancel(err)
		return nil, nil, err
	}
	a := &answer{body: resp.Body, ctx: rctx, cancel: cancel}
	if err := b.expected(resp.StatusCode, ranged != ""); err != nil {
		a.close()
		return nil, nil, err
	}
	if !timer.Stop() || !stop() { // too late by a hair
		a.close()
		return nil, nil, failure(rctx, b.u.Hostname(), context.Cause(rctx))
	}
	return resp, a, nil
}

// expected checks the status of an answer. One that does not know ranges may
// answer the first request with all there is.
func (b *body) expected(status int, ranged bool) error {
	switch {
	case status == http.StatusOK && (!ranged || b.head == nil), status == http.StatusPartialContent && ranged:
		return nil
	case status == http.StatusOK: // of a range: the file has changed
		return b.cut(errors.New("the server began again from the start"))
	}
	return statusError(status, b.u.Hostname())
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
	if b.resp != nil && b.ranges && b.at != b.pos && (b.at > b.pos || b.pos-b.at > skipped) {
		b.hangUp()
	}
	if b.resp == nil {
		return 0, b.askAgain()
	}
	skip := b.pos - b.at
	if skip > 0 {
		p = make([]byte, min(skip, 16<<10))
	} else if b.size >= 0 {
		p = p[:min(int64(len(p)), b.size-b.pos)]
	}
	n, err := b.receive(p)
	b.at += int64(n)
	if b.got += int64(n); b.got >= wellGone || n > 0 && !b.live {
		b.tries = 0
	}
	if skip > 0 {
		n = 0 // not what was asked for
	} else {
		b.pos += int64(n)
	}
	if read := b.at - b.from; !b.live && read > b.s.o.MaxSize {
		b.hangUp()
		return 0, b.s.checkSize(read)
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
	case b.live && b.life.Err() == nil && b.tries < reconnects:
		return nil
	case b.live && errors.Is(err, io.EOF):
		return b.cut(err)
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

// askAgain asks for the file from pos on, or for what a station sends now.
func (b *body) askAgain() error {
	if b.tries > 0 { // the first time at once: a listener is waiting
		select {
		case <-time.After(b.s.o.Backoff << (b.tries - 1)):
		case <-b.life.Done():
			return context.Cause(b.life)
		}
	}
	b.tries++
	b.got = 0
	ranged := ""
	if !b.live {
		ranged = b.rest()
	}
	resp, a, err := b.ask(b.life, ranged)
	if err != nil {
		if music.KindOf(err) == music.Unavailable && b.tries < reconnects {
			return nil
		}
		return err
	}
	if ranged == "" {
		return b.tuneIn(resp, a)
	}
	if from, total, ok := contentRange(resp.Header.Get("Content-Range")); !ok || from != b.pos || total != b.total {
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

// media hands the body on as what the engine reads.
func (b *body) media() *audio.Media {
	m := &audio.Media{ReadCloser: b, Size: -1, Ext: path.Ext(b.u.Path), Refs: refs{b.s, b.root, b.found}, Live: b.live}
	if kind, _, err := mime.ParseMediaType(b.head.Get("Content-Type")); err == nil {
		m.MIME = kind
	}
	if b.size >= 0 {
		m.Size = b.size - b.from
	}
	if b.ranges && b.from == 0 {
		m.Seeker = b
	}
	if v := b.validator(); v != "" && !b.live && m.Size >= 0 && b.total == m.Size { // of unknown length, it could be cut short
		m.Version = fmt.Sprintf("%s:%s %d %q", name, b.u, m.Size, v)
	}
	if b.titles {
		m.Playing = b.playing
	}
	return m
}
