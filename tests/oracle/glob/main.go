// Program glob answers whether doublestar patterns match paths, from JSON lines on standard input.
//
// It asks as one does who compiles patterns once: ValidatePattern, then MatchUnvalidated. doublestar.Match matches alike, but
// validates only what is left of a pattern where a match fails. So it misses faults that come after a match, and, after a
// negated class that did not match, takes the rest of that class for a pattern: "[^a[]" on "a" is an error there.
package main

import (
	"github.com/bmatcuk/doublestar/v4"

	"stoker.io/oracle/internal/lines"
)

type question struct {
	Pattern string `json:"pattern"`
	Path    string `json:"path"`
	Match   bool   `json:"match"`
	Error   bool   `json:"error,omitempty"`
}

func main() {
	lines.Answer(func(q *question) {
		q.Error = !doublestar.ValidatePattern(q.Pattern)
		q.Match = !q.Error && doublestar.MatchUnvalidated(q.Pattern, q.Path)
	})
}
