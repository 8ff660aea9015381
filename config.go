package main

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"segue/audio/codec/opus"
)

// settings is every setting of the program as text, with the zero value for
// "not given". The field gives the flag (MusicDir: --music-dir), key its name
// in segue.toml, and the environment variable is SEGUE_ and the key in capitals
// (music.dir: SEGUE_MUSIC_DIR). A secret may also come from a file named by the
// variable with _FILE behind it.
type settings struct {
	DefaultData string `kong:"-"` // where state is kept if nobody says; empty: ./data

	Config        string `key:"" placeholder:"FILE" help:"Read settings from this TOML file."`
	DiscordToken  string `key:"discord.token" variable:"DISCORD_TOKEN" secret:"yes" placeholder:"TOKEN" help:"The bot's token; the environment variable DISCORD_TOKEN is the better place."`
	DiscordAPIURL string `key:"discord.api_url" name:"discord-api-url" placeholder:"URL" help:"REST base of another Discord (default: ${api_url})."`
	Data          string `key:"data" placeholder:"DIR" help:"Where state is kept (default: ./data)."`
	MusicDir      string `key:"music.dir" placeholder:"DIR" help:"A folder of music for /play."`
	HTTPAllow     string `key:"http.allow" name:"http-allow" placeholder:"HOST:PORT,…" help:"Private addresses that /play may fetch from."`
	HTTPMaxSize   string `key:"http.max_size" name:"http-max-size" placeholder:"SIZE" help:"Largest file /play fetches (default: 512MiB)."`
	QueueLimit    string `key:"queue.limit" placeholder:"N" help:"Most entries up next in one guild (default: 1000)."`
	PlayerIdle    string `key:"player.idle" placeholder:"TIME" help:"Leave the voice channel after this long without music (default: 5m)."`
	OpusBitrate   string `key:"opus.bitrate" placeholder:"BITS" help:"Most bits per second where sound has to be encoded (default: auto, what the voice channel carries)."`
	CacheFrames   string `key:"cache.frames" placeholder:"SIZE" help:"Most disk for music that was encoded once and passes the next time, or off (default: 1GiB)."`
	CacheFree     string `key:"cache.free" placeholder:"SIZE" help:"Keep no more of it while less of the disk is free (default: 1GiB)."`
	LogLevel      string `key:"log.level" placeholder:"LEVEL" help:"debug, info, warn or error (default: info)."`
	LogFormat     string `key:"log.format" placeholder:"FORMAT" help:"text or json (default: text)."`
}

// Config is what the settings mean: checked, with defaults in place.
type Config struct {
	Token       string
	APIURL      string
	Data        string
	MusicDir    string // empty: no local music
	HTTPAllow   []string
	HTTPMaxSize int64 // bytes
	QueueLimit  int
	PlayerIdle  time.Duration
	OpusBitrate int   // most bits per second; 0: what the voice channel carries
	CacheFrames int64 // most bytes; 0: nothing is kept
	CacheFree   int64 // bytes of the disk to leave free
	LogLevel    slog.Level
	LogJSON     bool
}

const defaultAPIURL = "https://discord.com/api/v10"

var defaults = map[string]string{
	"discord.api_url": defaultAPIURL,
	"data":            "./data",
	"http.max_size":   "512MiB",
	"queue.limit":     "1000",
	"player.idle":     "5m",
	"opus.bitrate":    "auto",
	"cache.frames":    "1GiB",
	"cache.free":      "1GiB",
	"log.level":       "info",
	"log.format":      "text",
}

// field is one setting as the loader sees it.
type field struct {
	key, env string
	secret   bool
	flag     string // what the command line said
}

func fields(s settings) (out []field) {
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		key := tag.Get("key")
		if key == "" {
			continue
		}
		env := tag.Get("variable")
		if env == "" {
			env = "SEGUE_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
		}
		out = append(out, field{key: key, env: env, secret: tag.Get("secret") != "", flag: v.Field(i).String()})
	}
	return out
}

