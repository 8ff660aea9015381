package discordtest

import (
	"slices"
	"time"
)

// table lists all operations. The rates are as Discord is known to have them,
// or near: it documents none, so clients must go by the headers.
func table() []route {
	return slices.Concat(loginRoutes(), commandRoutes(), interactionRoutes(), channelRoutes(), guildRoutes())
}

// loginRoutes are about the bot itself.
func loginRoutes() []route {
	const app = "/applications/{application_id}"
	gateway := rate{"gateway", 2, 5 * time.Second}
	emojis := rate{"emojis", 30, 30 * time.Second}
	return []route{
		{method: "GET", path: "/gateway", handle: getGateway, open: true},
		{method: "GET", path: "/gateway/bot", handle: getGatewayBot, rate: gateway},
		{method: "GET", path: "/users/@me", handle: getMe},
		{method: "GET", path: "/users/@me/guilds", handle: getMyGuilds},
		{method: "GET", path: "/users/{user_id}", handle: getUser},
		{method: "GET", path: "/applications/@me", handle: getApplication},
		{method: "GET", path: app, handle: getApplication},
		{method: "GET", path: "/oauth2/applications/@me", handle: getApplication},
		{method: "GET", path: app + "/entitlements", handle: getNothing},
		{method: "GET", path: app + "/emojis", handle: getEmojis, rate: emojis},
		{method: "POST", path: app + "/emojis", handle: postEmoji, rate: emojis},
		{method: "GET", path: app + "/emojis/{emoji_id}", handle: getEmoji, rate: emojis},
		{method: "PATCH", path: app + "/emojis/{emoji_id}", handle: patchEmoji, rate: emojis},
		{method: "DELETE", path: app + "/emojis/{emoji_id}", handle: deleteEmoji, rate: emojis},
		{method: "GET", path: "/voice/regions", handle: getRegions},
	}
}

// commandRoutes are about application commands.
func commandRoutes() []route {
	const app = "/applications/{application_id}"
	const gcmd = app + "/guilds/{guild_id}/commands"
	cmdsRead := rate{"commands", 20, 20 * time.Second}
	cmds := rate{"change commands", 20, 20 * time.Second}
	return []route{
		{method: "GET", path: app + "/commands", handle: getCommands, rate: cmdsRead},
		{method: "POST", path: app + "/commands", handle: postCommand, rate: cmds},
		{method: "PUT", path: app + "/commands", handle: putCommands, rate: cmds},
		{method: "GET", path: app + "/commands/{command_id}", handle: getCommand, rate: cmdsRead},
		{method: "PATCH", path: app + "/commands/{command_id}", handle: patchCommand, rate: cmds},
		{method: "DELETE", path: app + "/commands/{command_id}", handle: deleteCommand, rate: cmds},
		{method: "GET", path: gcmd, handle: getCommands, rate: cmdsRead},
		{method: "POST", path: gcmd, handle: postCommand, rate: cmds},
		{method: "PUT", path: gcmd, handle: putCommands, rate: cmds},
		{method: "GET", path: gcmd + "/permissions", handle: getNothing, rate: cmdsRead},
		{method: "GET", path: gcmd + "/{command_id}", handle: getCommand, rate: cmdsRead},
		{method: "PATCH", path: gcmd + "/{command_id}", handle: patchCommand, rate: cmds},
		{method: "DELETE", path: gcmd + "/{command_id}", handle: deleteCommand, rate: cmds},
	}
}

