package container

import (
	"bytes"
	"fmt"
	"mime"
	"strings"
	"unicode/utf8"

	"segue/audio"
	"segue/audio/codec/mp3"
	"segue/audio/container/flac"
	"segue/audio/container/tags"
)

// A Format is a container Open can open.
type Format string

// The formats.
const (
	Matroska Format = "matroska" // and WebM
	Ogg      Format = "ogg"
	WAV      Format = "wav"
	MP3      Format = "mp3"
	FLAC     Format = "flac"
	MP4      Format = "mp4"  // and M4A, QuickTime
	ADTS     Format = "adts" // bare AAC
	LATM     Format = "latm" // AAC in LOAS
	MPEGTS   Format = "mpegts"
	HLS      Format = "hls"  // a playlist of segments
	AIFF     Format = "aiff" // and AIFF-C
)

// How sure a look at the content is. A hint of name or type adds hinted, which
// decides between guesses but never against a signature.
const (
	certain = 100 // a signature
	likely  = 60  // several frames in a row
	maybe   = 20  // one frame
	hinted  = 10
)

// ProbeSize is how many bytes from the beginning are always enough for Probe.
const ProbeSize = 16 << 10

// Probe says what head, the beginning of some media, is: by content; mimeType and
// ext (with its dot; both may be empty or wrong) only break ties. If it is no
// format of ours the error wraps audio.ErrUnsupported and says what it looks
// like. An ID3v2 tag longer than head makes it MP3, which is what that nearly
// always means.
func Probe(head []byte, mimeType, ext string) (Format, error) {
	if n := tags.ID3Size(head); n > 0 {
		if n >= int64(len(head)) {
			return MP3, nil
		}
		head = head[n:]
	}
	hint := hintOf(mimeType, ext)
	best, score := Format(""), 0
	for _, f := range []Format{Matroska, Ogg, WAV, AIFF, MP4, FLAC, HLS, MPEGTS, ADTS, LATM, MP3} {
		s := look(f, head)
		if s > 0 && s < certain && f == hint {
			s += hinted
		}
		if s > score {
			best, score = f, s
		}
	}
	what := foreign(head)
	switch {
	case what != "" && score < likely:
		return "", fmt.Errorf("container: %w", &audio.Foreign{Looks: what})
	case score == 0 || score <= maybe && hint != best:
		return "", fmt.Errorf("container: it is no audio we know: %w", audio.ErrUnsupported)
	}
	return best, nil
}

// look says how much head looks like f.
func look(f Format, head []byte) int {
	has := func(at int, s string) bool { return len(head) >= at+len(s) && string(head[at:at+len(s)]) == s }
	is := false
	switch f {
	case Matroska:
		is = has(0, "\x1A\x45\xDF\xA3")
	case Ogg:
		is = has(0, "OggS\x00")
	case WAV:
		is = (has(0, "RIFF") || has(0, "RF64") || has(0, "BW64")) && has(8, "WAVE") || has(0, "riff\x2e\x91\xcf\x11") && has(24, "wave")
	case AIFF:
		is = has(0, "FORM") && (has(8, "AIFF") || has(8, "AIFC"))
	case FLAC:
		if !has(0, "fLaC") {
			return lookFLAC(head)
		}
		is = true
	case MP4:
		return lookMP4(head)
	case HLS:
		is = lookHLS(head)
	case ADTS:
		return lookADTS(head)
	case LATM:
		return lookLATM(head)
	case MPEGTS:
		return lookMPEGTS(head)
	case MP3:
		return lookMP3(head)
	}
	if is {
		return certain
	}
	return 0
}

// lookHLS reports whether head is a playlist with tags only HLS has. Others are
// lists of files.
func lookHLS(head []byte) bool {
	text := bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	return bytes.HasPrefix(text, []byte("#EXTM3U")) && bytes.Contains(text, []byte("\n#EXT-X-"))
}

// lookFLAC looks for frames, of a broadcast joined in the middle.
func lookFLAC(head []byte) int {
	switch whole, begins := flac.Looks(head); {
	case whole:
		return certain // by the checksums of two headers and a frame
	case begins:
		return maybe + 1 // by that of a header: enough if there is nothing better
	}
	return 0
}

// lookMP3 counts frames that follow each other, from the beginning or from
// somewhere near it.
func lookMP3(head []byte) int {
	for at := 0; at+mp3.HeaderSize <= len(head) && at < 4096; at++ {
		if head[at] != 0xff {
			continue
		}
		switch n, whole := run(head[at:]); {
		case n >= 3 || n == 2 && !whole && at == 0:
			return likely
		case n >= 1 && at == 0 && (whole || n == 2):
			return maybe
		}
	}
	return 0
}

