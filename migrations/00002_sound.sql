-- +goose Up
ALTER TABLE guild_settings ADD COLUMN sound TEXT NOT NULL DEFAULT ''; -- JSON, '': never chosen
CREATE TABLE track_loudness (
    track_id   TEXT             NOT NULL PRIMARY KEY,
    lufs       DOUBLE PRECISION NOT NULL,
    peak       DOUBLE PRECISION NOT NULL, -- 1 is full scale, 0: not told
    heard      BIGINT           NOT NULL, -- milliseconds it was measured over
    updated_at BIGINT           NOT NULL  -- Unix milliseconds
);
CREATE INDEX track_loudness_updated_at ON track_loudness (updated_at);

-- +goose Down
DROP TABLE track_loudness;
ALTER TABLE guild_settings DROP COLUMN sound;
