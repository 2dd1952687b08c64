// Program patch answers what sjson makes of documents, from JSON lines on standard input.
//
// The rules around sjson are the project's: a document that is not valid JSON is an error; several paths apply in byte order; a
// value that is valid JSON is set as it is written, without the white space around it, anything else as a string; a path
// that is a query is an error (sjson would set what it finds first, or silently nothing).
package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tidwall/sjson"

	"stoker.io/oracle/internal/lines"
)

type question struct {
	Document lines.Text            `json:"document"`
	Set      map[string]lines.Text `json:"set"`
	Output   *lines.Text           `json:"output,omitempty"`
	Error    bool                  `json:"error,omitempty"`
}

func main() {
	lines.Answer(func(q *question) {
		output, ok := patch(q.Document, q.Set)
		q.Output, q.Error = nil, !ok
		if ok {
			q.Output = (*lines.Text)(&output)
		}
	})
}

func patch(document []byte, set map[string]lines.Text) ([]byte, bool) {
	if !json.Valid(document) {
		return nil, false
	}
	paths := make([]string, 0, len(set))
	for path := range set {
		if isQuery(path) {
			return nil, false
		}
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		var err error
		if value := []byte(set[path]); json.Valid(value) {
			document, err = sjson.SetRawBytes(document, path, bytes.TrimSpace(value))
		} else {
			document, err = sjson.SetBytes(document, path, string(value))
		}
		if err != nil {
			return nil, false
		}
	}
	return document, true
}

// isQuery says whether a path has one of the characters that make it more than keys and indexes, unescaped.
func isQuery(path string) bool {
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' {
			i++
		} else if strings.IndexByte("|#@*?", path[i]) >= 0 {
			return true
		}
	}
	return false
}
