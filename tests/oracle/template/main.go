// Program template answers what text/template renders with missingkey=error, from JSON lines on standard input.
//
// A line either names data for the lines behind it, {"define": "context", "data": …}, or asks for a rendering,
// {"with": "context", "text": …}. In data, a number without point and exponent is an int, any other a float64; an array is
// a []any; an object is a map[string]any, but {"$strings": {…}} is a map[string]string and {"$context": {…}} the struct
// that the project's templates get.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/template"

	"stoker.io/oracle/internal/lines"
)

type question struct {
	Define string          `json:"define,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`

	With   string      `json:"with,omitempty"`
	Text   *lines.Text `json:"text,omitempty"`
	Output *lines.Text `json:"output,omitempty"`
	Error  bool        `json:"error,omitempty"`
}

// Context is what a template of the project sees.
type Context struct {
	GatewayName string
	PodName     string
	PodOrdinal  int
	Namespace   string
	Ref         string
	Commit      string
	CRName      string
	Labels      map[string]string
	Vars        map[string]string
}

func main() {
	defined := map[string]any{}
	lines.Answer(func(q *question) {
		if q.Text == nil {
			defined[q.Define] = decode(q.Data)
			return
		}
		data, ok := defined[q.With]
		if !ok {
			fmt.Fprintf(os.Stderr, "no data is called %q\n", q.With)
			os.Exit(1)
		}
		output, err := render(string(*q.Text), data)
		q.Output, q.Error = nil, err != nil
		if err == nil {
			q.Output = (*lines.Text)(&output)
		}
	})
}

func render(text string, data any) ([]byte, error) {
	parsed, err := template.New("template").Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, err
	}
	var output bytes.Buffer
	err = parsed.Execute(&output, data)
	return output.Bytes(), err
}

// decode reads data with the types that the package's comment describes.
func decode(raw []byte) any {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		fmt.Fprintf(os.Stderr, "data: %v\n", err)
		os.Exit(1)
	}
	return typed(value)
}

func typed(value any) any {
	switch value := value.(type) {
	case json.Number:
		if !strings.ContainsAny(string(value), ".eE") {
			if n, err := value.Int64(); err == nil {
				return int(n)
			}
		}
		f, _ := value.Float64()
		return f
	case []any:
		list := make([]any, 0, len(value))
		for _, item := range value {
			list = append(list, typed(item))
		}
		return slices.Clip(list)
	case map[string]any:
		if inner, ok := value["$strings"].(map[string]any); ok {
			return ofStrings(inner)
		}
		if inner, ok := value["$context"].(map[string]any); ok {
			return context(inner)
		}
		result := make(map[string]any, len(value))
		for key, item := range value {
			result[key] = typed(item)
		}
		return result
	}
	return value
}

func ofStrings(value map[string]any) map[string]string {
	result := make(map[string]string, len(value))
	for key, item := range value {
		result[key] = fmt.Sprint(item)
	}
	return result
}

func context(value map[string]any) Context {
	text := func(name string) string { s, _ := value[name].(string); return s }
	labels, _ := value["Labels"].(map[string]any)
	vars, _ := value["Vars"].(map[string]any)
	ordinal, _ := typed(value["PodOrdinal"]).(int)
	return Context{
		GatewayName: text("GatewayName"),
		PodName:     text("PodName"),
		PodOrdinal:  ordinal,
		Namespace:   text("Namespace"),
		Ref:         text("Ref"),
		Commit:      text("Commit"),
		CRName:      text("CRName"),
		Labels:      ofStrings(labels),
		Vars:        ofStrings(vars),
	}
}
