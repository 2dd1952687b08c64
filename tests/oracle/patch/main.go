// Program patch answers what sjson makes of documents, from JSON lines on standard input.
//
// The rules around sjson are the project's: a document that is not valid JSON is an error; several paths apply in byte order; a
// value that is valid JSON is set as it is written, without the white space around it, anything else as a string; a path
// that is a query is an error (sjson would set what it finds first, or silently nothing); a number that meets a string with a
// "[" in it is an error (sjson would take that for an array and edit the text of the string).
package main

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
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
		if entersText(string(document), path) {
			return nil, false
		}
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

// entersText follows a path as sjson does, key by key, up to a number that meets a string with a "[" before any "{".
func entersText(document, path string) bool {
	value := document
	for _, key := range keys(path) {
		if strings.HasPrefix(strings.TrimLeft(value, " \t\r\n"), "\"") && isNumber(key) {
			bracket := strings.IndexAny(value, "[{")
			return bracket >= 0 && value[bracket] == '['
		}
		found := gjson.Get(value, key)
		if found.Index == 0 {
			return false
		}
		value = found.Raw
	}
	return false
}

// isNumber says whether gjson takes a key for the index of an element: digits, also after a list of paths, which it ignores. It
// multiplies by ten without a look and only notices what becomes less than before; what is negative as an int finds nothing.
func isNumber(key string) bool {
	var number uint64
	key = afterSelector(key)
	for _, digit := range []byte(key) {
		next := number*10 + uint64(digit-'0')
		if digit < '0' || digit > '9' || next < number {
			return false
		}
		number = next
	}
	return key != "" && number <= math.MaxInt64
}

// afterSelector cuts a list of paths, "[a,b]" or "{a}", from the beginning of a key; all of it where the list is not closed.
func afterSelector(key string) string {
	if len(key) < 2 || key[0] != '[' && key[0] != '{' {
		return key
	}
	depth := 0
	for i := 0; i < len(key); i++ {
		switch key[i] {
		case '\\':
			i++
		case '"':
			for i++; i < len(key) && key[i] != '"'; i++ {
				if key[i] == '\\' {
					i++
				}
			}
		case '[', '(', '{':
			depth++
		case ']', ')', '}':
			if depth--; depth == 0 {
				return key[i+1:]
			}
		}
	}
	return ""
}

// keys takes a path apart at the dots that are not escaped.
func keys(path string) []string {
	var keys []string
	start := 0
	for i := 0; i < len(path); i++ {
		switch path[i] {
		case '\\':
			i++
		case '.':
			keys = append(keys, strings.TrimPrefix(path[start:i], ":"))
			start = i + 1
		}
	}
	return append(keys, strings.TrimPrefix(path[start:], ":"))
}
