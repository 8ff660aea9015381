package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"segue/music"
)

// measured is how long the loudness of a track is kept after it was last bettered:
// most of what is played is never played again.
const measured = 365 * 24 * time.Hour

var errNothingMeasured = errors.New("a loudness without a track, or that says nothing")

// Sound gives what SaveSound was told for g, "" if that never was.
func (s *Store) Sound(ctx context.Context, g music.GuildID) (sound string, err error) {
	err = s.query(ctx, "sound", func(ctx context.Context) error {
		err := s.reader.QueryRowContext(ctx, `SELECT sound FROM guild_settings WHERE guild_id = $1`, int64(g)).Scan(&sound)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return sound, err
}

// SaveSound keeps what g wants of its sound, in whatever form the caller has. Its
// other settings stay as they are.
func (s *Store) SaveSound(ctx context.Context, g music.GuildID, sound string) error {
	return s.query(ctx, "save sound", func(ctx context.Context) error {
		if g == 0 {
			return errNobody
		}
		_, err := s.writer.ExecContext(ctx, `
			INSERT INTO guild_settings (guild_id, sound, updated_at) VALUES ($1, $2, $3)
			ON CONFLICT (guild_id) DO UPDATE SET
				sound      = excluded.sound,
				updated_at = excluded.updated_at`,
			int64(g), sound, time.Now().UnixMilli())
		return err
	})
}

// Loudness gives what is known of how loud t is; zero, if nothing.
func (s *Store) Loudness(ctx context.Context, t music.TrackID) (l music.Loudness, err error) {
	err = s.query(ctx, "loudness", func(ctx context.Context) error {
		var heard int64
		err := s.reader.QueryRowContext(ctx, `SELECT lufs, peak, heard FROM track_loudness WHERE track_id = $1`, string(t)).Scan(&l.LUFS, &l.Peak, &heard)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		l.Told, l.Heard = err == nil, time.Duration(heard)*time.Millisecond
		return err
	})
	if err != nil {
		return music.Loudness{}, err
	}
	return l, nil
}

// SaveLoudness keeps how loud t is, unless more of it was heard for what is kept
// already. It is kept for a year.
func (s *Store) SaveLoudness(ctx context.Context, t music.TrackID, l music.Loudness) error {
	return s.query(ctx, "save loudness", func(ctx context.Context) error {
		if t == "" || !l.Told {
			return errNothingMeasured
		}
		now := time.Now()
		_, err := s.writer.ExecContext(ctx, `
			INSERT INTO track_loudness (track_id, lufs, peak, heard, updated_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (track_id) DO UPDATE SET
				lufs       = excluded.lufs,
				peak       = excluded.peak,
				heard      = excluded.heard,
				updated_at = excluded.updated_at
			WHERE excluded.heard >= track_loudness.heard`,
			string(t), l.LUFS, l.Peak, l.Heard.Milliseconds(), now.UnixMilli())
		if err != nil {
			return err
		}
		_, err = s.writer.ExecContext(ctx, `DELETE FROM track_loudness WHERE updated_at < $1`, now.Add(-measured).UnixMilli())
		return err
	})
}
