// SPDX-License-Identifier: Apache-2.0

// Package input reads files and standard input, and checks arguments.
package input

import (
	"fmt"
	"io"
	"os"
)

// most is how much is read of a file that people write.
const most = 64 << 20

// File reads a file, or standard input for "-".
func File(path string, stdin io.Reader) (string, error) {
	if path == "-" {
		return all("standard input", stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	return all(path, f)
}

func all(name string, r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && len(data) > most {
		err = fmt.Errorf("%s is larger than %d MiB", name, most>>20)
	}
	return string(data), err
}
