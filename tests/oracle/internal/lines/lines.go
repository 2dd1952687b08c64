// Package lines reads cases, one JSON object a line, and writes them back with their answers.
//
// A table of answers is therefore also the table of questions: run a program on it, and every answer is given anew.
package lines

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"unicode/utf8"
)

// Text is a string of bytes: a JSON string where it is UTF-8, else {"base64": …}.
type Text []byte

type encoded struct {
	Base64 string `json:"base64"`
}

func (t Text) MarshalJSON() ([]byte, error) {
	if utf8.Valid(t) {
		return marshal(string(t))
	}
	return marshal(encoded{base64.StdEncoding.EncodeToString(t)})
}

func (t *Text) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*t = Text(text)
		return nil
	}
	var e encoded
	if err := json.Unmarshal(data, &e); err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(e.Base64)
	*t = raw
	return err
}

// Answer reads cases of type C from standard input and writes what each becomes.
func Answer[C any](answer func(*C)) {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 64<<20)
	out := bufio.NewWriter(os.Stdout)
	for number := 1; in.Scan(); number++ {
		if len(bytes.TrimSpace(in.Bytes())) == 0 {
			continue
		}
		var c C
		if err := json.Unmarshal(in.Bytes(), &c); err != nil {
			fail("line %d: %v", number, err)
		}
		answer(&c)
		line, err := marshal(&c)
		if err != nil {
			fail("line %d: %v", number, err)
		}
		out.Write(line)
		out.WriteByte('\n')
		// Somebody may be waiting for this answer before asking the next question.
		out.Flush()
	}
	if err := in.Err(); err != nil {
		fail("%v", err)
	}
}

// marshal writes JSON that people can read: without escapes for <, > and &.
func marshal(v any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), err
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}