// run counts the frames b begins with, and reports whether it ends with the last
// of them.
func run(b []byte) (n int, whole bool) {
	first, ok := mp3.ParseHeader(b)
	free := mp3.FreeSize(b)
	for h := first; ok && h.Alike(first); n++ {
		if free > 0 {
			h.Size = free + h.Padding
		}
		if h.Size == 0 || h.Size > len(b) {
			return n + 1, false
		}
		if b = b[h.Size:]; len(b) == 0 {
			return n + 1, true
		}
		h, ok = mp3.ParseHeader(b)
	}
	return n, false
}

// hintOf is what name and type claim, or "".
func hintOf(mimeType, ext string) Format {
	if t, _, err := mime.ParseMediaType(mimeType); err == nil {
		mimeType = t
	}
	switch strings.ToLower(mimeType) {
	case "audio/webm", "video/webm", "audio/x-matroska", "video/x-matroska", "audio/matroska":
		return Matroska
	case "audio/ogg", "application/ogg", "video/ogg", "audio/opus", "audio/vorbis":
		return Ogg
	case "audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave":
		return WAV
	case "audio/aiff", "audio/x-aiff", "audio/aifc", "audio/x-aifc":
		return AIFF
	case "audio/mpeg", "audio/mp3", "audio/x-mp3", "audio/mpeg3":
		return MP3
	case "audio/flac", "audio/x-flac":
		return FLAC
	case "audio/mp4", "video/mp4", "audio/m4a", "audio/x-m4a", "video/quicktime":
		return MP4
	case "audio/aac", "audio/aacp", "audio/x-aac":
		return ADTS
	case "application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl":
		return HLS
	}
	switch strings.ToLower(ext) {
	case ".webm", ".mkv", ".mka", ".weba":
		return Matroska
	case ".ogg", ".oga", ".opus", ".ogx":
		return Ogg
	case ".wav", ".wave", ".rf64", ".bwf", ".w64":
		return WAV
	case ".aif", ".aiff", ".aifc":
		return AIFF
	case ".mp3", ".mp2", ".mpga":
		return MP3
	case ".flac", ".fla":
		return FLAC
	case ".m4a", ".mp4", ".m4b", ".m4r", ".m4v", ".mov":
		return MP4
	case ".aac", ".adts":
		return ADTS
	case ".latm", ".loas":
		return LATM
	case ".ts", ".m2ts", ".mts", ".m2t":
		return MPEGTS
	case ".m3u8":
		return HLS
	}
	return ""
}

// signatures of what people and servers hand over instead of audio.
var signatures = []struct{ begins, what string }{
	{"\x89PNG", "an image (PNG)"},
	{"\xff\xd8\xff", "an image (JPEG)"},
	{"GIF8", "an image (GIF)"},
	{"BM", "an image (BMP)"},
	{"PK\x03\x04", "a ZIP archive"},
	{"PK\x05\x06", "a ZIP archive"},
	{"Rar!", "a RAR archive"},
	{"7z\xbc\xaf", "a 7z archive"},
	{"\x1f\x8b", "a gzip archive"},
	{"%PDF", "a PDF document"},
	{"\x7fELF", "a program"},
	{"MZ", "a program"},
	{"MThd", "a MIDI file"},
	{"#!AMR", "AMR audio"},
	{"wvpk", "WavPack audio"},
	{"MAC ", "Monkey's Audio"},
	{"TTA1", "TTA audio"},
	{"MPCK", "Musepack audio"},
	{"FLV", "Flash video"},
	{"ADIF", "AAC audio"},
	{"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media"},
	{"caff", "a Core Audio file"},
	{"SQLite format 3", "a database"},
}

// foreign says what head looks like that is not ours, or "".
func foreign(head []byte) string {
	if len(head) == 0 {
		return "an empty file"
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.begins)) {
			return s.what
		}
	}
	switch {
	case imageBrand(head) != "":
		return "an image (" + imageBrand(head) + ")"
	case len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		return "an image (WebP)"
	case len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "AVI ":
		return "an AVI video"
	case isADTS(head):
		return "AAC audio"
	}
	return words(text)
}

// words says what kind of text b is, or "" if it is none.
func words(b []byte) string {
	start := b[:min(len(b), 1024)]
	for range min(len(start), utf8.UTFMax-1) { // it may be cut within a character
		if utf8.Valid(start) {
			break
		}
		start = start[:len(start)-1]
	}
	lower := strings.ToLower(string(start))
	switch {
	case strings.HasPrefix(lower, "<!doctype html") || strings.HasPrefix(lower, "<html") || strings.Contains(lower, "<html"):
		return "a web page"
	case strings.HasPrefix(lower, "#extm3u"):
		return "a playlist (M3U)"
	case strings.HasPrefix(lower, "[playlist]"):
		return "a playlist (PLS)"
	case strings.HasPrefix(lower, "<?xml") || strings.HasPrefix(lower, "<"):
		return "an XML document"
	case len(start) == 0 || !utf8.Valid(start) || strings.ContainsFunc(lower, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' && r != 0x1b }):
		return ""
	case strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://"):
		return "a playlist"
	case strings.HasPrefix(lower, "{") || strings.HasPrefix(lower, "["):
		return "a JSON document"
	}
	return "text"
}
