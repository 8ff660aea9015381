package music

// Settings are what a guild has chosen, and what the bot remembers about it
// across restarts. The zero value plus Guild is a guild that never chose.
type Settings struct {
	Guild     GuildID
	LastVoice ChannelID // voice channel the bot last played in, 0 if none
	LastText  ChannelID // text channel it was last commanded from, 0 if none
}
