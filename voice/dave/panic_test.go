package dave

import (
	"testing"
	"time"
)

func TestASessionCanBeClosedAfterAPanic(t *testing.T) {
	s := NewSession(nil, "1", nil)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed: the connection must know of it")
			}
		}()
		s.handle(func() { panic("foreign bytes did this") })
	}()
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("Close hangs")
	}
}
