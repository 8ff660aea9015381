package effect

// A filter is what JSON calls an effect with named fields.
type filter struct {
	name   string
	on     func(*Settings) *bool
	fields []field
	flags  []flag
}

// A field is a number of a filter.
type field struct {
	name        string
	of          func(*Settings) *float64
	byDefault   float64
	least, most float64
	above       bool // least itself is refused
}

// A flag is a choice of a filter.
type flag struct {
	name      string
	of        func(*Settings) *bool
	byDefault bool
}

func (f *filter) defaults(s *Settings) {
	*f.on(s) = true
	for _, n := range f.fields {
		*n.of(s) = n.byDefault
	}
	for _, b := range f.flags {
		*b.of(s) = b.byDefault
	}
}