// otherVariables are ours too, but read elsewhere.
var otherVariables = []string{"SEGUE_CONFIG", "SEGUE_TEST_DATA"}

// loadConfig brings defaults, file, environment and flags together, later ones
// winning, and reports every problem it finds in one error.
func loadConfig(s settings, env map[string]string) (Config, error) {
	var problems []error
	values := maps.Clone(defaults)
	if s.DefaultData != "" {
		values["data"] = s.DefaultData
	}
	origin := map[string]string{}
	fs := fields(s)

	path := s.Config
	if path == "" {
		path = env["SEGUE_CONFIG"]
	}
	if path != "" {
		problems = append(problems, readFile(path, fs, values, origin)...)
	}
	problems = append(problems, readEnv(env, fs, values, origin)...)
	for _, f := range fs {
		if f.flag != "" {
			values[f.key], origin[f.key] = f.flag, "--"+strings.NewReplacer(".", "-", "_", "-").Replace(f.key)
		}
	}
	cfg, more := parseConfig(values, origin)
	return cfg, errors.Join(append(problems, more...)...)
}

// readFile takes settings from a TOML file and names the keys it does not know.
func readFile(path string, fs []field, values, origin map[string]string) (problems []error) {
	var tree map[string]any
	if _, err := toml.DecodeFile(path, &tree); err != nil {
		if pe, ok := errors.AsType[toml.ParseError](err); ok {
			return []error{fmt.Errorf("%s, line %d: %s", path, pe.Position.Line, pe.Message)}
		}
		return []error{fmt.Errorf("cannot read the settings: %w", err)}
	}
	flat := map[string]any{}
	flatten("", tree, flat)
	known := keys(fs)
	for _, key := range slices.Sorted(maps.Keys(flat)) {
		if !slices.Contains(known, key) {
			problems = append(problems, fmt.Errorf("%s: unknown setting %q%s", path, key, suggest(key, known)))
			continue
		}
		text, err := tomlText(flat[key])
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %s: %w", path, key, err))
			continue
		}
		values[key], origin[key] = text, path+": "+key
	}
	return problems
}

func keys(fs []field) (out []string) {
	for _, f := range fs {
		out = append(out, f.key)
	}
	return out
}

func flatten(prefix string, tree map[string]any, out map[string]any) {
	for k, v := range tree {
		if sub, ok := v.(map[string]any); ok {
			flatten(prefix+k+".", sub, out)
		} else {
			out[prefix+k] = v
		}
	}
}

// tomlText writes a TOML value the way the environment would hold it.
func tomlText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case int64, bool, float64:
		return fmt.Sprint(v), nil
	case []any:
		var parts []string
		for _, e := range v {
			s, err := tomlText(e)
			if err != nil {
				return "", err
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, ","), nil
	}
	return "", fmt.Errorf("a %T cannot be a setting", v)
}

// readEnv takes settings from the environment, secrets also from files, and
// names the SEGUE_ variables it does not know.
func readEnv(env map[string]string, fs []field, values, origin map[string]string) (problems []error) {
	known := slices.Clone(otherVariables)
	for _, f := range fs {
		known = append(known, f.env)
		if v := env[f.env]; v != "" {
			values[f.key], origin[f.key] = v, f.env
		}
		if !f.secret {
			continue
		}
		known = append(known, f.env+"_FILE")
		if path := env[f.env+"_FILE"]; path != "" {
			b, err := os.ReadFile(path)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s_FILE: %w", f.env, err))
				continue
			}
			values[f.key], origin[f.key] = strings.TrimSpace(string(b)), f.env+"_FILE"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.HasPrefix(name, "SEGUE_") && !slices.Contains(known, name) {
			problems = append(problems, fmt.Errorf("unknown environment variable %s%s", name, suggest(name, known)))
		}
	}
	return problems
}