// interactionRoutes are answers to interactions; they need no Authorization.
func interactionRoutes() []route {
	const hook = "/webhooks/{webhook_id}/{token}"
	hooks := rate{"execute webhook", 5, 5 * time.Second}
	hookGets := rate{"webhook message", 5, 5 * time.Second}
	hookEdit := rate{"edit webhook message", 5, 5 * time.Second}
	hookDel := rate{"delete webhook message", 5, 5 * time.Second}
	return []route{
		{method: "POST", path: "/interactions/{interaction_id}/{token}/callback", handle: postCallback, open: true, exempt: true, kinds: multipart_},
		{method: "POST", path: hook, handle: postFollowup, rate: hooks, open: true, exempt: true, kinds: multipart_},
		{method: "GET", path: hook + "/messages/@original", handle: getOriginal, rate: hookGets, open: true, exempt: true},
		{method: "PATCH", path: hook + "/messages/@original", handle: patchOriginal, rate: hookEdit, open: true, exempt: true, kinds: multipart_},
		{method: "DELETE", path: hook + "/messages/@original", handle: deleteOriginal, rate: hookDel, open: true, exempt: true},
		{method: "GET", path: hook + "/messages/{message_id}", handle: getOriginal, rate: hookGets, open: true, exempt: true},
		{method: "PATCH", path: hook + "/messages/{message_id}", handle: patchOriginal, rate: hookEdit, open: true, exempt: true, kinds: multipart_},
		{method: "DELETE", path: hook + "/messages/{message_id}", handle: deleteOriginal, rate: hookDel, open: true, exempt: true},
	}
}

// channelRoutes are about channels and messages.
func channelRoutes() []route {
	channels := rate{"channel", 50, time.Second}
	sends := rate{"send message", 5, 5 * time.Second}
	edits := rate{"edit message", 5, 5 * time.Second}
	deletes := rate{"delete message", 5, time.Second}
	status := rate{"voice status", 5, 20 * time.Second}
	return []route{
		{method: "GET", path: "/channels/{channel_id}", handle: getChannel, rate: channels},
		{method: "GET", path: "/channels/{channel_id}/messages", handle: getMessages, rate: channels},
		{method: "POST", path: "/channels/{channel_id}/messages", handle: postMessage, rate: sends, kinds: multipart_},
		{method: "GET", path: "/channels/{channel_id}/messages/{message_id}", handle: getMessage, rate: channels},
		{method: "PATCH", path: "/channels/{channel_id}/messages/{message_id}", handle: patchMessage, rate: edits, kinds: multipart_},
		{method: "DELETE", path: "/channels/{channel_id}/messages/{message_id}", handle: deleteMessage, rate: deletes},
		{method: "POST", path: "/channels/{channel_id}/typing", handle: postTyping, rate: sends},
		{method: "PUT", path: "/channels/{channel_id}/voice-status", handle: putVoiceStatus, rate: status},
	}
}

// guildRoutes are about guilds, members and voice states.
func guildRoutes() []route {
	guilds := rate{"guild", 10, 10 * time.Second}
	members := rate{"member", 10, 10 * time.Second}
	return []route{
		{method: "GET", path: "/guilds/{guild_id}", handle: getGuild, rate: guilds},
		{method: "GET", path: "/guilds/{guild_id}/channels", handle: getGuildChannels, rate: guilds},
		{method: "GET", path: "/guilds/{guild_id}/roles", handle: getRoles, rate: guilds},
		{method: "GET", path: "/guilds/{guild_id}/members", handle: getMembers, rate: members},
		{method: "GET", path: "/guilds/{guild_id}/members/{user_id}", handle: getMember, rate: members},
		{method: "PATCH", path: "/guilds/{guild_id}/members/{user_id}", handle: patchMember, rate: members},
		{method: "GET", path: "/guilds/{guild_id}/voice-states/@me", handle: getVoiceState, rate: members},
		{method: "GET", path: "/guilds/{guild_id}/voice-states/{user_id}", handle: getVoiceState, rate: members},
		{method: "PATCH", path: "/guilds/{guild_id}/voice-states/@me", handle: patchVoiceState, rate: members},
	}
}

// getNothing answers lists that are always empty here: nothing is for sale,
// and nobody restricts commands.
func getNothing(*request) (int, any, error) { return 200, []any{}, nil }
