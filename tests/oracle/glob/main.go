// Program glob answers whether doublestar patterns match paths, from JSON lines on standard input.
//
// A malformed pattern is an error whatever the path: doublestar.Match notices some faults only when it comes to them.
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
		q.Match, q.Error = false, !doublestar.ValidatePattern(q.Pattern)
		if q.Error {
			return
		}
		matched, err := doublestar.Match(q.Pattern, q.Path)
		q.Match, q.Error = matched, err != nil
	})
}
