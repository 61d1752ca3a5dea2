// SPDX-License-Identifier: Apache-2.0

// Package common knows the commonest passwords, offline. The list is the one of zxcvbn (see LICENSE in this folder), made from several
// collections of leaked passwords; hack/common-passwords.sh writes it.
package common

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

//go:embed passwords.txt.gz
var compressed []byte

// Passwords is a set of passwords that are tried first when somebody guesses.
type Passwords struct {
	sorted []string
}

// Load reads the list.
func Load() (*Passwords, error) {
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, fmt.Errorf("common passwords: %w", err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("common passwords: %w", err)
	}
	sorted := strings.Fields(string(text))
	if len(sorted) == 0 || !slices.IsSorted(sorted) {
		return nil, fmt.Errorf("common passwords: %d of them, which must be there and sorted", len(sorted))
	}
	return &Passwords{sorted: sorted}, nil
}

// fewest is how many different characters a password has at least that is no mere repetition.
const fewest = 5

// Has reports whether a password is common, or a common one with the usual trimmings: capitals, digits for letters, digits and punctuation
// before or after it. A password of a handful of different characters is as easy to guess.
func (p *Passwords) Has(password string) bool {
	lower := strings.ToLower(password)
	if distinct(lower) < fewest {
		return true
	}
	for _, form := range []string{lower, trim(lower), plain(lower), trim(plain(lower)), plain(trim(lower))} {
		if _, found := slices.BinarySearch(p.sorted, form); found {
			return true
		}
	}
	return false
}

func distinct(s string) int {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	return len(seen)
}

// trim takes away what is no letter at both ends.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
}

// plain puts letters for the digits and signs that look like them.
func plain(s string) string {
	return strings.NewReplacer("0", "o", "1", "l", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i").Replace(s)
}
