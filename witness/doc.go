// Package witness holds no code of the program. Its test starts a real
// discord.js bot with @discordjs/voice and davey on the stand-in and lets it
// hear and speak: other people's clients keep the stand-in honest. Run
// install.sh once to install them.
package witness
