package discordtest

import (
	"encoding/json"
	"strconv"
	"sync/atomic"
	"time"
)

// An ID is a snowflake. Zero means "none".
type ID uint64

// String gives the id in decimal, as Discord writes it.
func (i ID) String() string { return strconv.FormatUint(uint64(i), 10) }

// MarshalJSON writes the id as a string, as Discord does.
func (i ID) MarshalJSON() ([]byte, error) { return strconv.AppendQuote(nil, i.String()), nil }

// UnmarshalJSON reads an id from a string or a number; null leaves zero.
func (i *ID) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	var s json.Number
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	n, err := strconv.ParseUint(s.String(), 10, 64)
	*i = ID(n)
	return err
}

// epoch is the first millisecond of snowflakes, 2015-01-01.
const epoch = 1420070400000

// snowflakes hands out ids in order; each carries its millisecond.
type snowflakes struct{ n atomic.Uint64 }

// next gives an id for now, larger than every one before.
func (s *snowflakes) next(now time.Time) ID {
	ms := max(now.UnixMilli()-epoch, 0)
	return ID(uint64(ms)<<22 | s.n.Add(1)&(1<<22-1))
}

// parseID reads a decimal id; false when it is none.
func parseID(s string) (ID, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return ID(n), err == nil
}

// shard is which of so many shards a guild of this id is on.
func (i ID) shard(shards int) int { return int(uint64(i) >> 22 % uint64(shards)) }

// when gives the time an id was made.
func (i ID) when() time.Time { return time.UnixMilli(int64(uint64(i)>>22) + epoch) }
