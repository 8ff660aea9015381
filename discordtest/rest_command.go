package discordtest

import (
	"slices"
	"time"
)

// Limits of application commands.
const (
	slashLimit   = 100
	contextLimit = 15
	createLimit  = 200 // a day, per guild
)

// scope is the guild whose commands a route is about, 0 for global ones.
func (q *request) scope() (ID, error) {
	if q.vars["guild_id"] == "" {
		return 0, nil
	}
	g, _, err := q.guildFor()
	if err != nil {
		return 0, err
	}
	return g.id, nil
}

func (q *request) locale() string {
	if l := q.r.Header.Get("X-Discord-Locale"); l != "" {
		return l
	}
	return q.r.Header.Get("Accept-Language")
}

func (q *request) commandFor() (*command, error) {
	guild, err := q.scope()
	if err != nil {
		return nil, err
	}
	list := q.bot.commands[guild]
	i := slices.IndexFunc(list, func(c *command) bool { return c.id == q.id("command_id") })
	if i < 0 {
		return nil, errUnknown("application command")
	}
	return list[i], nil
}

func getCommands(q *request) (int, any, error) {
	guild, err := q.scope()
	if err != nil {
		return 0, nil, err
	}
	out := []obj{}
	for _, c := range q.bot.commands[guild] {
		out = append(out, c.json(q.query.Get("with_localizations") == "true", q.locale()))
	}
	return 200, out, nil
}

func getCommand(q *request) (int, any, error) {
	c, err := q.commandFor()
	if err != nil {
		return 0, nil, err
	}
	return 200, c.json(true, ""), nil
}

// same finds a command of the same name and type.
func same(list []*command, c *command) int {
	return slices.IndexFunc(list, func(o *command) bool { return o.name == c.name && o.kind == c.kind })
}

// room checks the counts of a scope as it would be.
func room(list []*command) error {
	n := map[int]int{}
	for _, c := range list {
		n[c.kind]++
	}
	switch {
	case n[commandSlash] > slashLimit:
		return refusal(400, 30032, "Maximum number of application commands reached (100).")
	case n[commandUser] > contextLimit || n[commandMessage] > contextLimit:
		return refusal(400, 30032, "Maximum number of application commands reached (15).")
	case n[4] > 1:
		return refusal(400, 30032, "Maximum number of application commands reached (1).")
	}
	return nil
}

// enrol gives a checked command its ids, those of the one it replaces if any.
func (q *request) enrol(c *command, old *command) error {
	c.bot = q.bot
	c.version = q.d.ids.next(q.d.now())
	if old != nil {
		c.id = old.id
		if equalJSON(c.raw, old.raw) {
			c.version = old.version
		}
		return nil
	}
	day := q.bot.creates[c.guild]
	if day == nil {
		day = &window{}
		q.bot.creates[c.guild] = day
	}
	if !day.take(q.d.now(), createLimit, 24*time.Hour) {
		return refusal(400, 30034, "Max number of daily application command creates has been reached (200)")
	}
	c.id = c.version
	return nil
}

func equalJSON(a, b any) bool { return jsonText(a) == jsonText(b) }

// postCommand creates a command or replaces the one of the same name and type.
func postCommand(q *request) (int, any, error) {
	guild, err := q.scope()
	if err != nil {
		return 0, nil, err
	}
	o, err := q.object()
	if err != nil {
		return 0, nil, err
	}
	var f form
	c := f.command(o, "", guild)
	if err := f.err(); err != nil {
		return 0, nil, err
	}
	list := slices.Clone(q.bot.commands[guild])
	status := 201
	var old *command
	if i := same(list, c); i >= 0 {
		status, old = 200, list[i]
		list[i] = c
	} else {
		list = append(list, c)
	}
	if err := room(list); err != nil {
		return 0, nil, err
	}
	if err := q.enrol(c, old); err != nil {
		return 0, nil, err
	}
	q.bot.commands[guild] = list
	return status, c.json(true, ""), nil
}

// putCommands replaces all commands of a scope.
func putCommands(q *request) (int, any, error) {
	guild, err := q.scope()
	if err != nil {
		return 0, nil, err
	}
	body, ok := q.body.([]any)
	if !ok {
		return 0, nil, oneError("", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
	}
	var f form
	var list []*command
	for i, v := range body {
		o := field{&f, itoa(i), v, true}.object()
		if o == nil {
			continue
		}
		c := f.command(o, itoa(i), guild)
		if same(list, c) >= 0 {
			f.add(itoa(i), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
		}
		list = append(list, c)
	}
	if err := f.err(); err != nil {
		return 0, nil, err
	}
	if err := room(list); err != nil {
		return 0, nil, err
	}
	had := q.bot.commands[guild]
	out := []obj{}
	for _, c := range list {
		var old *command
		if i := same(had, c); i >= 0 {
			old = had[i]
		}
		if err := q.enrol(c, old); err != nil {
			return 0, nil, err
		}
		out = append(out, c.json(true, ""))
	}
	q.bot.commands[guild] = list
	return 200, out, nil
}

func patchCommand(q *request) (int, any, error) {
	old, err := q.commandFor()
	if err != nil {
		return 0, nil, err
	}
	o, err := q.object()
	if err != nil {
		return 0, nil, err
	}
	var f form
	merged := with(old.raw)
	for k, v := range o {
		merged[k] = v
	}
	merged["type"] = old.raw["type"]
	c := f.command(merged, "", old.guild)
	list := slices.Clone(q.bot.commands[old.guild])
	if i := same(list, c); i >= 0 && list[i] != old {
		f.add("name", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
	}
	if err := f.err(); err != nil {
		return 0, nil, err
	}
	if err := q.enrol(c, old); err != nil {
		return 0, nil, err
	}
	list[slices.Index(list, old)] = c
	q.bot.commands[old.guild] = list
	return 200, c.json(true, ""), nil
}

func deleteCommand(q *request) (int, any, error) {
	c, err := q.commandFor()
	if err != nil {
		return 0, nil, err
	}
	q.bot.commands[c.guild] = slices.DeleteFunc(slices.Clone(q.bot.commands[c.guild]), func(o *command) bool { return o == c })
	return 204, nil, nil
}
