package container

import (
	"strings"

	"segue/audio/container/adts"
)

// lookMP4 looks at the first box.
func lookMP4(head []byte) int {
	if len(head) < 8 {
		return 0
	}
	switch string(head[4:8]) {
	case "ftyp":
		if imageBrand(head) == "" {
			return certain
		}
	case "styp", "moov":
		return certain
	case "moof", "mdat", "wide", "free", "skip":
		return likely
	}
	return 0
}

// imageBrand is the brand of an image that comes in boxes as MP4 does, or "".
func imageBrand(head []byte) string {
	if len(head) >= 12 && string(head[4:8]) == "ftyp" {
		if brand := string(head[8:12]); brand == "avif" || brand == "heic" || brand == "mif1" {
			return strings.ToUpper(brand)
		}
	}
	return ""
}

// lookADTS counts frames that follow each other, from the beginning or from
// somewhere near it.
func lookADTS(head []byte) int {
	for at := 0; at+adts.HeaderSize <= len(head) && at < 4096; at++ {
		switch n, whole := runADTS(head[at:]); {
		case n >= 3 || n == 2 && !whole && at == 0:
			return likely
		case n >= 1 && at == 0 && (whole || n == 2):
			return maybe
		}
	}
	return 0
}

// runADTS is run for frames of AAC.
func runADTS(b []byte) (n int, whole bool) {
	first, ok := adts.ParseHeader(b)
	for h := first; ok && h.Alike(first); n++ {
		if h.Size > len(b) {
			return n + 1, false
		}
		if b = b[h.Size:]; len(b) == 0 {
			return n + 1, true
		}
		h, ok = adts.ParseHeader(b)
	}
	return n, false
}

// isADTS reports whether head begins with two ADTS frames, or one and no more.
func isADTS(head []byte) bool {
	h, ok := adts.ParseHeader(head)
	if ok && h.Size < len(head) {
		_, ok = adts.ParseHeader(head[h.Size:])
	}
	return ok
}
