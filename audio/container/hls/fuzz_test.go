package hls

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio/container/containertest"
)

// seeds are playlists with everything in them.
var seeds = []string{
	"#EXTM3U\n#EXT-X-STREAM-INF:PROGRAM-ID=1,BANDWIDTH=160000,CODECS=\"mp4a.40.2\",AUDIO=\"a\"\nlist.m3u8\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"Audio, only\",DEFAULT=YES,URI=\"b\"\n",
	"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:1042\n#EXT-X-PROGRAM-DATE-TIME:2026-11-21T10:00:00.000Z\n#EXTINF:6.000,\ns0\n#EXTINF:6.000,title\ns1\n#EXT-X-DISCONTINUITY\n#EXTINF:2.5,\nm0\n",
	"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-KEY:METHOD=AES-128,URI=\"key\",IV=0x00000000000000000000000000000001\n#EXT-X-MAP:URI=\"init\"\n#EXTINF:9.98,\nm0\n#EXT-X-KEY:METHOD=NONE\n#EXT-X-GAP\n#EXTINF:5,\nm1\n#EXT-X-ENDLIST\n",
	"\xef\xbb\xbf#EXTM3U\r\n#EXT-X-START:TIME-OFFSET=-3.5\r\n#EXTINF:10, \r\n#EXT-X-BYTERANGE:700@0\r\ns0\r\n#EXT-X-BYTERANGE:100\r\ns0\r\n#EXT-X-ENDLIST\r\n",
	"#EXTM3U\n#EXT-X-MAP:URI=\"init\",BYTERANGE=\"741@0\"\n#EXTINF:0.3,\nm0\n#EXTINF:0.3,\nm1\n#EXTINF:0.3,\nm2\n#EXT-X-ENDLIST\n",
	"#EXTM3U\n#EXTINF:0.3,\ns0\n#EXTINF:0.3,\ns1\n#EXTINF:0.3,\ns2\n#EXT-X-DISCONTINUITY\n#EXTINF:0.3,\nt0\n#EXT-X-ENDLIST\n",
	"#EXTM3U\n#EXTINF:0.3,\nt1\n#EXTINF:0.3,\nt2\n#EXT-X-DISCONTINUITY\n#EXTINF:0.3,\nt0\n#EXTINF:0.3,\nt1\n#EXT-X-ENDLIST\n",
}

func FuzzPlaylist(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parse(strings.NewReader(text))
		if err != nil {
			if !containertest.Sane(err) {
				t.Fatal(err)
			}
			return
		}
		if p.target < minTarget || p.target > maxTarget {
			if len(p.variants) == 0 {
				t.Fatalf("target %v", p.target)
			}
		}
		sum := time.Duration(0)
		for i := range p.segments.n {
			s, begin := p.segments.at(i)
			if begin != sum || s.from < 0 || s.n < 0 || s.length < 0 || s.key < 0 || s.key > len(p.keys) || s.initial < 0 || s.initial > len(p.initials) || !strings.Contains(text, s.uri) {
				t.Fatalf("segment %d at %v, want %v: %+v", i, begin, sum, s)
			}
			sum += s.length
		}
		if n := p.segments.find(sum / 2); n < 0 || n > p.segments.n {
			t.Fatalf("found %d of %d", n, p.segments.n)
		}
		if uris, err := p.choices(); err == nil && len(uris) == 0 {
			t.Fatal("no choice and no error")
		}
	})
}

// FuzzStream plays playlists whose segments are healthy, or not what they should be.
func FuzzStream(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, []byte("0123456789abcdef"))
	}
	_, packs, _ := packed(f, 9)
	_, begin, pieces := fragments(f, relative)
	f.Add(seeds[5], packs[1])
	_, transports, _ := transport(f, 9)
	f.Add(seeds[6], transports[1])
	f.Fuzz(func(t *testing.T, text string, other []byte) {
		if len(text) > 20_000 || len(other) > 100_000 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			w := newWeb(t)
			w.put(home, []byte(text))
			w.put("http://example.org/a/list.m3u8", []byte(seeds[5]))
			for i, s := range packs {
				w.put(fmt.Sprintf("http://example.org/a/s%d", i), s)
			}
			for i, s := range pieces {
				w.put(fmt.Sprintf("http://example.org/a/m%d", i), s)
			}
			w.put("http://example.org/a/init", begin)
			w.put("http://example.org/a/key", []byte("0123456789abcdef"))
			w.put("http://example.org/a/b", other)
			w.put("http://example.org/a/t0", other)
			w.put("http://example.org/a/t1", transports[0])
			w.put("http://example.org/a/t2", transports[1])
			d, err := w.demux()
			if err != nil {
				if !containertest.Sane(err) && !errors.Is(err, errMissing) {
					t.Fatal(err)
				}
				return
			}
			for range 3 {
				last := int64(0)
				for n := 0; ; n++ {
					p, err := d.ReadPacket()
					if err != nil {
						if !containertest.Sane(err) && !errors.Is(err, errMissing) {
							t.Fatal(err)
						}
						break
					}
					if p.Duration < 0 || p.TrimEnd < 0 || p.PTS < last && p.Codec == nil || n > 1<<20 {
						t.Fatalf("packet %d is %d+%d-%d after %d", n, p.PTS, p.Duration, p.TrimEnd, last)
					}
					last = p.PTS
				}
				if at, err := d.Seek(d.Info().Duration / 2); err != nil && !containertest.Sane(err) && !errors.Is(err, errMissing) || at < 0 {
					t.Fatal(at, err)
				}
			}
			if w.open > 1 { // what is being read
				t.Fatalf("%d media left open", w.open)
			}
		})
	})
}
