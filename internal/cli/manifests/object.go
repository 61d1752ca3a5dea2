// SPDX-License-Identifier: Apache-2.0

// Package manifests reads the objects of Roster from a folder or from a revision in Git, with the places where they stand. It needs no
// cluster and no network.
package manifests

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/controller-runtime/pkg/client"
	kjson "sigs.k8s.io/json"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
)

// Place is a line of a file.
type Place struct {
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// String is how compilers write it; empty for no place.
func (p Place) String() string {
	if p.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Object is one of Roster's kinds, and where it stands.
type Object struct {
	client.Object
	Kind string
	file string
	node *yaml.Node
}

// Place is where the object begins.
func (o *Object) Place() Place { return o.At() }

// At is where a field of the object stands, by the names on the way to it. In a list, the name is an item, or the name of an item. Where
// the field is not written, it is what stands around it.
func (o *Object) At(path ...string) Place {
	if o == nil || o.node == nil {
		return Place{}
	}
	line, at := o.node.Line, o.node
	for _, name := range path {
		key, value := step(at, name)
		if value == nil {
			break
		}
		line, at = key.Line, value
	}
	return Place{o.file, line}
}

// step finds a key of a mapping, or an item of a list, and what stands there.
func step(at *yaml.Node, name string) (key, value *yaml.Node) {
	switch at.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(at.Content); i += 2 {
			if at.Content[i].Value == name {
				return at.Content[i], at.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		for _, item := range at.Content {
			if item.Value == name && item.Kind == yaml.ScalarNode {
				return item, item
			}
			if _, v := step(item, "name"); item.Kind == yaml.MappingNode && v != nil && v.Value == name {
				return item, item
			}
		}
	case yaml.DocumentNode, yaml.ScalarNode, yaml.AliasNode:
	}
	return nil, nil
}

// Problem is something in a file that is no object as it should be.
type Problem struct {
	Place   Place
	Message string
	// Fatal: the object could not be read, so that nothing can be said about it.
	Fatal bool
}

// newKind makes an empty object of a kind; nil for those that say nothing about people.
func newKind(kind string) client.Object {
	switch kind {
	case "Organization":
		return &rosterv1alpha1.Organization{}
	case "Member":
		return &rosterv1alpha1.Member{}
	case "Invitation":
		return &rosterv1alpha1.Invitation{}
	case "SocialProfile":
		return &rosterv1alpha1.SocialProfile{}
	case "Team":
		return &rosterv1alpha1.Team{}
	case "Workspace":
		return &rosterv1alpha1.Workspace{}
	case "CustomRole":
		return &rosterv1alpha1.CustomRole{}
	case "Plan":
		return &rosterv1alpha1.Plan{}
	}
	return nil
}

// parse reads the objects of a file. Others than Roster's are passed over.
func parse(file string, content []byte) ([]*Object, []Problem) {
	if !bytes.Contains(content, []byte(rosterv1alpha1.GroupVersion.Group+"/")) {
		return nil, nil
	}
	var objects []*Object
	var problems []Problem
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return objects, problems
		}
		if err != nil {
			return objects, append(problems, Problem{Place{file, 1}, fmt.Sprintf("the file is no YAML: %v", err), true})
		}
		if len(document.Content) == 0 {
			continue
		}
		found, bad := objectsOf(file, document.Content[0], "", "")
		objects, problems = append(objects, found...), append(problems, bad...)
	}
}

// objectsOf reads an object, or the items of a list. Items of a list of one kind may leave out what they are.
func objectsOf(file string, node *yaml.Node, ofVersion, ofKind string) ([]*Object, []Problem) {
	version, kind := cmp.Or(text(node, "apiVersion"), ofVersion), cmp.Or(text(node, "kind"), ofKind)
	if _, items := step(node, "items"); items != nil && strings.HasSuffix(kind, "List") {
		var objects []*Object
		var problems []Problem
		itemVersion, itemKind := version, strings.TrimSuffix(kind, "List")
		if itemKind == "" {
			itemVersion = ""
		}
		for _, item := range items.Content {
			found, bad := objectsOf(file, item, itemVersion, itemKind)
			objects, problems = append(objects, found...), append(problems, bad...)
		}
		return objects, problems
	}
	if version != rosterv1alpha1.GroupVersion.String() && version != rosterv1alpha1.BetaGroupVersion.String() || newKind(kind) == nil {
		return nil, nil
	}
	place := Place{file, node.Line}
	o, unknown, err := decode(file, kind, node)
	if err != nil {
		return nil, []Problem{{place, fmt.Sprintf("%s %s: %v", kind, nameOf(node), err), true}}
	}
	if unknown != "" { // The API server may drop the field and take the object.
		return []*Object{o}, []Problem{{place, fmt.Sprintf("%s %s: %s", kind, nameOf(node), unknown), false}}
	}
	return []*Object{o}, nil
}

func text(node *yaml.Node, key string) string {
	if _, value := step(node, key); value != nil {
		return value.Value
	}
	return ""
}

func nameOf(node *yaml.Node) string {
	if _, metadata := step(node, "metadata"); metadata != nil {
		return text(metadata, "name")
	}
	return ""
}

// decode reads an object, and reports fields that its kind does not have.
func decode(file, kind string, node *yaml.Node) (o *Object, unknown string, err error) {
	var fields map[string]any
	if err := node.Decode(&fields); err != nil {
		return nil, "", oneLine(err)
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return nil, "", err
	}
	object := newKind(kind)
	strict, err := kjson.UnmarshalStrict(data, object)
	if err != nil {
		return nil, "", oneLine(err)
	}
	if err := errors.Join(strict...); err != nil {
		unknown = oneLine(err).Error()
	}
	if object.GetName() == "" {
		return nil, "", errors.New("metadata.name is missing")
	}
	object.GetObjectKind().SetGroupVersionKind(rosterv1alpha1.GroupVersion.WithKind(kind))
	object.SetManagedFields(nil)
	return &Object{Object: object, Kind: kind, file: file, node: node}, unknown, nil
}

func oneLine(err error) error { return errors.New(strings.ReplaceAll(err.Error(), "\n", "; ")) }