// parseConfig turns text into values and says for each that makes no sense what
// it got and what it wants.
func parseConfig(values, origin map[string]string) (c Config, problems []error) {
	bad := func(key, want string) {
		from := origin[key]
		if from == "" {
			from = key
		}
		problems = append(problems, fmt.Errorf("%s is %q; it must be %s", from, values[key], want))
	}
	c.Token = strings.TrimSpace(values["discord.token"])
	c.APIURL = strings.TrimRight(values["discord.api_url"], "/")
	if u, err := url.Parse(c.APIURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		bad("discord.api_url", "an http or https address such as "+defaultAPIURL)
	}
	c.Data = filepath.Clean(values["data"])
	if c.MusicDir = values["music.dir"]; c.MusicDir != "" {
		if st, err := os.Stat(c.MusicDir); err != nil || !st.IsDir() {
			bad("music.dir", "a folder that exists")
		}
	}
	for a := range strings.SplitSeq(values["http.allow"], ",") {
		if a = strings.TrimSpace(a); a == "" {
			continue
		}
		if !isHostPort(a) {
			bad("http.allow", "a list of host:port, separated by commas")
			break
		}
		c.HTTPAllow = append(c.HTTPAllow, a)
	}
	var ok bool
	if c.HTTPMaxSize, ok = parseSize(values["http.max_size"]); !ok {
		bad("http.max_size", "a size such as 512MiB")
	}
	var err error
	if c.QueueLimit, err = strconv.Atoi(values["queue.limit"]); err != nil || c.QueueLimit < 1 || c.QueueLimit > 100_000 {
		bad("queue.limit", "a whole number from 1 to 100000")
	}
	if c.PlayerIdle, err = time.ParseDuration(values["player.idle"]); err != nil || c.PlayerIdle < time.Second {
		bad("player.idle", "a time of at least 1s, such as 90s or 5m")
	}
	if v := values["opus.bitrate"]; v != "auto" {
		if c.OpusBitrate, err = strconv.Atoi(v); err != nil || c.OpusBitrate < opus.MinBitrate || c.OpusBitrate > opus.MaxBitrate {
			bad("opus.bitrate", fmt.Sprintf("auto, or bits per second from %d to %d", opus.MinBitrate, opus.MaxBitrate))
		}
	}
	parseCache(&c, values, bad)
	if err := c.LogLevel.UnmarshalText([]byte(values["log.level"])); err != nil {
		bad("log.level", "debug, info, warn or error")
	}
	switch values["log.format"] {
	case "text":
	case "json":
		c.LogJSON = true
	default:
		bad("log.format", "text or json")
	}
	return c, problems
}

func parseCache(c *Config, values map[string]string, bad func(key, want string)) {
	var ok bool
	if v := values["cache.frames"]; v != "off" {
		const least = 16 << 20 // a quarter of it is for what is being written: a song
		if c.CacheFrames, ok = parseSize(v); !ok || c.CacheFrames < least {
			bad("cache.frames", "off, or a size of at least 16MiB")
		}
	}
	if c.CacheFree, ok = parseSize(values["cache.free"]); !ok {
		bad("cache.free", "a size such as 1GiB")
	}
}

func isHostPort(s string) bool {
	if _, err := netip.ParseAddrPort(s); err == nil {
		return true
	}
	host, port, ok := strings.Cut(s, ":")
	n, err := strconv.Atoi(port)
	return ok && host != "" && !strings.ContainsAny(host, "/ :") && err == nil && n > 0 && n < 65536
}

// parseSize reads "512MiB", "2GB" or plain bytes.
func parseSize(s string) (int64, bool) {
	number := strings.TrimRight(s, "KMGiBb ")
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n <= 0 {
		return 0, false
	}
	factor, ok := map[string]int64{"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "KB": 1e3, "MB": 1e6, "GB": 1e9}[strings.TrimSpace(s[len(number):])]
	if !ok || n > (1<<62)/factor {
		return 0, false
	}
	return n * factor, true
}

// suggest names the known word nearest to an unknown one, if one is near.
func suggest(word string, known []string) string {
	best, at := "", len(strings.TrimPrefix(word, "SEGUE_"))/2+1 // what all have in common says nothing
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < at {
			best, at = k, d
		}
	}
	if best == "" {
		return "; known are " + strings.Join(known, ", ")
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
