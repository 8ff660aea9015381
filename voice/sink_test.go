package voice

import (
	"fmt"
	"net"
	"os"
)

// The sink is a process of its own, so that only the sending is measured.
const sinkEnv = "SEGUE_TEST_UDP_SINK"

// sink reads datagrams until its standard input ends, then says how many.
func sink() {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = c.SetReadBuffer(8 << 20)
	fmt.Println(c.LocalAddr().(*net.UDPAddr).Port)
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		_ = c.Close()
	}()
	n, b := 0, make([]byte, 2048)
	for {
		if _, err := c.Read(b); err != nil {
			break
		}
		n++
	}
	fmt.Println(n)
}
