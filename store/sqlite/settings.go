package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"segue/music"
)

var errNobody = errors.New("settings without a guild")

// Settings gives what g has chosen. A guild that never chose is not an error:
// it has the zero settings.
func (s *Store) Settings(ctx context.Context, g music.GuildID) (music.Settings, error) {
	var voice, text int64
	err := s.query(ctx, "settings", func(ctx context.Context) error {
		err := s.reader.QueryRowContext(ctx,
			`SELECT last_voice_id, last_text_id FROM guild_settings WHERE guild_id = $1`, int64(g)).Scan(&voice, &text)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return music.Settings{}, err
	}
	return music.Settings{Guild: g, LastVoice: music.ChannelID(voice), LastText: music.ChannelID(text)}, nil
}

// SaveSettings replaces everything known about n.Guild.
func (s *Store) SaveSettings(ctx context.Context, n music.Settings) error {
	return s.query(ctx, "save settings", func(ctx context.Context) error {
		if n.Guild == 0 {
			return errNobody
		}
		_, err := s.writer.ExecContext(ctx, `
			INSERT INTO guild_settings (guild_id, last_voice_id, last_text_id, updated_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (guild_id) DO UPDATE SET
				last_voice_id = excluded.last_voice_id,
				last_text_id  = excluded.last_text_id,
				updated_at    = excluded.updated_at`,
			int64(n.Guild), int64(n.LastVoice), int64(n.LastText), time.Now().UnixMilli())
		return err
	})
}
