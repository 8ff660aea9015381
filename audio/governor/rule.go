package governor

import "time"

// Load is what a stretch of time was like.
type Load struct {
	Over  time.Duration // its length
	Busy  float64       // the part of all cores' time that went into encoding, 0 to 1
	Taken int64         // frames asked for by senders of pumps that encode
	Thin  int64         // of these: the last there was, or none
}

// ladder is what may be asked for, from full to least, and what it costs against
// full: the mean of libopus and of the pure-Go encoder, at 128 kbit/s. What lies
// between costs as much as the next one down.
var ladder = [...]struct {
	complexity int
	cost       float64
}{{8, 1}, {5, 0.61}, {2, 0.47}, {0, 0.34}}

const (
	// crowded is how busy is too busy. The other half is for decoding, which can
	// be as much again, for sealing, sending, and what comes in the next second.
	crowded = 0.55
	// roomy is how busy it may become by asking for more.
	roomy = 0.4
	// worthwhile is how busy it has to be for less effort to make a difference
	// to a sender who waits.
	worthwhile = 0.15
	// thinMany and thinFew are the parts of frames taken thin at which time is
	// running short, and at which it is not. Between them nothing changes.
	thinMany, thinFew = 0.02, 0.002

	// patient is how long there has to be room before more is asked for; twice
	// as long each time that was taken back within lasting, up to mostPatient.
	patient     = 10 * time.Second
	mostPatient = 5 * time.Minute
	lasting     = time.Minute
)

// A Rule turns loads, one after the other, into the complexity to ask for. It is
// quick to ask for less and slow to ask for more. The zero value begins at full.
type Rule struct {
	step   int           // of ladder
	calm   time.Duration // for so long there has been room
	wait   time.Duration // for so long there must be, if longer than patient
	raised time.Duration // time since more was asked for; 0: never
}

// Complexity is what to ask for, from 0 to 10.
func (r *Rule) Complexity() int { return ladder[r.step].complexity }

// Next takes in a load and gives the complexity to ask for after it.
func (r *Rule) Next(l Load) int {
	if r.raised > 0 {
		r.raised += l.Over
	}
	thin := float64(l.Thin) / float64(max(l.Taken, 1))
	switch {
	case l.Busy >= crowded, l.Busy >= worthwhile && thin >= thinMany:
		r.calm = 0
		r.lower()
	case r.step == 0 || thin > thinFew || l.Busy*ladder[r.step-1].cost/ladder[r.step].cost > roomy:
		r.calm = 0
	default:
		r.calm += l.Over
		if r.calm >= max(r.wait, patient) {
			r.step--
			r.calm, r.raised = 0, 1
		}
	}
	return r.Complexity()
}

func (r *Rule) lower() {
	if r.step == len(ladder)-1 {
		return
	}
	r.step++
	switch {
	case r.raised == 0: // a fall that began from full
	case r.raised < lasting:
		r.wait = min(2*max(r.wait, patient), mostPatient)
	default:
		r.wait = 0
	}
	r.raised = 0
}
