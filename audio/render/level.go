package render

import (
	"errors"
	"io"
	"math"

	"segue/audio"
	"segue/audio/container"
	"segue/audio/levelling"
	"segue/audio/loudness"
	"segue/audio/pipeline"
)

// A Level is what levelling made of a piece.
type Level struct {
	DB    float64 `json:"db"`                 // by how much it was made louder; 0: it was left alone
	By    string  `json:"by"`                 // "measured", "track", or "nothing" if nothing was known
	LUFS  float64 `json:"lufs,omitempty"`     // how loud it is by itself; absent if it is not known
	Short float64 `json:"short_db,omitempty"` // dB that it stays below the target, for its peaks
}

// decide says what becomes of m, which d reads and of which nothing has been read
// before. It gives the demuxer to go on with.
func decide(m *audio.Media, d audio.Demuxer, o Options) (audio.Demuxer, Level, error) {
	info := d.Info()
	piece := levelling.Piece{Track: levelling.FromGain(info.Track), Album: levelling.FromGain(info.Whole)}
	if m.Seeker != nil && !info.Live {
		meter := loudness.New()
		err := pipeline.New(d, io.NopCloser(nil), pipeline.Options{Decoder: o.Pipeline.Decoder, Tables: o.Pipeline.Tables}).Listen(func(pcm []float32) error {
			meter.Add(pcm)
			return nil
		})
		if err != nil && !errors.Is(err, audio.ErrTruncated) && !errors.Is(err, audio.ErrMalformed) {
			return nil, Level{}, err
		}
		if lufs := meter.Integrated(); !math.IsInf(lufs, -1) {
			piece.Measured = levelling.Level{Told: true, LUFS: lufs, Peak: math.Pow(10, meter.TruePeak()/20)}
		}
		if _, err = m.Seeker.Seek(0, io.SeekStart); err == nil {
			d, err = container.Open(m)
		}
		if err != nil {
			return nil, Level{}, err
		}
	}
	by := levelling.Decide(*o.Level, piece)
	l := Level{DB: by.DB, By: "nothing", Short: by.Short}
	switch by.By {
	case levelling.Measured:
		l.By, l.LUFS = "measured", piece.Measured.LUFS
	case levelling.Track:
		l.By, l.LUFS = "track", piece.Track.LUFS
	case levelling.Album:
		l.By, l.LUFS = "album", piece.Album.LUFS
	}
	return d, l, nil
}
