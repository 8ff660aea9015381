-- +goose Up
CREATE TABLE guild_settings (
    guild_id      BIGINT NOT NULL PRIMARY KEY,
    last_voice_id BIGINT NOT NULL DEFAULT 0, -- voice channel last played in, 0: none
    last_text_id  BIGINT NOT NULL DEFAULT 0, -- text channel last commanded from, 0: none
    updated_at    BIGINT NOT NULL DEFAULT 0  -- Unix milliseconds
);

-- +goose Down
DROP TABLE guild_settings;
