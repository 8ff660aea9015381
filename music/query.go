package music

// A Query is what a person asked for.
type Query struct {
	Text       string // what was typed, trimmed; may be empty if Attachment is set
	User       UserID
	Guild      GuildID
	Attachment *Attachment // a file sent with the command, or nil
}

// An Attachment is a file that came with an interaction, as Discord resolved it.
type Attachment struct {
	URL         string
	Filename    string
	ContentType string // as the uploader's client guessed it; may be empty
	Size        int64  // bytes
}

// A Result is what a Query turned out to mean. No tracks is an answer
// ("nothing found"), not an error.
type Result struct {
	Tracks   []Track
	Playlist string // name, if Tracks is one list to be queued whole; else Tracks are candidates, best first
	Selected int    // index into Tracks that the query points at within a playlist
}
