// SPDX-License-Identifier: Apache-2.0

// Package recipients reads lists of mail addresses as people write and paste them. It does no I/O.
package recipients

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/roster-dev/roster/internal/address"
)

// Recipient is one address of a list.
type Recipient struct {
	// Address in the form that identifies the person.
	Address address.Address
	// Written is the address as it stands in the list.
	Written string
	// Name that stands before the address, if any.
	Name string
	// Line that it stands in, from 1, and those in which it comes again.
	Line  int
	Again []int
}

// Problem is a part of a list that is no address.
type Problem struct {
	Line int
	// Text that is wrong, and Message that says what to write instead.
	Text, Message string
}

// Parse reads addresses that are parted by commas, semicolons, spaces, tabs or line breaks, each alone or as "Name <address>". A line that
// begins with "# " is a comment. An address that comes twice is returned once.
func Parse(text string) ([]Recipient, []Problem) {
	p := &parser{seen: map[address.Address]int{}}
	for line := range strings.SplitSeq(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n") {
		p.parse(line)
	}
	return p.found, p.problems
}

type parser struct {
	line     int
	seen     map[address.Address]int // where in found
	found    []Recipient
	problems []Problem
}

func (p *parser) parse(line string) {
	p.line++
	if strings.HasPrefix(strings.TrimSpace(line), "# ") {
		return
	}
	for _, part := range split(line) {
		p.part(part)
	}
}

// split cuts a line at commas and semicolons, but for those in quotation marks and in angle brackets.
func split(line string) []string {
	var parts []string
	quoted, angled, begin := false, false, 0
	for i, r := range line {
		switch {
		case r == '"' && !angled:
			quoted = !quoted
		case r == '<' && !quoted:
			angled = true
		case r == '>' && !quoted:
			angled = false
		case (r == ',' || r == ';') && !quoted && !angled:
			parts = append(parts, line[begin:i])
			begin = i + 1
		}
	}
	return append(parts, line[begin:])
}

// part reads what stands between two commas: addresses with spaces between them, or names with addresses in angle brackets.
func (p *parser) part(text string) {
	for {
		open := indexOutsideQuotes(text, '<')
		if open < 0 {
			for word := range strings.FieldsSeq(text) {
				p.add("", word, word)
			}
			return
		}
		end := strings.IndexByte(text[open:], '>')
		if end < 0 {
			p.problem(strings.TrimSpace(text), `has "<" without ">"`)
			return
		}
		end += open
		written := strings.TrimSpace(text[open+1 : end])
		p.named(text[:open], written)
		text = text[end+1:]
	}
}

// named reads what stands before an address in angle brackets: other addresses, and then a name.
func (p *parser) named(before, written string) {
	words := strings.FieldsFunc(before, unicode.IsSpace)
	for len(words) > 0 && strings.Contains(words[0], "@") && !strings.Contains(before, `"`) {
		p.add("", words[0], words[0])
		words = words[1:]
	}
	name := strings.Join(words, " ")
	if unquoted, ok := strings.CutPrefix(name, `"`); ok {
		name = strings.TrimSpace(strings.ReplaceAll(strings.TrimSuffix(unquoted, `"`), `\"`, `"`))
	}
	p.add(name, written, strings.TrimSpace(before)+" <"+written+">")
}

// indexOutsideQuotes is where a character stands that no quotation marks enclose.
func indexOutsideQuotes(text string, c rune) int {
	quoted := false
	for i, r := range text {
		if r == '"' {
			quoted = !quoted
		}
		if r == c && !quoted {
			return i
		}
	}
	return -1
}

func (p *parser) add(name, written, text string) {
	a, err := address.Parse(written)
	if err != nil {
		p.problem(text, err.Error())
		return
	}
	if i, again := p.seen[a]; again {
		p.found[i].Again = append(p.found[i].Again, p.line)
		return
	}
	p.seen[a] = len(p.found)
	p.found = append(p.found, Recipient{Address: a, Written: written, Name: name, Line: p.line})
}

func (p *parser) problem(text, message string) {
	if !strings.Contains(message, text) {
		message = fmt.Sprintf("%q: %s", text, message)
	}
	p.problems = append(p.problems, Problem{Line: p.line, Text: text, Message: message})
}
