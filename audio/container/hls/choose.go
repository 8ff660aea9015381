package hls

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"segue/audio"
)

// enough is the bandwidth in bit/s of music that sounds no better for more:
// 256 kbit/s with what transport adds.
const enough = 320_000

// A variant is one way to have the whole.
type variant struct {
	uri       string
	bandwidth int64
	picture   bool   // it is told to have one
	codecs    string // comma-separated; "" if not told
	group     string // of renditions that are its sound; "" if it is its own
}

// A rendition is the sound of variants, apart.
type rendition struct {
	uri, group    string
	usual, chosen bool // DEFAULT, AUTOSELECT
}

func parseVariant(list string) (v variant) {
	attributes(list, func(name, value string) {
		switch name {
		case "BANDWIDTH":
			v.bandwidth = integer(value)
		case "CODECS":
			v.codecs = value
		case "AUDIO":
			v.group = value
		case "RESOLUTION", "FRAME-RATE":
			v.picture = true
		}
	})
	return v
}

// rendition reads EXT-X-MEDIA, of which only sound with an address matters.
func (p *parser) rendition(list string) error {
	r, sound := rendition{}, false
	attributes(list, func(name, value string) {
		switch name {
		case "TYPE":
			sound = value == "AUDIO"
		case "URI":
			r.uri = value
		case "GROUP-ID":
			r.group = value
		case "DEFAULT":
			r.usual = value == "YES"
		case "AUTOSELECT":
			r.chosen = value == "YES"
		}
	})
	if !sound || r.uri == "" {
		return nil
	}
	if len(p.renditions) >= maxChoices {
		return fmt.Errorf("hls: more than %d renditions: %w", maxChoices, audio.ErrLimit)
	}
	p.renditions = append(p.renditions, r)
	return p.keep(list)
}

// What a variant has, the best for us first.
const (
	soundOnly  = iota // nothing but sound
	soundApart        // the sound can be had without the picture
	untold            // it does not say, but names no picture
	withPicture
	mute // no sound we can play
)

// rank says which of these v is, and what address has its sound.
func (p *playlist) rank(v variant) (rank int, uri string) {
	sound, foreign, picture := false, false, v.picture
	for c := range strings.SplitSeq(v.codecs, ",") {
		switch name, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(c)), "."); name {
		case "mp4a", "opus", "flac", "mp3", "alac":
			sound = true
		case "ac-3", "ec-3", "ac-4", "dtsc", "dtse", "dtsx", "mha1", "mhm1":
			foreign = true
		case "", "wvtt", "stpp":
		default:
			picture = true
		}
	}
	apart := p.soundOf(v.group)
	if uri = v.uri; apart != "" {
		uri = apart
	}
	switch {
	case foreign && !sound, v.codecs != "" && picture && !sound && apart == "":
		return mute, uri
	case sound && !picture:
		return soundOnly, uri
	case apart != "":
		return soundApart, uri
	case !picture:
		return untold, uri
	}
	return withPicture, uri
}

// soundOf is the address of the rendition of a group that is the usual one, or "".
func (p *playlist) soundOf(group string) string {
	best, score := "", -1
	for _, r := range p.renditions {
		s := 0
		if r.usual {
			s += 2
		}
		if r.chosen {
			s++
		}
		if r.group == group && s > score {
			best, score = r.uri, s
		}
	}
	return best
}

// choices returns addresses of media playlists, the best for listening first.
func (p *playlist) choices() ([]string, error) {
	type choice struct {
		rank int
		cost int64 // the less the better
		uri  string
	}
	var all []choice
	for _, v := range p.variants {
		rank, uri := p.rank(v)
		if rank == mute {
			continue
		}
		cost := v.bandwidth // the less picture the better
		switch {
		case rank == soundApart: // what goes with the best picture is the best sound
			cost = -v.bandwidth
		case rank != withPicture && v.bandwidth <= enough:
			cost = -v.bandwidth
		}
		all = append(all, choice{rank, cost, uri})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("hls: no variant we can play: %w", &audio.Foreign{Looks: "an HLS stream without sound we can play"})
	}
	slices.SortStableFunc(all, func(a, b choice) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.cost, b.cost)) })
	var uris []string
	for _, c := range all {
		if !slices.Contains(uris, c.uri) {
			uris = append(uris, c.uri)
		}
	}
	return uris, nil
}
