// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"archive/tar"
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
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// largest is the largest file that is read.
const largest = 64 << 20

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
		return nil, err
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
	archive, err := gitIn(ctx, strings.TrimSpace(string(top)), "archive", "--format=tar", revision)
	if err != nil {
		return nil, err
	}
	t := &Tree{fs: filesys.MakeFsInMemory(), root: "/" + strings.TrimPrefix(within, "."), base: "/" + strings.TrimSpace(string(prefix))}
	if err := t.unpack(archive); err != nil {
		return nil, err
	}
	t.root = path.Clean(t.root)
	return t, nil
}

// git runs a command of git that only reads.
func git(ctx context.Context, args ...string) ([]byte, error) { return gitIn(ctx, "", args...) }

// gitIn runs it in a folder.
func gitIn(ctx context.Context, folder string, args ...string) ([]byte, error) {
	var out, failure bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", args...) //nolint:gosec // The arguments are those of this file, and a revision that is no flag.
	cmd.Dir = folder
	cmd.Stdout, cmd.Stderr = &out, &failure
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, errors.New("git is not on the PATH: install it, or compare two folders instead")
		}
		return nil, fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(failure.String()))
	}
	return out.Bytes(), nil
}

func (t *Tree) unpack(archive []byte) error {
	reader := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean("/" + header.Name)
		switch header.Typeflag {
		case tar.TypeDir:
			err = t.fs.MkdirAll(name)
		case tar.TypeReg:
			if header.Size > largest {
				continue
			}
			var content []byte
			if content, err = io.ReadAll(reader); err == nil {
				err = t.fs.WriteFile(name, content)
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
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
		case info.IsDir() && strings.HasPrefix(info.Name(), ".") && file != t.root:
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
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s: %s", problems[0].Place, problems[0].Message)
	}
	return objects, nil
}
