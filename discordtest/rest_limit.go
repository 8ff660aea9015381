package discordtest

import (
	"fmt"
	"hash/fnv"
	"math"
	"net/http"
	"strconv"
	"time"
)

// window counts within fixed windows of time.
type window struct {
	start time.Time
	n     int
}

// take counts one; false when the limit of this window is used up.
func (w *window) take(now time.Time, limit int, per time.Duration) bool {
	if now.Sub(w.start) >= per {
		w.start, w.n = now, 0
	}
	if w.n >= limit {
		return false
	}
	w.n++
	return true
}

// left is how many may follow in this window, and when it ends.
func (w *window) left(now time.Time, limit int, per time.Duration) (n int, ends time.Duration) {
	if since := now.Sub(w.start); since < per {
		return max(limit-w.n, 0), per - since
	}
	return limit, per
}

// rate is what a bucket allows.
type rate struct {
	name  string // routes of one name share their buckets
	limit int
	per   time.Duration
}

// limiter holds the buckets: per bot, rate and major parameter.
type limiter struct{ buckets map[string]*window }

const (
	globalLimit  = 50 // requests per second and bot
	globalWindow = time.Second
)

// tooMany is a 429.
type tooMany struct {
	scope string
	after time.Duration
}

func (t *tooMany) Error() string { return "429: " + t.scope }

// limit counts a request against its buckets and sets the headers.
func (d *Discord) limit(q *request, h http.Header) error {
	now := d.now()
	if q.bot != nil && !q.route.exempt && !q.bot.global.take(now, globalLimit, globalWindow) {
		d.violate("REST: more than 50 requests in a second")
		return &tooMany{"global", globalWindow - now.Sub(q.bot.global.start)}
	}
	r := q.route.rate
	if r.limit == 0 {
		return nil
	}
	if d.limits.buckets == nil {
		d.limits.buckets = map[string]*window{}
	}
	who := ID(0)
	if q.bot != nil {
		who = q.bot.user.id
	}
	key := fmt.Sprintf("%v %s %s", who, r.name, q.major())
	b := d.limits.buckets[key]
	if b == nil {
		b = &window{}
		d.limits.buckets[key] = b
	}
	ok := b.take(now, r.limit, r.per)
	left := r.per - now.Sub(b.start)
	limitHeaders(h, r.name, r.limit, r.limit-b.n, now, left)
	if !ok {
		d.violate("REST: %s %s over its limit of %d in %v", q.r.Method, q.r.URL.Path, r.limit, r.per)
		return &tooMany{"user", left}
	}
	return nil
}

// invalidWindow is how long Cloudflare counts refused requests, and bars after.
const invalidWindow = 10 * time.Minute

// invalidate counts a request that was refused for what Cloudflare minds.
func (d *Discord) invalidate() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.invalid.take(d.now(), d.opt.InvalidRequests, invalidWindow) && d.invalid.n == d.opt.InvalidRequests {
		d.violate("REST: %d requests refused with 401, 403 or 429 in %v: Cloudflare bars the address", d.invalid.n, invalidWindow)
	}
}

// barred answers in Cloudflare's stead while the address is barred: a page, not
// JSON, and without what Discord's own answers carry.
func (d *Discord) barred(w http.ResponseWriter) bool {
	d.mu.Lock()
	left, ends := d.invalid.left(d.now(), d.opt.InvalidRequests, invalidWindow)
	d.mu.Unlock()
	if left > 0 {
		return false
	}
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(ends.Seconds()))))
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = w.Write([]byte("<!doctype html><title>Access denied</title><p>error code: 1015")) // the client may be gone
	return true
}

// limitHeaders says how a bucket stands; its name is told as a hash.
func limitHeaders(h http.Header, bucket string, limit, remaining int, now time.Time, left time.Duration) {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(bucket)) // never fails
	h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(remaining))
	h.Set("X-RateLimit-Reset", fmt.Sprintf("%.3f", float64(now.Add(left).UnixMilli())/1000))
	h.Set("X-RateLimit-Reset-After", fmt.Sprintf("%.3f", left.Seconds()))
	h.Set("X-RateLimit-Bucket", fmt.Sprintf("%016x", hash.Sum64()))
}

// answer writes the 429.
func (t *tooMany) answer(w http.ResponseWriter) {
	h := w.Header()
	h.Set("X-RateLimit-Scope", t.scope)
	if t.scope == "global" {
		h.Set("X-RateLimit-Global", "true")
	}
	h.Set("Retry-After", strconv.Itoa(int(math.Ceil(t.after.Seconds()))))
	body := obj{"message": "You are being rate limited.", "retry_after": math.Ceil(t.after.Seconds()*1000) / 1000, "global": t.scope == "global", "code": 0}
	if t.scope == "shared" {
		body["message"], body["code"] = "The resource is being rate limited.", 40062
	}
	writeJSON(w, 429, body)
}
