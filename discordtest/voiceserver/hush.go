package voiceserver

// hush is what a guild has taken from a user in voice.
type hush struct{ mute, deaf bool }

// Hush stops handing on what a user of a guild says, or what others say to the
// user, in every channel, now and in sessions to come, until it is lifted: what
// a server mute, a server deafen and the audience of a stage come to.
func (s *Server) Hush(guild, user uint64, mute, deaf bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key := [2]uint64{guild, user}; mute || deaf {
		s.hushed[key] = hush{mute, deaf}
	} else {
		delete(s.hushed, key)
	}
}

func (s *Server) hush(guild, user uint64) hush {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hushed[[2]uint64{guild, user}]
}
