package wav

import (
	"testing"

	"segue/audio"
	"segue/audio/container/containertest"
)

// id3 says what it is called and how loud it is to be.
const id3 = "ID3\x03\x00\x00\x00\x00\x00\x36TIT2\x00\x00\x00\x06\x00\x00\x00PieceTXXX\x00\x00\x00\x1c\x00\x00\x00replaygain_track_gain\x00-6 dB"

func TestTagsBehindTheSamples(t *testing.T) {
	list := chunk("LIST", append([]byte("INFO"), chunk("IART", []byte("Us"))...))
	samples := data(5, 5)
	samples = append(samples, 0) // the byte that pads them
	want := audio.Gain{Told: true, DB: -6}
	late := file(format(1, 1, 8000, 8), samples, chunk("junk", []byte("x")), chunk("id3 ", []byte(id3)), list)
	d := containertest.Open(t, open, containertest.Media(late))
	if in := d.Info(); in.Title != "Piece" || in.Artist != "Us" || in.Track != want {
		t.Errorf("%+v", in)
	}
	if packets, _ := containertest.Drain(d); len(packets) != 1 || len(packets[0].Data) != 5 {
		t.Errorf("%d packets", len(packets))
	}
	if in := containertest.Open(t, open, containertest.Stream(late)).Info(); in.Title != "" {
		t.Errorf("a stream went ahead for %q", in.Title)
	}
	early := file(format(1, 1, 8000, 8), chunk("ID3 ", []byte(id3)), list, samples)
	if in := containertest.Open(t, open, containertest.Stream(early)).Info(); in.Title != "Piece" || in.Artist != "Us" || in.Track != want {
		t.Errorf("%+v", in)
	}
	long := chunk("id3 ", []byte(id3)[:40]) // the tag says it is longer than its chunk
	if in := containertest.Open(t, open, containertest.Stream(file(format(1, 1, 8000, 8), long, list, samples))).Info(); in.Title != "" || in.Artist != "Us" {
		t.Errorf("%+v", in)
	}
	for cut := len(early); cut < len(late); cut++ {
		containertest.Open(t, open, containertest.Media(late[:cut]))
	}
}
