// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Tree is a folder with manifests: on disk, or in a revision of Git.
type Tree struct {
	fs filesys.FileSystem
	// root of the folder in fs, and base is what stands before the paths that are shown.
	root, base string
}

// Folder is one on disk.
func Folder(folder string) (*Tree, error) {
	info, err := os.Stat(folder)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is a file: name the folder that it is in", folder)
	}
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	return &Tree{fs: filesys.MakeFsOnDisk(), root: absolute, base: here}, nil
}

// Revision is a folder as it is in a revision of the Git repository of the working directory. Nothing is checked out.
func Revision(ctx context.Context, revision, folder string) (*Tree, error) {
	if strings.HasPrefix(revision, "-") {
		return nil, fmt.Errorf("%q is no revision", revision)
	}
	top, err := git(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, fmt.Errorf("%w. Run it in the repository, or compare two folders", err)
	}
	prefix, err := git(ctx, "rev-parse", "--show-prefix")
	if err != nil {
		return nil, err
	}
	within := path.Join(strings.TrimSpace(string(prefix)), filepath.ToSlash(folder))
	if filepath.IsAbs(folder) {
		return nil, fmt.Errorf("%s: name the folder relative to the working directory, which is in the repository", folder)
	}
	if within == ".." || strings.HasPrefix(within, "../") {
		return nil, fmt.Errorf("%s is not in the repository", folder)
	}
	t := &Tree{fs: filesys.MakeFsInMemory(), root: "/" + strings.TrimPrefix(within, "."), base: "/" + strings.TrimSpace(string(prefix))}
	t.root = path.Clean(t.root)
	return t, t.fill(ctx, strings.TrimSpace(string(top)), revision)
}

// blob is a file of a revision.
type blob struct{ name, id string }

// fill reads every file of a revision. git archive would leave out what an attribute in the tree tells it to, and so could be told to hide
// somebody.
func (t *Tree) fill(ctx context.Context, top, revision string) error {
	listing, err := gitIn(ctx, top, nil, "ls-tree", "-r", "-z", "-l", "--full-tree", revision)
	if err != nil {
		return fmt.Errorf("%w. If %s exists elsewhere, fetch it: pipelines often clone the last commit alone", err, revision)
	}
	var files, links []blob
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(listing), "\x00"), "\x00") {
		about, name, _ := strings.Cut(entry, "\t")
		switch fields := strings.Fields(about); {
		case len(fields) != 4 || fields[1] != "blob": // nothing at all, or a submodule
		case !isManifest(name) && tooLarge(fields[3]): // what no kustomization puts into a ConfigMap either
		case fields[0] == "120000":
			links = append(links, blob{"/" + name, fields[2]})
		default:
			files = append(files, blob{"/" + name, fields[2]})
		}
	}
	err = t.contents(ctx, top, files, func(name string, content []byte) error { return t.fs.WriteFile(name, content) })
	if err != nil {
		return err
	}
	return t.contents(ctx, top, links, t.link)
}

// tooLarge reports whether a file is larger than an object can be.
func tooLarge(size string) bool {
	n, err := strconv.Atoi(size)
	return err == nil && n > 1<<20
}

// link puts the file that a symbolic link names in its place.
func (t *Tree) link(name string, content []byte) error {
	target := path.Join(path.Dir(name), string(content))
	if t.fs.Exists(target) && !t.fs.IsDir(target) {
		found, err := t.fs.ReadFile(target)
		if err != nil {
			return err
		}
		return t.fs.WriteFile(name, found)
	}
	if strings.HasPrefix(name, strings.TrimSuffix(t.root, "/")+"/") {
		return fmt.Errorf("%s is a symbolic link to %s, which is no file of the revision: it is not followed", t.show(name), content)
	}
	return nil
}

// contents reads files by their ids, in their order.
func (t *Tree) contents(ctx context.Context, top string, blobs []blob, take func(name string, content []byte) error) error {
	if len(blobs) == 0 {
		return nil
	}
	var ids strings.Builder
	for _, b := range blobs {
		ids.WriteString(b.id + "\n")
	}
	out, err := gitIn(ctx, top, strings.NewReader(ids.String()), "cat-file", "--batch")
	if err != nil {
		return err
	}
	for _, b := range blobs {
		header, rest, _ := bytes.Cut(out, []byte("\n"))
		fields := strings.Fields(string(header))
		size := 0
		if len(fields) == 3 {
			size, err = strconv.Atoi(fields[2])
		}
		if err != nil || len(fields) != 3 || len(rest) < size+1 {
			return fmt.Errorf("git cat-file: %s: unexpected answer %q", b.name, header)
		}
		if err := take(b.name, rest[:size]); err != nil {
			return err
		}
		out = rest[size+1:]
	}
	return nil
}

// git runs a command of git that only reads.
func git(ctx context.Context, args ...string) ([]byte, error) { return gitIn(ctx, "", nil, args...) }

// gitIn runs it in a folder, with standard input.
func gitIn(ctx context.Context, folder string, stdin io.Reader, args ...string) ([]byte, error) {
	var out, failure bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", args...) //nolint:gosec // The arguments are those of this file, and a revision that is no flag.
	cmd.Dir, cmd.Stdin = folder, stdin
	cmd.Stdout, cmd.Stderr = &out, &failure
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, errors.New("git is not on the PATH: install it, or compare two folders instead")
		}
		return nil, fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(failure.String()))
	}
	return out.Bytes(), nil
}

// show is how a path of the tree is shown: from the working directory.
func (t *Tree) show(file string) string {
	if relative, err := filepath.Rel(t.base, file); err == nil {
		return filepath.ToSlash(relative)
	}
	return filepath.ToSlash(file)
}

// Read reads the objects of the tree. Where a folder has a kustomization, it is built; other files are read as they are, as Flux does.
// A tree that is not there has none.
func (t *Tree) Read() ([]*Object, []Problem, error) {
	if !t.fs.Exists(t.root) {
		return nil, nil, nil
	}
	var objects []*Object
	var problems []Problem
	err := t.fs.Walk(t.root, func(file string, info os.FileInfo, err error) error {
		switch {
		case err != nil:
			return err
		case info.IsDir() && info.Name() == ".git": // other hidden folders are applied as well
			return filepath.SkipDir
		case info.IsDir():
			if t.kustomization(file) == "" {
				return nil
			}
			found, bad, err := t.build(file)
			objects, problems = append(objects, found...), append(problems, bad...)
			if err != nil {
				return err
			}
			return filepath.SkipDir
		case !isManifest(file):
			return nil
		}
		content, err := t.fs.ReadFile(file)
		if err != nil {
			return err
		}
		found, bad := parse(t.show(file), content)
		objects, problems = append(objects, found...), append(problems, bad...)
		return nil
	})
	slices.SortStableFunc(problems, func(a, b Problem) int { return strings.Compare(a.Place.File, b.Place.File) })
	return objects, problems, err
}

func isManifest(file string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(file))
}

// File reads the objects of one file. Each has to be sound.
func File(file string) ([]*Object, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	objects, problems := parse(filepath.ToSlash(file), content)
	for _, p := range problems {
		if p.Fatal {
			return nil, fmt.Errorf("%s: %s", p.Place, p.Message)
		}
	}
	return objects, nil
}
