package discordtest

import (
	"slices"
	"strconv"
)

func getGateway(q *request) (int, any, error) {
	return 200, obj{"url": q.d.GatewayURL()}, nil
}

func getGatewayBot(q *request) (int, any, error) {
	left, ends := q.bot.starts.left(q.d.now(), q.d.opt.Identifies, identifyDay)
	return 200, obj{
		"url": q.d.GatewayURL(), "shards": q.d.opt.Shards,
		"session_start_limit": obj{
			"total": q.d.opt.Identifies, "remaining": left, "reset_after": ends.Milliseconds(), "max_concurrency": q.d.opt.MaxConcurrency,
		},
	}, nil
}

func getMe(q *request) (int, any, error) {
	return 200, with(q.bot.user.json(), "mfa_enabled", false, "locale", "en-US", "verified", true, "email", nil, "premium_type", 0), nil
}

func getUser(q *request) (int, any, error) {
	if u := q.d.users[q.id("user_id")]; u != nil {
		return 200, u.json(), nil
	}
	return 0, nil, errUnknown("User")
}

func getApplication(q *request) (int, any, error) {
	o := q.bot.applicationJSON()
	delete(o, "summary")
	return 200, o, nil
}

// getMyGuilds lists the bot's guilds by id.
func getMyGuilds(q *request) (int, any, error) {
	limit := 200
	if s := q.query.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 200 {
			return 0, nil, oneError("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 200.")
		}
		limit = n
	}
	after, _ := parseID(q.query.Get("after")) // absent is from the start
	before, _ := parseID(q.query.Get("before"))
	out := []obj{}
	mine := slices.Clone(q.d.guilds)
	slices.SortFunc(mine, func(a, b *Guild) int { return int(int64(a.id) - int64(b.id)) })
	for _, g := range mine {
		m := g.member(q.bot.user.id)
		if m == nil || g.id <= after || before != 0 && g.id >= before || len(out) == limit {
			continue
		}
		o := obj{
			"id": g.id, "name": g.name, "icon": nil, "banner": nil, "owner": false,
			"permissions": g.base(m).String(), "features": []string{},
		}
		if q.query.Get("with_counts") == "true" {
			o["approximate_member_count"], o["approximate_presence_count"] = len(g.members), len(g.members)
		}
		out = append(out, o)
	}
	return 200, out, nil
}
