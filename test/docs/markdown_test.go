// SPDX-License-Identifier: Apache-2.0

// Package docs_test holds the documentation to what the product does: what can be applied is applied, what is named exists, and what
// exists is named.
package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

const root = "../.."

// page is a file of the documentation.
type page struct {
	// path from the top folder of the project.
	path   string
	blocks []block
	// prose is the text outside of blocks, line by line; lines of blocks are empty in it.
	prose []string
}

// block is fenced text.
type block struct {
	language, text string
	page           string
	// line of the fence.
	line int
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// pages are those of the top folder and of the chart, and everything under docs/.
func pages(t *testing.T) []page {
	t.Helper()
	paths := []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "charts/roster/README.md"}
	for _, path := range filesUnder(t, "docs", ".md") {
		if path != filepath.Join("docs", "reference.md") { // generated from the same comments as the kinds
			paths = append(paths, path)
		}
	}
	if len(paths) < 10 {
		t.Fatalf("only %d pages: %v", len(paths), paths)
	}
	var all []page
	for _, path := range paths {
		all = append(all, readPage(t, path))
	}
	return all
}

func filesUnder(t *testing.T, folder, ext string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) == ext {
			relative, _ := filepath.Rel(root, path)
			found = append(found, relative)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func readPage(t *testing.T, path string) page {
	t.Helper()
	p := page{path: path}
	var open *block
	for i, line := range strings.Split(read(t, path), "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		p.prose = append(p.prose, "")
		switch {
		case isFence && open == nil:
			if fence == "" {
				t.Errorf("%s:%d: say what language the block is in; text if it is none", path, i+1)
			}
			open = &block{language: fence, page: path, line: i + 1}
		case isFence:
			p.blocks = append(p.blocks, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		default:
			p.prose[i] = line
		}
	}
	if open != nil {
		t.Errorf("%s: the block does not end", open)
	}
	return p
}

// blocksIn are the blocks of all pages in a language.
func blocksIn(t *testing.T, languages ...string) []block {
	t.Helper()
	var found []block
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if slices.Contains(languages, b.language) {
				found = append(found, b)
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("no block in %v", languages)
	}
	return found
}

// text of pages, blocks included.
func text(t *testing.T, pages []page) string {
	t.Helper()
	var all strings.Builder
	for _, p := range pages {
		all.WriteString(read(t, p.path))
	}
	return all.String()
}

var (
	// links to pages, pictures and places; the address ends at the first bracket.
	linkPattern  = regexp.MustCompile(`\]\(([^()\s]+)\)|(?:src|href)="([^"]+)"`)
	codePattern  = regexp.MustCompile("`[^`]*`")
	headings     = regexp.MustCompile(`^#{1,6} +(.*)$`)
	formatting   = regexp.MustCompile("[`*]|\\]\\([^)]*\\)|\\[")
	outsideLinks = regexp.MustCompile(`^(https?:|mailto:)`)
)

// TestLinks: every link within the project leads somewhere, and every place within a page exists.
func TestLinks(t *testing.T) {
	count := 0
	for _, p := range pages(t) {
		for i, line := range p.prose {
			for _, match := range linkPattern.FindAllStringSubmatch(codePattern.ReplaceAllString(line, ""), -1) {
				target := match[1] + match[2]
				if outsideLinks.MatchString(target) {
					continue
				}
				count++
				if err := checkLink(t, p.path, target); err != nil {
					t.Errorf("%s:%d: %s: %v", p.path, i+1, target, err)
				}
			}
		}
	}
	if count < 50 {
		t.Errorf("only %d links found: the test does not see them", count)
	}
}

func checkLink(t *testing.T, from, target string) error {
	t.Helper()
	path, place, hasPlace := strings.Cut(target, "#")
	file := from
	if path != "" {
		file = filepath.Join(filepath.Dir(from), filepath.FromSlash(path))
	}
	info, err := os.Stat(filepath.Join(root, file))
	switch {
	case err != nil:
		return err
	case !hasPlace:
		return nil
	case info.IsDir() || filepath.Ext(file) != ".md":
		return fmt.Errorf("%s has no places to link to", file)
	}
	if !slices.Contains(places(t, file), place) {
		return fmt.Errorf("%s has no heading for it", file)
	}
	return nil
}

// places are the anchors that headings get on GitHub: lower case, spaces to dashes, no punctuation.
func places(t *testing.T, file string) []string {
	t.Helper()
	var found []string
	for _, line := range readPage(t, file).prose {
		match := headings.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		place := strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			case r == ' ':
				return '-'
			}
			return -1
		}, formatting.ReplaceAllString(match[1], ""))
		found = append(found, place)
	}
	return found
}

// TestPagesAreFound: every page can be reached from the index, decisions from theirs.
func TestPagesAreFound(t *testing.T) {
	for _, folder := range []string{"docs", "docs/decisions"} {
		index := read(t, filepath.Join(folder, "README.md"))
		for _, path := range filesUnder(t, folder, ".md") {
			name, _ := filepath.Rel(folder, path)
			if name != "README.md" && !strings.Contains(index, "("+name+")") && (folder != "docs" || !strings.HasPrefix(name, "decisions/")) {
				t.Errorf("%s/README.md does not link to %s", folder, name)
			}
		}
	}
}

// TestEveryPackageIsNamed: the tree in the README names each folder of internal/.
func TestEveryPackageIsNamed(t *testing.T) {
	readme := read(t, "README.md")
	folders, err := os.ReadDir(filepath.Join(root, "internal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if !strings.Contains(readme, "\n  "+f.Name()+"/ ") {
			t.Errorf("README.md does not name internal/%s", f.Name())
		}
	}
}

// TestPicturesAreShown: no picture lies around unseen.
func TestPicturesAreShown(t *testing.T) {
	all := text(t, pages(t))
	for _, path := range filesUnder(t, "docs/images", ".png") {
		if !strings.Contains(all, filepath.Base(path)) {
			t.Errorf("no page shows %s", path)
		}
	}
}
