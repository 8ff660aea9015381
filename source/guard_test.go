package source

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"segue/music"
)

func TestPublicKeepsOutEverythingInside(t *testing.T) {
	inside := []string{
		"127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
		"100.64.0.1", "100.100.100.200", "100.127.255.255", "0.0.0.0", "0.1.2.3", "192.0.0.8", "192.0.2.1", "192.88.99.1",
		"198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::7f00:1", "::8.8.8.8",
		"fd00::1", "fc00::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
		"64:ff9b::7f00:1", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:1ff::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1",
	}
	for _, s := range inside {
		if public(netip.MustParseAddr(s)) {
			t.Errorf("%s counts as public", s)
		}
	}
	outside := []string{
		"8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "198.17.255.255", "198.20.0.1",
		"::ffff:8.8.8.8", "2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001::1",
	}
	for _, s := range outside {
		if !public(netip.MustParseAddr(s)) {
			t.Errorf("%s does not count as public", s)
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address counts as public")
	}
}

func TestCheckRefusesBeforeDialling(t *testing.T) {
	g, err := NewGuard([]string{"127.0.0.1:6379", "NAS.lan:25", "[::1]:80"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"https://example.org/a.mp3":          "",
		"http://example.org:8000/stream":     "",
		"http://example.org:65535/":          "",
		"http://8.8.8.8/":                    "",
		"http://127.0.0.1:6379/":             "", // by exception, port and all
		"http://nas.lan:25/a.mp3":            "",
		"http://nas.lan.:25/a.mp3":           "", // the same name, fully qualified
		"http://[::1]/a.mp3":                 "",
		"file:///etc/passwd":                 "url.scheme",
		"gopher://127.0.0.1/x":               "url.scheme",
		"ftp://example.org/a.mp3":            "url.scheme",
		"http:///a.mp3":                      "url.invalid",
		"http://user:pw@example.org/":        "url.credentials",
		"http://user@127.0.0.1:6379/":        "url.credentials", // no exception lets a password through
		"http://example.org:25/":             "url.port",
		"http://example.org:22/":             "url.port",
		"http://example.org:6379/":           "url.port",
		"http://example.org:11211/":          "url.port",
		"http://example.org:99999/":          "url.port",
		"http://example.org:0/":              "url.port",
		"http://127.0.0.1/":                  "url.private",
		"http://127.0.0.1:8080/":             "url.private", // another port than the exception
		"http://[::ffff:127.0.0.1]/":         "url.private",
		"http://[fe80::1%25eth0]/":           "url.private",
		"http://169.254.169.254/latest/meta": "url.private",
		"https://[::1]/":                     "url.private", // the exception is for port 80
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := code(g.Check(u)); got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}

func TestGuardNamesEveryBadException(t *testing.T) {
	_, err := NewGuard([]string{"ok.example:80", "example.org", "http://example.org:80", "host:0", "host:70000", ":80", "*.lan:80", "a@b:80"}, nil)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, bad := range []string{`"example.org"`, `"http://example.org:80"`, `"host:0"`, `"host:70000"`, `":80"`, `"*.lan:80"`, `"a@b:80"`} {
		if !strings.Contains(err.Error(), bad) {
			t.Errorf("%s is not named in %q", bad, err)
		}
	}
	if strings.Contains(err.Error(), "ok.example") {
		t.Errorf("a good exception is named in %q", err)
	}
}

func TestDialRefusesWhatNamesAndNumbersLeadTo(t *testing.T) {
	l := listener(t)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	g, _ := NewGuard(nil, names(t, nil))
	for _, host := range []string{"127.0.0.1", "localhost", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:7f00:1"} {
		_, err := g.DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
		if got := code(err); got != "url.private" {
			t.Errorf("%s: got %q (%v)", host, got, err)
		}
		var e *music.Error
		if errors.As(err, &e) && e.Args[0] != host {
			t.Errorf("%s: the person would read %v", host, e.Args[0])
		}
	}
	// Short, decimal, octal, hexadecimal forms that other resolvers take for 127.0.0.1.
	for _, host := range []string{"2130706433", "0x7f.1", "017700000001", "127.1", "0x7f000001"} {
		if c, err := g.DialContext(t.Context(), "tcp", net.JoinHostPort(host, port)); err == nil {
			t.Errorf("%s was dialled: %v", host, c.RemoteAddr())
		}
	}
	if _, err := g.DialContext(t.Context(), "tcp", "no port"); err == nil {
		t.Error("an address without a port was dialled")
	}
}

func TestDialRefusesARebindingName(t *testing.T) {
	l := listener(t)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	var asked atomic.Int32
	// Public when somebody checks, private when somebody dials.
	g, _ := NewGuard(nil, names(t, func(string) netip.Addr {
		if asked.Add(1) == 1 {
			return netip.MustParseAddr("93.184.216.34")
		}
		return netip.MustParseAddr("127.0.0.1")
	}))
	if ips, err := g.dialer.Resolver.LookupNetIP(t.Context(), "ip4", "rebind.example.com"); err != nil || !public(ips[0]) {
		t.Fatalf("the check before: %v, %v", ips, err)
	}
	_, err := g.DialContext(t.Context(), "tcp", net.JoinHostPort("rebind.example.com", port))
	if code(err) != "url.private" {
		t.Fatalf("got %v", err)
	}
	if asked.Load() < 2 {
		t.Fatal("the name was not asked for again: nothing was shown")
	}
}

func TestDialReachesExceptionsAndOnlyThem(t *testing.T) {
	l := listener(t)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	r := names(t, func(string) netip.Addr { return netip.MustParseAddr("127.0.0.1") })
	g, err := NewGuard([]string{"Radio.lan:" + port}, r)
	if err != nil {
		t.Fatal(err)
	}
	c, err := g.DialContext(t.Context(), "tcp", net.JoinHostPort("radio.LAN", port))
	if err != nil {
		t.Fatalf("the exception is refused: %v", err)
	}
	_ = c.Close()
	for _, host := range []string{"other.lan", "127.0.0.1", "evil.radio.lan"} {
		if _, err := g.DialContext(t.Context(), "tcp", net.JoinHostPort(host, port)); code(err) != "url.private" {
			t.Errorf("%s: got %v", host, err)
		}
	}
}

func TestControlLooksAtPortsToo(t *testing.T) {
	if err := control(t.Context(), "tcp4", "8.8.8.8:6379", nil); code(err) != "url.port" {
		t.Errorf("got %v", err)
	}
	if err := control(t.Context(), "udp4", "8.8.8.8:80", nil); code(err) != "url.private" {
		t.Errorf("got %v", err)
	}
	if err := control(t.Context(), "tcp4", "8.8.8.8:443", nil); err != nil {
		t.Errorf("got %v", err)
	}
}

func code(err error) string {
	if e, ok := errors.AsType[*music.Error](err); ok {
		return e.Code
	}
	if err != nil {
		return "not a music.Error: " + err.Error()
	}
	return ""
}

// listener would gladly talk to anybody on loopback.
func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// names is a resolver that asks a DNS server on loopback, which answers with what
// lookup says (nil: there is no such name).
func names(t *testing.T, lookup func(string) netip.Addr) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = pc.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if n > 12 {
				_, _ = pc.WriteTo(dnsAnswer(buf[:n], lookup), from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

func dnsAnswer(query []byte, lookup func(string) netip.Addr) []byte {
	end := 12
	var labels []string
	for query[end] != 0 {
		n := int(query[end])
		labels = append(labels, string(query[end+1:end+1+n]))
		end += n + 1
	}
	kind := query[end+2]
	msg := append([]byte{}, query[:end+5]...)
	msg[2], msg[3] = 0x81, 0x80
	copy(msg[6:12], make([]byte, 6))
	if lookup == nil {
		msg[3] |= 3 // no such name
		return msg
	}
	if kind == 1 {
		a := lookup(strings.Join(labels, ".")).As4()
		msg[7] = 1
		msg = append(msg, 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		msg = append(msg, a[:]...)
	}
	return msg
}
