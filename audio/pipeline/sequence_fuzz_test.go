package pipeline

import (
	"math/rand/v2"
	"testing"
)

func TestWhateverIsAskedTheMusicIsExact(t *testing.T) {
	for part := range uint64(2) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for n := range uint64(sequences / 2) {
				rnd := rand.New(rand.NewPCG(2*n+part, 4))
				bytes := make([]byte, 16+rnd.IntN(64))
				for i := range bytes {
					bytes[i] = byte(rnd.Uint32())
				}
				play(t, bytes)
			}
		})
	}
}

// FuzzSequence asks for what the bytes say. The seeds have found something.
func FuzzSequence(f *testing.F) {
	for _, seed := range []string{
		// Two seeks at once, and one to a place near the end.
		"g\x1az\x1a\xbf\xec\xc9\xfd3\xe5,\xdaFtj\x9b\x02(O\xcc\xfe\xa2L^`\u026f\xa6\x98\xa5\x8d\xe5_B\x93\x7f\v\xeb\x80\xea\xcd\\\x10E\x95/\x99\x8d\x8a\x02_9\x1e\x90\xaa\xc88X\x0ey\xd9\xdb\n\xc1\xbb\x02\xb2\x90\xf6f\x921\xec\xbcU\xfb",
		// A seek during the cross-fade of another one, then a hold.
		"p\x178*\u05fa\x89\x83\xf4\x910I+z!g\xef\xe9L\x80\xd0Os\xccA\xb0\xeb]\x03\x1d\xa6L\x94t\x9d\x98F\xf6\x1a\x1f\xae\xfd\xab\x13\xf1E\tm\x14lyj\x00\x17\xc3",
		// A cut before the first frame, then a seek.
		"\xfb\x92 \xaa\xeb]\xf6I\xfcGHb\x1f\xf9>\xa8\xde-\xdf!0cf\xfb\xd4\x0e'\x17(8\xc7\f\x12=\xc3j\xeb\xd7@",
		// A seek before the end, and a cut for a fade that is longer than what is left.
		"\xf5\u01cel\x82+\xd5VY\x8f\xce\u01b3i\xb2mvRr\x11 \xce\xd7!A\xe3\xf0V\xae0\xd4W,",
		// What follows is held, replaced, and shorter than the fade.
		"\xb6%\xcaw\x98m\x89L\x18\x81\xdfYx\xae\x17k\xf0o}\x95#\x1f\xa1\u040fi\"\xcaH\v\xb8d\xb2\x10",
		// A hold before the first frame, then a seek.
		"4*\xae|\xf3cx\x17\xac\xbe\x87\xf7\xc7)\xf5\x93\\S\xacXx\x9e/\x1b% \xec1\xbf\xe7[j\xbaQ8H\f\x9f\xc4.V\xb8bm\xf2\x0f|&%\xf1s\x9f\xb7H\x9c\xae.\x11\xbf[y\xa2\xf4\x87\t-\\\x02\xf2",
		// Many seeks during a cut.
		"]?\xf2\x1a:\x1c4uU\xb0\xcf\xff\u0498\x86\x1c},\x1c\xc7\tH\x9c\xb8\x81fC\xb1\x03dY\x1c\xf8\xday\x88N\x9d\xaa1(J~",
		// A piece of one sample more than a frame, then another to the sample.
		"\xd3mmam\xeb\x90d\x8d)p\x92 \xaa\xeb]\xfcH\xf6G\x00b\x1f",
		// The same, but what was before had been filled up with silence already.
		"\xd3mXam\xeb\x90d\x8d)p\x92 \xaa\xeb]\xfcG\x00b\x1f",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		if len(bytes) < 200 {
			play(t, bytes)
		}
	})
}
