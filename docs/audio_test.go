package docs_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"segue/audio/codec/opus"
)

var update = flag.Bool("update", false, "write audio.md's figures and pictures where they differ")

const page = "audio.md"

// another reports whether the picture or the figures of that name come out of an
// encoder that is not that of this build: those on the page are the default build's.
func another(t *testing.T, name string) bool {
	if name != "splice" && name != "timeline" && name != "crossfade" && name != "layers" || strings.HasPrefix(opus.Build(), "pure Go") {
		return false
	}
	t.Logf("%s is not compared: it is drawn with the encoder in pure Go", name)
	return true
}

// drawings are the pictures, by file. within is by how much a number in it may
// differ: rounding, unless it says why more.
func drawings() map[string]struct {
	draw   func(t *testing.T) *picture
	within float64
} {
	type d = struct {
		draw   func(t *testing.T) *picture
		within float64
	}
	return map[string]d{
		"equalizer":  {equalizerPicture, rounding},
		"passes":     {passesPicture, rounding},
		"karaoke":    {karaokePicture, rounding},
		"modulation": {modulationPicture, rounding},
		"distortion": {distortionPicture, rounding},
		"space":      {spacePicture, rounding},
		"dynamics":   {dynamicsPicture, rounding},
		"loudness":   {loudnessPicture, rounding},
		"levelling":  {levellingPicture, rounding},
		"resampler":  {resamplerPicture, 3},
		"timescale":  {timescalePicture, rounding},
		"flow":       {flowPicture, 0},
		"crossfade":  {crossfadePicture, rounding},
		"fades":      {fadesPicture, rounding},
		"gapless":    {gaplessPicture, rounding},
		"layers":     {layersPicture, rounding},
		"splice":     {splicePicture, decided},
		"timeline":   {timelinePicture, rounding},
	}
}

const (
	rounding = 0.11
	// decided is for what an encoder decides, which may tip over where another
	// processor rounds otherwise.
	decided = 6
)

func TestPicturesAreWhatTheCodeDoes(t *testing.T) {
	for name, d := range drawings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if another(t, name) {
				return
			}
			file := filepath.Join("pictures", name+".svg")
			is := d.draw(t).String()
			was, err := os.ReadFile(file)
			if err != nil && !*update {
				t.Fatal(err)
			}
			why := differs(string(was), is, d.within)
			if why == "" {
				return
			}
			if !*update {
				t.Fatalf("%s is no longer what is measured: %s\n(go test ./docs -update draws it anew; look at it)", file, why)
			}
			if err := os.WriteFile(file, []byte(is), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestFiguresAreWhatTheCodeDoes(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for name, c := range figures() {
		begin, end := "<!-- measured: "+name+" -->\n", "<!-- end -->"
		head, rest, found := strings.Cut(text, begin)
		was, tail, ended := strings.Cut(rest, end)
		if !found || !ended {
			t.Errorf("%s has no %q", page, begin)
			continue
		}
		if another(t, name) {
			continue
		}
		is := c.write(t)
		why := differs(was, is, c.within)
		if why == "" {
			continue
		}
		if !*update {
			t.Errorf("%s, %s: no longer what is measured: %s", page, name, why)
			continue
		}
		text = head + begin + is + end + tail
	}
	if n := strings.Count(text, "<!-- measured: "); n != len(figures()) {
		t.Errorf("%s has %d measured parts, and %d are measured", page, n, len(figures()))
	}
	if *update && text != string(b) {
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var numbers = regexp.MustCompile(`-?\d+(\.\d+)?`)

// differs says in what two texts differ, or "": numbers may by as much as within.
func differs(was, is string, within float64) string {
	if was == is {
		return ""
	}
	a, b := numbers.Split(was, -1), numbers.Split(is, -1)
	if !slices.Equal(a, b) {
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				return fmt.Sprintf("%.60q was %.60q", b[i], a[i])
			}
		}
		return fmt.Sprintf("%d numbers were %d", len(b), len(a))
	}
	x, y := numbers.FindAllString(was, -1), numbers.FindAllString(is, -1)
	for i := range x {
		v, _ := strconv.ParseFloat(x[i], 64)
		w, _ := strconv.ParseFloat(y[i], 64)
		if math.Abs(v-w) > within {
			return fmt.Sprintf("%s was %s, after %.60q", y[i], x[i], a[i])
		}
	}
	return ""
}

// A comparison that finds nothing would find nothing.
func TestWhatChangedIsNoticed(t *testing.T) {
	for _, c := range []struct {
		was, is string
		within  float64
		same    bool
	}{
		{"a 1.5 b", "a 1.6 b", 0.11, true},
		{"a 1.5 b", "a 1.7 b", 0.11, false},
		{"a 1.5 b", "a -1.5 b", 0.11, false},
		{"a 1.5 b", "a 1.5 c", 9, false},
		{"a 1.5 b", "a 1.5 b 2", 9, false},
		{"0,1 2,3", "0,1 2,3", 0, true},
	} {
		if got := differs(c.was, c.is, c.within) == ""; got != c.same {
			t.Errorf("%q and %q within %v: same is %v", c.was, c.is, c.within, got)
		}
	}
}

func TestPageAndPicturesBelongTogether(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, m := range regexp.MustCompile(`!\[([^\]]*)\]\(pictures/([a-z-]+)\.svg\)`).FindAllStringSubmatch(string(b), -1) {
		shown[m[2]] = true
		if _, ok := drawings()[m[2]]; !ok {
			t.Errorf("%s shows %s, which nothing draws", page, m[2])
		}
		if len(m[1]) < 10 {
			t.Errorf("%s: %s has no description", page, m[2])
		}
	}
	for name := range drawings() {
		if !shown[name] {
			t.Errorf("%s does not show %s", page, name)
		}
	}
	files, err := filepath.Glob("pictures/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := drawings()[strings.TrimSuffix(filepath.Base(f), ".svg")]; !ok {
			t.Errorf("%s is drawn by nothing", f)
		}
	}
}

func TestPageNamesItsProof(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(b), "by which test")
	if !found {
		t.Fatal("no table of tests")
	}
	name := regexp.MustCompile("`([a-z/]+)\\.(Test\\w+)`")
	for line := range strings.Lines(table) {
		row := strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| what |") && !strings.HasPrefix(line, "| --- ")
		all := name.FindAllStringSubmatch(line, -1)
		if row && len(all) == 0 {
			t.Errorf("without its proof: %s", line)
		}
		for _, m := range all {
			if !strings.Contains(testsIn(t, m[1]), "\nfunc "+m[2]+"(t *testing.T) {") {
				t.Errorf("%s has no %s", m[1], m[2])
			}
		}
	}
}

// A figure is a part of the page that is measured.
type figure struct {
	write  func(t *testing.T) string // ends with a new line
	within float64
}

func figures() map[string]figure {
	return map[string]figure{
		"control":   {controlFigures, 0},
		"effects":   {effectsFigures, 0},
		"joins":     {joinFigures, rounding},
		"splice":    {spliceFigures, 1},
		"timescale": {timescaleFigures, rounding},
	}
}
