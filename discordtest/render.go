package discordtest

import (
	"maps"
	"time"
)

// obj is a JSON object.
type obj = map[string]any

// with returns a copy of o with more keys: key, value, key, value.
func with(o obj, kv ...any) obj {
	out := maps.Clone(o)
	for i := 0; i < len(kv); i += 2 {
		out[kv[i].(string)] = kv[i+1]
	}
	return out
}

// stamp is a time as Discord writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000-07:00") }

func (u *user) json() obj {
	o := obj{
		"id": u.id, "username": u.name, "avatar": nil, "discriminator": "0", "public_flags": 0, "flags": 0,
		"global_name": u.name, "primary_guild": nil, "banner": nil, "accent_color": nil,
		"avatar_decoration_data": nil, "collectibles": nil,
	}
	if u.bot != nil {
		o["bot"], o["discriminator"], o["global_name"] = true, "0001", nil
	}
	return o
}

func (m *Member) json() obj {
	ids := []ID{}
	for _, r := range m.roles {
		ids = append(ids, r.id)
	}
	return obj{
		"user": m.user.json(), "avatar": nil, "avatar_decoration_data": nil, "banner": nil, "collectibles": nil,
		"communication_disabled_until": nil,
		"flags":                        0, "joined_at": stamp(m.joined), "nick": nil, "pending": false, "premium_since": nil, "roles": ids,
		"mute": m.mute, "deaf": m.deaf,
	}
}

func (r *role) json(position int) obj {
	o := obj{
		"id": r.id, "name": r.name, "permissions": r.permissions.String(), "position": position, "color": 0,
		"colors": obj{"primary_color": 0, "secondary_color": nil, "tertiary_color": nil},
		"hoist":  false, "managed": r.bot != 0, "mentionable": false, "icon": nil, "unicode_emoji": nil, "flags": 0,
	}
	if r.bot != 0 {
		o["tags"] = obj{"bot_id": r.bot}
	}
	return o
}

func (c *Channel) json() obj {
	ov := []obj{}
	for id, o := range c.overwrites {
		kind := 0
		if o.member {
			kind = 1
		}
		ov = append(ov, obj{"id": id, "type": kind, "allow": o.allow.String(), "deny": o.deny.String()})
	}
	out := obj{
		"id": c.id, "type": c.kind, "guild_id": c.guild.id, "name": c.name, "position": c.position(), "flags": 0,
		"parent_id": nil, "permission_overwrites": ov, "nsfw": false, "rate_limit_per_user": 0, "last_message_id": nil,
	}
	if n := len(c.messages); n > 0 {
		out["last_message_id"] = c.messages[n-1].id
	}
	switch c.kind {
	case kindText:
		out["topic"] = nil
		if c.topic != "" {
			out["topic"] = c.topic
		}
	default:
		out["bitrate"], out["user_limit"], out["rtc_region"] = c.bitrate, c.limit, nil
	}
	return out
}

func (c *Channel) position() int {
	for i, o := range c.guild.channels {
		if o == c {
			return i
		}
	}
	return 0
}

func (g *Guild) rolesJSON() []obj {
	out := []obj{}
	for i, r := range g.roles {
		out = append(out, r.json(i))
	}
	return out
}

func (g *Guild) channelsJSON(for_ *Bot) []obj {
	out := []obj{}
	m := g.member(for_.user.id)
	for _, c := range g.channels {
		if m != nil && m.in(c).Has(ViewChannel) {
			out = append(out, c.json())
		}
	}
	return out
}

// json is the guild as REST gives it.
func (g *Guild) json() obj {
	return obj{
		"id": g.id, "name": g.name, "icon": nil, "description": nil, "home_header": nil, "splash": nil,
		"discovery_splash": nil, "features": []string{}, "banner": nil, "owner_id": g.owner.user.id,
		"application_id": nil, "region": "us-east", "afk_channel_id": nil, "afk_timeout": 300,
		"system_channel_id": nil, "system_channel_flags": 0, "widget_enabled": false, "widget_channel_id": nil,
		"verification_level": 0, "roles": g.rolesJSON(), "default_message_notifications": 0, "mfa_level": 0,
		"explicit_content_filter": 0, "max_presences": nil, "max_members": 500000,
		"max_stage_video_channel_users": 50, "max_video_channel_users": 25, "vanity_url_code": nil,
		"premium_tier": 0, "premium_subscription_count": 0, "preferred_locale": g.locale,
		"rules_channel_id": nil, "safety_alerts_channel_id": nil, "public_updates_channel_id": nil,
		"premium_progress_bar_enabled": false, "nsfw": false, "nsfw_level": 0, "emojis": []obj{}, "stickers": []obj{},
		"incidents_data": nil,
	}
}

// createJSON is the guild as GUILD_CREATE gives it to one bot: its channels,
// voice states, and, without the members intent, only itself and who is in a call.
func (g *Guild) createJSON(b *Bot) obj {
	states, members := []obj{}, []obj{}
	for _, m := range g.members {
		vs := g.voice[m.user.id]
		if vs != nil {
			s := vs.json(m)
			delete(s, "guild_id")
			delete(s, "member")
			states = append(states, s)
		}
		if m.user.bot == b || vs != nil {
			members = append(members, m.json())
		}
	}
	self := g.member(b.user.id)
	return with(g.json(),
		"joined_at", stamp(self.joined), "large", false, "unavailable", false, "member_count", len(g.members),
		"voice_states", states, "members", members, "channels", g.channelsJSON(b), "threads", []obj{},
		"presences", []obj{}, "stage_instances", []obj{}, "guild_scheduled_events", []obj{},
		"soundboard_sounds", []obj{}, "hub_type", nil, "lazy", true)
}

func (b *Bot) applicationJSON() obj {
	return obj{
		"id": b.user.id, "name": b.user.name, "icon": nil, "description": "", "type": nil, "bot": b.user.json(),
		"summary": "", "bot_public": true, "bot_require_code_grant": false,
		"verify_key": "0000000000000000000000000000000000000000000000000000000000000000",
		"flags":      b.flags(), "flags_new": itoa(b.flags()), "redirect_uris": []string{}, "interactions_endpoint_url": nil,
		"role_connections_verification_url": nil, "owner": b.d.portal().json(), "approximate_guild_count": b.guildCount(),
		"approximate_user_install_count": 0, "approximate_user_authorization_count": 0, "event_webhooks_status": 1,
		"explicit_content_filter": 0, "team": nil, "eligible_oauth2_scopes": []string{"bot", "applications.commands"},
		"integration_types_config": obj{"0": obj{"oauth2_install_params": obj{
			"scopes": []string{"applications.commands", "bot"}, "permissions": b.permissions.String(),
		}}},
	}
}
