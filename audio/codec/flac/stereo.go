package flac

// Stereo is how a frame of two channels has left and right (RFC 9639, 9.1.3).
type Stereo int

// Left and right as they are, and the three ways that leave one to be found from
// their difference, left less right.
const (
	Independent Stereo = iota
	LeftSide
	SideRight
	MidSide
)

// difference is the channel that has one bit more than the others, or -1.
func (s Stereo) difference() int { return [4]int{-1, 1, 0, 1}[s&3] }

// unite makes left and right of the two channels of a frame, in place. The middle
// is rounded down; what it lost is the last bit of the difference. That wraps
// around where the samples are none of so few bits anyway.
func (s Stereo) unite(a, b []int32) {
	b = b[:len(a)]
	switch s {
	case LeftSide:
		for i, left := range a {
			b[i] = left - b[i]
		}
	case SideRight:
		for i, side := range a {
			a[i] = side + b[i]
		}
	case MidSide:
		for i, mid := range a {
			side := b[i]
			right := mid - side>>1
			a[i], b[i] = right+side, right
		}
	}
}
