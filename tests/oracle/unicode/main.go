// Program unicode writes crates/gotemplate/src/unicode/table.rs: which characters Go takes for letters, digits and printable.
//
//	go run ./unicode > ../../crates/gotemplate/src/unicode/table.rs
package main

import (
	"fmt"
	"strconv"
	"unicode"
)

func class(r rune) int {
	switch {
	case unicode.IsLetter(r):
		return 1
	case unicode.IsDigit(r):
		return 2
	case strconv.IsPrint(r):
		return 3
	}
	return 0
}

func main() {
	fmt.Printf("//! Where the class of characters changes, Unicode %s, as Go's `unicode` and `strconv` see it. Generated\n//! by `tests/oracle/unicode`.\n\n", unicode.Version)
	fmt.Println("/// First code point of a run, shifted left by two, and its class (0 none, 1 letter, 2 digit, 3 other printable).")
	fmt.Println("#[rustfmt::skip]")
	fmt.Println(`#[expect(clippy::unreadable_literal, reason = "generated, and read by nobody")]`)
	count, last := 0, -1
	var lines, line string
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if c := class(r); c != last {
			item := fmt.Sprintf("%#x,", uint32(r)<<2|uint32(c))
			if len(line)+1+len(item) > 104 {
				lines += "    " + line + "\n"
				line = ""
			}
			if line != "" {
				line += " "
			}
			line += item
			count++
			last = c
		}
	}
	lines += "    " + line + "\n"
	fmt.Printf("pub(super) static RUNS: [u32; %d] = [\n%s];\n", count, lines)
}
