package sbr

import "segue/audio/codec/aac/bits"

// tables are what all elements share. They never change.
type tables struct{ books [len(listings)]*bits.Book }

var shared = newTables()

func newTables() *tables {
	t := &tables{}
	for i, l := range listings {
		t.books[i] = bits.NewBook(l.Listing)
	}
	return t
}
