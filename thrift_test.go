package main

import (
	"runtime/debug"
	"testing"
)

func TestGarbageIsCollectedEarlierUnlessSomebodyChose(t *testing.T) {
	was := debug.SetGCPercent(123)
	defer debug.SetGCPercent(was)
	thrift(map[string]string{"GOGC": "123"})
	if p := debug.SetGCPercent(123); p != 123 {
		t.Errorf("%d, though somebody chose 123", p)
	}
	thrift(map[string]string{})
	if p := debug.SetGCPercent(123); p != 20 {
		t.Errorf("%d, want 20", p)
	}
}
