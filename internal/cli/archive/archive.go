// SPDX-License-Identifier: Apache-2.0

// Package archive is the file that backup writes and restore reads: YAML documents, the first of which says what the file is, and a line
// "..." behind the last, without which it was cut short.
package archive

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/roster-dev/roster/internal/cli/output"
)

// Kind of the first document.
const Kind = "Backup"

const (
	warning = "# This file contains secrets: password hashes, tokens of social networks and keys. Encrypt it before it leaves the machine.\n"
	end     = "..."
)

// Header is the first document.
type Header struct {
	metav1.TypeMeta `json:",inline"`

	Time metav1.Time `json:"time"`
	// Namespace of the organisation; empty where the file holds the whole installation.
	Namespace string `json:"namespace,omitempty"`
	// SystemNamespace is the one that Roster is installed in.
	SystemNamespace string `json:"systemNamespace"`
}

// Archive is what a file holds.
type Archive struct {
	Header
	Objects []*unstructured.Unstructured
	// Checksum tells one file from another.
	Checksum string
}

// Write writes a file.
func (a *Archive) Write(to io.Writer) error {
	out := bufio.NewWriter(to)
	a.APIVersion, a.Kind = output.APIVersion, Kind
	header, err := yaml.Marshal(a.Header)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s%s", warning, header)
	for _, o := range a.Objects {
		document, err := yaml.Marshal(o)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "---\n%s", document)
	}
	fmt.Fprintln(out, end)
	return out.Flush()
}

// Read reads a file. The errors name the document, the first of which is number 1.
func Read(from io.Reader) (*Archive, error) {
	hash := sha256.New()
	documents, err := split(io.TeeReader(from, hash))
	if err != nil {
		return nil, err
	}
	a := &Archive{Checksum: hex.EncodeToString(hash.Sum(nil))}
	for i, document := range documents {
		if err := a.take(i+1, document); err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
	}
	return a, nil
}

// split returns the documents of a file that is there to its end.
func split(from io.Reader) ([][]byte, error) {
	var all [][]byte
	for documents := utilyaml.NewYAMLReader(bufio.NewReader(from)); ; {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		all = append(all, document)
	}
	if len(all) == 0 {
		return nil, errors.New("it is empty: name a file that kubectl roster backup has written")
	}
	last := bytes.TrimRight(all[len(all)-1], "\r\n ")
	if !bytes.HasSuffix(last, []byte("\n"+end)) {
		return nil, fmt.Errorf("it was cut short, or is no backup: the last line should be %q. Take another copy, or add that line if it is all "+
			"that you want to restore", end)
	}
	all[len(all)-1] = bytes.TrimSuffix(last, []byte(end))
	return all, nil
}

func (a *Archive) take(n int, document []byte) error {
	if n == 1 {
		return a.takeHeader(document)
	}
	data, err := yaml.YAMLToJSON(document)
	if err != nil {
		return err
	}
	if string(data) == "null" {
		return nil // what somebody has taken out
	}
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(data); err != nil {
		return err
	}
	a.Objects = append(a.Objects, o)
	return nil
}

func (a *Archive) takeHeader(document []byte) error {
	const other = "it is not what kubectl roster backup writes"
	if err := yaml.Unmarshal(document, &a.Header); err != nil {
		return fmt.Errorf("%s: %w", other, err)
	}
	group, _, _ := strings.Cut(output.APIVersion, "/")
	switch {
	case a.Kind != Kind || !strings.HasPrefix(a.APIVersion, group+"/"):
		return fmt.Errorf("%s: that begins with a %s of %s", other, Kind, output.APIVersion)
	case a.APIVersion != output.APIVersion:
		return fmt.Errorf("its format is %s, and this plugin reads %s: use the version of the plugin that wrote it", a.APIVersion,
			output.APIVersion)
	case a.SystemNamespace == "":
		return errors.New("systemNamespace is missing: name the namespace that Roster is installed in, such as roster-system")
	}
	return nil
}
