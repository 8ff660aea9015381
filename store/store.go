// Package store says what must survive a restart, and in which words a store
// tells its operator that it cannot. The engines are its children; the
// interfaces are declared by whoever uses them.
package store

import (
	"errors"
	"fmt"
)

// A Problem is a state of the store that a person has to mend.
type Problem string

// What can be wrong with a store.
const (
	Unusable Problem = "unusable" // folder or file cannot be read, written or made
	Corrupt  Problem = "corrupt"  // the file is not a database, or a damaged one
	Foreign  Problem = "foreign"  // a sound database, but not one of ours
	Newer    Problem = "newer"    // written by a later version of the program
	Full     Problem = "full"     // no space left
)

// An Error tells an operator what is wrong with the store and what to do. Its
// text is whole sentences, fit to be printed as they are.
type Error struct {
	Problem Problem
	Where   string // file or folder
	What    string // what was found, one sentence
	Do      string // what mends it, one or two sentences
	Err     error  // cause, may be nil
}

// Error gives the sentences, and the cause in parentheses.
func (e *Error) Error() string {
	s := e.What + " " + e.Do
	if e.Err != nil {
		s += fmt.Sprintf(" (%v)", e.Err)
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ProblemOf reports what is wrong, or "" if err says nothing about the store.
func ProblemOf(err error) Problem {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Problem
	}
	return ""
}
