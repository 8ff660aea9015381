//go:build libopus && bare

package opus

import "testing"

// Bare returns what decodes packets of 20 ms and encodes them again, so many more at
// each call, round and round, as a C program would use libopus.
func Bare(t testing.TB, packets [][]byte) (transcode func(n int)) {
	enc, dec := mustEncoder(t, EncoderOptions{}).(*Encoder), mustDecoder(t).(*decoder)
	var data []byte
	at := []int32{0}
	for _, p := range packets {
		data = append(data, p...)
		at = append(at, int32(len(data)))
	}
	var next int32
	return func(n int) {
		if got := bareTranscode(dec, enc, data, at, &next, n); got < n {
			t.Fatal("bare libopus does not decode and encode")
		}
	}
}

// Compare gives the CPU time in nanoseconds that a frame takes each way; each way is
// told how many to make.
func Compare(b *testing.B, ways ...func(n int)) (mean []float64) {
	var all []func()
	for _, way := range ways {
		all = append(all, func() { way(each) })
	}
	return compare(b, all...)
}
