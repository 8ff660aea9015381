package text

// english has every sentence: what happened, and what to do about it. Codes
// are grouped by who says them.
var english = map[string]string{
	// What goes wrong anywhere.
	"error.internal": "Something went wrong on my side. Try again; if it stays, show the person who runs me this id: `{1}`.",
	unknown:          "That did not work. Try again; if it stays, tell the person who runs me.",
	"error.timeout":  "That took too long, so I stopped. Try again in a moment.",
	"error.busy":     "I have too much to do at once. Try again in a moment.",
	"error.shutdown": "I am being restarted. Try again in a minute.",
}
