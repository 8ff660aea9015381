package voiceserver

import (
	"crypto/tls"
	"net/http"
	"time"
)

// Silent is a gateway that upgrades, says hello and nothing more.
func Silent() (endpoint string, err error) {
	s, err := New(Options{})
	if err != nil {
		return "", err
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		c, err := up.Upgrade(w, q, nil)
		if err != nil {
			return
		}
		defer c.Close()
		c.WriteMessage(1, []byte(`{"op":8,"d":{"heartbeat_interval":60000}}`))
		time.Sleep(time.Minute)
	})}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", s.tls)
	if err != nil {
		return "", err
	}
	go srv.Serve(ln)
	return ln.Addr().String(), nil
}
