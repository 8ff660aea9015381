package docs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"

	"segue/audio/effect"
)

// order is the effects as package effect says it goes through them, which its own
// tests hold it to.
func order(t *testing.T) (names []string) {
	f, err := parser.ParseFile(token.NewFileSet(), "../audio/effect/doc.go", nil, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(f.Doc.Text(), "in brackets:")
	list, _, found := strings.Cut(list, "Volume follows")
	if !found {
		t.Fatal("package effect does not tell its order")
	}
	for name := range strings.SplitSeq(list, ",") {
		names = append(names, strings.Trim(name, " []\t\n"))
	}
	if len(names) != reflect.TypeFor[effect.Settings]().NumField()-1 { // all but volume
		t.Fatalf("the order is of %q", names)
	}
	return names
}

// units are what the effects' numbers count; "" is a factor or a share.
var units = map[string]string{
	"karaoke.level": "", "karaoke.monoLevel": "", "karaoke.filterBand": "Hz", "karaoke.filterWidth": "Hz",
	"timescale.speed": "", "timescale.pitch": "", "timescale.rate": "",
	"tremolo.frequency": "Hz", "tremolo.depth": "",
	"vibrato.frequency": "Hz", "vibrato.depth": "of 2 ms",
	"rotation.rotationHz":  "Hz",
	"distortion.sinOffset": "", "distortion.sinScale": "", "distortion.cosOffset": "", "distortion.cosScale": "",
	"distortion.tanOffset": "", "distortion.tanScale": "", "distortion.offset": "", "distortion.scale": "",
	"channelMix.leftToLeft": "", "channelMix.leftToRight": "", "channelMix.rightToLeft": "", "channelMix.rightToRight": "",
	"lowPass.smoothing": "samples", "highPass.smoothing": "samples",
	"echo.delay": "ms", "echo.feedback": "", "echo.mix": "",
	"reverb.mix": "", "reverb.roomSize": "", "reverb.damping": "", "reverb.width": "",
	"chorus.rate": "Hz", "chorus.depth": "of 4 ms", "chorus.delay": "ms", "chorus.mix": "", "chorus.feedback": "",
	"compressor.threshold": "dB of full scale", "compressor.ratio": "dB in for a dB out", "compressor.attack": "s", "compressor.release": "s", "compressor.makeupGain": "dB",
	"normalization.maxAmplitude": "of full scale", "normalization.adaptive": "",
}

// effectsFigures are all effects' numbers with their ranges, as the code refuses
// what is outside, and their defaults.
func effectsFigures(t *testing.T) string {
	s := "| effect | field | range | default | unit |\n| --- | --- | --- | --- | --- |\n"
	whole := reflect.ValueOf(effect.Defaults())
	rows := 0
	for _, name := range order(t) {
		if name == "equalizer" {
			s += fmt.Sprintf("| `equalizer` | `gain` of each `band`, 0 to %d | %s | 0 | |\n", effect.Bands-1, spanOf(t, `{"equalizer":[{"band":0,"gain":99}]}`))
			continue
		}
		v := whole.FieldByName(strings.ToUpper(name[:1]) + name[1:])
		for i := range v.NumField() {
			field := v.Type().Field(i).Name
			if field == "On" {
				continue
			}
			field = strings.ToLower(field[:1]) + field[1:]
			unit, known := units[name+"."+field]
			if !known {
				t.Errorf("%s.%s has no unit", name, field)
			}
			rows++
			span := "true, false"
			if v.Field(i).Kind() != reflect.Bool {
				span = spanOf(t, fmt.Sprintf(`{%q:{%q:-1e99}}`, name, field))
			}
			s += strings.ReplaceAll(fmt.Sprintf("| `%s` | `%s` | %s | %v | %s |\n", name, field, span, v.Field(i).Interface(), unit), "|  |", "| |")
		}
	}
	if rows != len(units) {
		t.Errorf("%d fields, and units of %d", rows, len(units))
	}
	return s + fmt.Sprintf("| `volume` | | %s | 1 | factor |\n", spanOf(t, `{"volume":-1}`))
}

// spanOf is what may be said instead of what is said in those filters.
func spanOf(t *testing.T, filters string) string {
	var s effect.Settings
	var invalid *effect.Invalid
	if err := json.Unmarshal([]byte(filters), &s); !errors.As(err, &invalid) || len(invalid.Problems) == 0 {
		t.Fatalf("%s: %v", filters, err)
	}
	return strings.ReplaceAll(invalid.Problems[0].Range, "1e+06", "1000000")
}
