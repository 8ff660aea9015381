package loudness

// The K-weighting at 48 kHz (BS.1770-4, annex 1, tables 1 and 2): what a head does
// to high sounds, then how little low ones count.
const (
	headB0, headB1, headB2 = 1.53512485958697, -2.69169618940638, 1.19839281085285
	headA1, headA2         = -1.69065929318241, 0.73248077421585
	lowA1, lowA2           = -1.99004745483398, 0.99007225036621 // its B are 1, -2, 1
)

// A weighting is what both filters remember of one channel.
type weighting struct{ head1, head2, low1, low2 float64 }

// squares weights interleaved pcm and returns the sum of the squares of what comes
// out. Both channels go side by side, because each filter waits for itself.
func squares(left, right *weighting, pcm []float32) float64 {
	l, r := *left, *right
	sumL, sumR := 0.0, 0.0
	for ; len(pcm) > 1; pcm = pcm[2:] {
		x, v := float64(pcm[0]), float64(pcm[1])

		y := headB0*x + l.head1
		w := headB0*v + r.head1
		l.head1 = headB1*x + l.head2 - headA1*y
		r.head1 = headB1*v + r.head2 - headA1*w
		l.head2 = headB2*x - headA2*y
		r.head2 = headB2*v - headA2*w

		z := y + l.low1
		u := w + r.low1
		l.low1 = l.low2 - 2*y - lowA1*z
		r.low1 = r.low2 - 2*w - lowA1*u
		l.low2 = y - lowA2*z
		r.low2 = w - lowA2*u

		sumL += z * z
		sumR += u * u
	}
	*left, *right = l, r
	return sumL + sumR
}

// tiny is what nobody hears; what the filters remember takes seconds from there to
// where arithmetic becomes slow.
const tiny = 1e-30

// settle forgets what has died away.
func (w *weighting) settle() {
	for _, v := range []*float64{&w.head1, &w.head2, &w.low1, &w.low2} {
		if *v < tiny && *v > -tiny {
			*v = 0
		}
	}
}
