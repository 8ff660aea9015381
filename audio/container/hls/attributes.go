package hls

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// attributes calls each for every NAME=VALUE of a list (RFC 8216, 4.2), in any
// order; quotes around a value are taken off, and commas within them stay.
func attributes(list string, each func(name, value string)) {
	for list != "" {
		name, rest, ok := strings.Cut(list, "=")
		if !ok {
			return
		}
		value := ""
		if rest = strings.TrimLeft(rest, " \t"); strings.HasPrefix(rest, `"`) {
			value, rest, _ = strings.Cut(rest[1:], `"`)
			_, list, _ = strings.Cut(rest, ",")
		} else {
			value, list, _ = strings.Cut(rest, ",")
			value = strings.TrimRight(value, " \t")
		}
		each(strings.Trim(name, " \t,"), value)
	}
}

// seconds reads a decimal number of seconds; what is none, or endless, is 0. It is
// cut to limit, and below 0 only where signed.
func seconds(s string, limit time.Duration, signed bool) time.Duration {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || math.IsNaN(f) || f < 0 && !signed {
		return 0
	}
	f = max(min(f, limit.Seconds()), -limit.Seconds())
	return time.Duration(math.Round(f*1e6)) * time.Microsecond
}

// integer reads a decimal number that is not negative; what is none is 0.
func integer(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// byteRange reads "n[@from]"; told is false where there is no from.
func byteRange(s string) (n, from int64, told bool) {
	length, offset, told := strings.Cut(s, "@")
	n, from = integer(length), integer(offset)
	if n > maxRange || from > maxRange {
		return 0, 0, false
	}
	return n, from, told
}
