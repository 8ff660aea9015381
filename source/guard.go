package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"segue/music"
)

// A Guard keeps addresses that people give us from reaching what only we can
// reach: this machine, its network, cloud metadata. What counts is the address
// that is dialled in the end, so neither names that resolve differently the
// second time nor redirects get past it.
type Guard struct {
	allow  map[string]bool // "host:port", lower case
	dialer net.Dialer
	free   net.Dialer // for what is allowed by name
}

// NewGuard makes a guard with exceptions, each an exact "host:port" as it stands
// in a URL ("nas.lan:8080", "[::1]:80"); the port of http is 80, of https 443.
// The error names every exception that is not of that form. A nil resolver is
// Go's own.
func NewGuard(allow []string, r *net.Resolver) (*Guard, error) {
	g := &Guard{allow: make(map[string]bool)}
	var bad []error
	for _, a := range allow {
		host, port, err := net.SplitHostPort(strings.TrimSpace(a))
		n, perr := strconv.ParseUint(port, 10, 16)
		if err != nil || perr != nil || n == 0 || host == "" || strings.ContainsAny(host, "/@*") {
			bad = append(bad, fmt.Errorf("exception %q: want host:port", a))
			continue
		}
		g.allow[key(host, strconv.FormatUint(n, 10))] = true
	}
	g.dialer = net.Dialer{Resolver: r, ControlContext: control}
	g.free = net.Dialer{Resolver: r}
	return g, errors.Join(bad...)
}

func key(host, port string) string {
	return net.JoinHostPort(strings.ToLower(strings.TrimSuffix(host, ".")), port)
}

// Allowed reports whether the operator made an exception for u's host and port.
func (g *Guard) Allowed(u *url.URL) bool { return g.allow[key(u.Hostname(), portOf(u))] }

// Check refuses, without I/O, what must not be asked for: url.scheme (scheme),
// url.invalid, url.credentials, url.port (port), url.private (host).
func (g *Guard) Check(u *url.URL) error {
	switch u.Scheme {
	case "http", "https":
	default:
		return refusal("url.scheme", u.Scheme)
	}
	if u.Hostname() == "" {
		return &music.Error{Kind: music.Invalid, Code: "url.invalid"}
	}
	if u.User != nil {
		return refusal("url.credentials")
	}
	if g.Allowed(u) {
		return nil
	}
	port, err := strconv.ParseUint(portOf(u), 10, 16)
	if err != nil || !portAllowed(uint16(port)) {
		return refusal("url.port", portOf(u))
	}
	// A literal address needs no dialling to be refused.
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !public(a) {
		return refusal("url.private", u.Hostname())
	}
	return nil
}

// DialContext dials like net.Dialer, and refuses with url.private or url.port
// what is neither public nor an exception.
func (g *Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if g.allow[key(host, port)] {
		return g.free.DialContext(ctx, network, address)
	}
	conn, err := g.dialer.DialContext(ctx, network, address)
	if refused, ok := errors.AsType[*music.Error](err); ok && refused.Code == "url.private" {
		// The person reads the name they gave; the address is for the log.
		return nil, &music.Error{Kind: refused.Kind, Code: refused.Code, Args: []any{host}, Err: err}
	}
	return conn, err
}

// control sees every address on its way into connect.
func control(_ context.Context, network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" || !public(ap.Addr()) {
		return refusal("url.private", address)
	}
	if !portAllowed(ap.Port()) {
		return refusal("url.port", strconv.Itoa(int(ap.Port())))
	}
	return nil
}

func refusal(code string, args ...any) error {
	return &music.Error{Kind: music.Forbidden, Code: code, Args: args}
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// portAllowed lets through the web's ports and those radio stations use, and
// keeps out services above 1023 that a crafted request could talk to: the list of
// "bad ports" of the Fetch standard, databases, caches, brokers, orchestrators.
func portAllowed(p uint16) bool {
	if p < 1024 {
		return p == 80 || p == 443
	}
	switch p {
	case 1433, 1521, 1719, 1720, 1723, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190,
		4369, 5060, 5061, 5432, 5671, 5672, 5900, 5984, 6000, 6379, 6380, 6566, 6665, 6666, 6667, 6668,
		6669, 6679, 6697, 7199, 9042, 9092, 9160, 9200, 9300, 10080, 10250, 10255, 11211,
		16379, 26379, 27017, 27018, 27019:
		return false
	}
	return true
}

// public reports whether a is an address of the open internet.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, s := range special {
		if s.Contains(a) {
			return false
		}
	}
	return true
}

// special is what IANA's special-purpose registries and their forerunners set
// aside beyond private and link-local addresses; the IPv6 ones that carry an
// IPv4 address inside would lead around the IPv4 list.
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16",
	"3fff::/20", "5f00::/16", "fec0::/10",
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}
