package ps

import "math/rand/v2"

// Scenes are the ps_data of frames in a row, for tests from outside: phased always or
// never, with headers now and then, and every five frames the next of modes.
func Scenes(rng *rand.Rand, frames int, phased bool, modes ...[2]int) (data [][]byte) {
	const room = 200 // bytes: a fill_element has 269
	before := &scene{iidMode: -2}
	for i := range frames {
		mode := modes[i/5%len(modes)]
		s := imagine(rng, before, i%5 == 0, mode[0], mode[1], phased)
		b := s.bytes(before)
		for len(b) > room || s.phased != phased {
			s = imagine(rng, before, i%5 == 0, mode[0], mode[1], phased)
			b = s.bytes(before)
		}
		data = append(data, b)
		before = s
	}
	return data
}
