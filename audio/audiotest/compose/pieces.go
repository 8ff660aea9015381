package main

import "math"

// lanternRate and clockworkRate are in Hz: one needs no resampling, one does.
const (
	lanternRate   = 48000
	clockworkRate = 44100
)

// lantern is a calm piece of ten bars in D minor at 100 beats a minute: it begins
// with a string alone, gathers pad, bass, drums and a flute, and goes out as it
// came in.
func lantern() []int16 {
	const beat = 60.0 / 100
	k := newTake(lanternRate, 10*4*beat)
	chords := [10][4]float64{ // of each bar, from the bottom
		{50, 57, 62, 65}, {46, 53, 58, 62}, {53, 57, 60, 64}, {48, 55, 60, 64}, // Dm Bb F C
		{50, 57, 60, 65}, {46, 53, 57, 62}, {43, 55, 58, 62}, {45, 52, 55, 61}, // Dm7 Bbmaj7 Gm A7
		{46, 53, 58, 62}, {50, 57, 62, 69}, // Bb D5
	}
	strength := [10]float64{0.45, 0.55, 0.7, 0.8, 0.95, 1, 1, 0.9, 0.6, 0.5}
	for i, chord := range chords {
		at, loud := float64(i)*4*beat, strength[i]
		lanternStrings(k, chord, at, beat, loud)
		if i >= 1 && i < 9 {
			for _, note := range chord {
				k.play(pad, at, note+12, 4*beat, 0.045*loud, (note-56)/16, 0.7)
			}
		}
		if i >= 2 && i < 9 {
			for _, b := range [][3]float64{{0, 0, 1.4}, {1.5, 12, 0.4}, {2, 0, 1}, {3.5, 7, 0.4}} {
				k.play(bass, at+b[0]*beat, chord[0]-12+b[1], b[2]*beat, 0.3*loud, 0, 0.1)
			}
		}
		if i >= 3 && i < 8 {
			lanternDrums(k, uint32(i+1), at, beat, loud)
		}
	}
	lanternMelody(k, beat)
	k.echo(0.75*beat, 0.22)
	k.hall(0.16, 0.72)
	return k.finish(0.8, 0.005, 1.8)
}

func lanternStrings(k *take, chord [4]float64, at, beat, loud float64) {
	order := [8]int{0, 2, 1, 3, 2, 3, 1, 2}
	for step, which := range order {
		accent := 0.8
		if step%4 == 0 {
			accent = 1
		}
		pan := 0.55 * math.Sin(float64(step)*math.Pi/4)
		k.play(pluck, at+float64(step)*beat/2, chord[which]+12, 0.45*beat, 0.2*loud*accent, pan, 0.25)
	}
}

func lanternDrums(k *take, seed uint32, at, beat, loud float64) {
	for b := range 4 {
		t := at + float64(b)*beat
		if b%2 == 0 {
			k.play(kick, t, 0, 0.3, 0.5*loud, 0, 0.1)
		} else {
			k.play(snare(seed*31+uint32(b)), t, 0, 0.25, 0.3*loud, -0.1, 0.1)
		}
		k.play(hat(seed*17+uint32(b), 0.03), t, 0, 0.1, 0.14*loud, 0.4, 0.05)
		k.play(hat(seed*19+uint32(b), 0.06), t+beat/2, 0, 0.2, 0.2*loud, 0.35, 0.05)
	}
	k.play(kick, at+2.75*beat, 0, 0.2, 0.3*loud, 0, 0.1)
}

func lanternMelody(k *take, beat float64) {
	for _, n := range [][3]float64{ // beat, note, beats
		{14, 69, 1},
		{15, 72, 1},
		{16, 74, 2.5},
		{18.5, 72, 0.5},
		{19, 69, 1},
		{20, 70, 1.5},
		{21.5, 69, 0.5},
		{22, 65, 2},
		{24, 67, 1},
		{25, 70, 1},
		{26, 74, 1.5},
		{27.5, 76, 0.5},
		{28, 77, 1},
		{29, 76, 1},
		{30, 73, 1},
		{31, 69, 1},
		{32, 70, 2},
		{34, 69, 1},
		{35, 65, 1},
		{36, 62, 2.5},
	} {
		k.play(flute, n[0]*beat, n[1], n[2]*beat*0.95, 0.15, 0.12, 0.2)
	}
}

// clockwork is a short, dry, busy piece in A major for wooden bars, seven eighths
// to the bar.
func clockwork() []int16 {
	const eighth = 0.14
	k := newTake(clockworkRate, 4.4)
	high := [][]float64{
		{81, 76, 73, 76, 81, 85, 83},
		{80, 76, 71, 76, 80, 83, 88},
		{78, 73, 69, 73, 78, 81, 85},
		{86, 85, 83, 81, 80, 78, 76},
	}
	low := []float64{57, 52, 54, 50}
	for i, notes := range high {
		at := float64(i) * 7 * eighth
		for j, note := range notes {
			t, loud := at+float64(j)*eighth, 0.35+0.2*float64(i)
			accent := 0.7 * loud
			if j == 0 || j == 3 || j == 5 {
				accent = loud
				k.play(bar, t, low[i], 2*eighth, 0.5*loud, -0.45, 0.4)
			}
			k.play(bar, t, note, eighth, 0.32*accent, 0.3-0.1*float64(j), 0.4)
			k.play(hat(uint32(7*i+j+1), 0.012), t+eighth/2, 0, 0.05, 0.08, 0.6, 0.05)
		}
	}
	for j, note := range []float64{57, 69, 73, 76, 81} {
		k.play(bar, 28*eighth+0.012*float64(j), note, 0.4, 0.35, -0.4+0.2*float64(j), 0.4)
	}
	k.hall(0.07, 0.5)
	return k.finish(0.7, 0.001, 0.15)
}
