// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	sigsyaml "sigs.k8s.io/yaml"
)

// kustomization is the file that says how a folder is built; empty where there is none.
func (t *Tree) kustomization(folder string) string {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if file := filepath.Join(folder, name); t.fs.Exists(file) {
			return file
		}
	}
	return ""
}

// build builds a folder with kustomize, in this process, without plugins and without anything from outside the tree.
func (t *Tree) build(folder string) ([]*Object, []Problem, error) {
	written := &sources{tree: t, objects: map[string]*Object{}, seen: map[string]bool{}}
	if err := written.walk(folder); err != nil {
		return nil, nil, err
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(t.fs, folder)
	if err != nil {
		return nil, nil, fmt.Errorf("kustomize build %s: %w", t.show(folder), err)
	}
	var objects []*Object
	var problems []Problem
	for _, r := range built.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			return nil, nil, err
		}
		found, bad := parse(t.show(folder), text)
		origin := written.objects[r.OrgId().Kind+"/"+r.OrgId().Name]
		for _, o := range found {
			if o.file, o.node = t.show(t.kustomization(folder)), nil; origin != nil {
				o.file, o.node = origin.file, origin.node
			}
			objects = append(objects, o)
		}
		for _, p := range bad {
			if p.Place = (Place{t.show(t.kustomization(folder)), 1}); origin != nil {
				p.Place = origin.Place()
			}
			problems = append(problems, p)
		}
	}
	return objects, problems, nil
}

// sources finds the files that a kustomization loads, and refuses those that are not in the tree.
type sources struct {
	tree    *Tree
	objects map[string]*Object // as they are written, by kind and name
	seen    map[string]bool
}

// remote matches what kustomize would fetch: addresses, and repositories in the forms of git.
var remote = regexp.MustCompile(`(?i)://|^git::|^gh:|^[^/]*@[^/]*:|^(www\.)?github\.com[/:]|\?(ref|version|timeout|submodules)=`)

func (s *sources) walk(folder string) error {
	file := s.tree.kustomization(folder)
	if s.seen[folder] || file == "" {
		return nil
	}
	s.seen[folder] = true
	content, err := s.tree.fs.ReadFile(file)
	if err != nil {
		return err
	}
	var k types.Kustomization
	if err := sigsyaml.Unmarshal(content, &k); err != nil {
		return fmt.Errorf("%s: %w", s.tree.show(file), err)
	}
	if len(k.HelmCharts) > 0 || len(k.HelmChartInflationGenerator) > 0 {
		return fmt.Errorf("%s: Helm charts are not built: commit what they render to", s.tree.show(file))
	}
	for _, entry := range entries(&k) {
		if remote.MatchString(entry) {
			return fmt.Errorf("%s names %s: nothing is fetched from outside the tree: commit a copy of it, and name that", s.tree.show(file), entry)
		}
	}
	for _, entry := range slices.Concat(k.Resources, k.Bases, k.Components) { //nolint:staticcheck // the old field still loads
		at := filepath.Join(folder, entry)
		if !s.tree.fs.Exists(at) {
			if strings.Contains(entry, "\n") {
				continue // an object that is written out
			}
			return fmt.Errorf("%s names %s, which is not there", s.tree.show(file), entry)
		}
		if s.tree.fs.IsDir(at) {
			err = s.walk(at)
		} else {
			err = s.read(at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *sources) read(file string) error {
	content, err := s.tree.fs.ReadFile(file)
	if err != nil {
		return err
	}
	found, _ := parse(s.tree.show(file), content)
	for _, o := range found {
		s.objects[o.Kind+"/"+o.GetName()] = o
	}
	return nil
}

// entries are all texts of a kustomization by which kustomize loads something.
func entries(k *types.Kustomization) []string {
	//nolint:staticcheck // The old fields still load.
	all := slices.Concat(k.Resources, k.Bases, k.Components, k.Crds, k.Configurations, k.Transformers, k.Generators, k.Validators)
	for _, p := range k.PatchesStrategicMerge { //nolint:staticcheck // as above
		all = append(all, string(p))
	}
	for _, p := range slices.Concat(k.Patches, k.PatchesJson6902) { //nolint:staticcheck // as above
		all = append(all, p.Path)
	}
	for _, r := range k.Replacements {
		all = append(all, r.Path)
	}
	for _, g := range k.ConfigMapGenerator {
		all = append(all, loads(g.KvPairSources)...)
	}
	for _, g := range k.SecretGenerator {
		all = append(all, loads(g.KvPairSources)...)
	}
	for _, path := range k.OpenAPI {
		all = append(all, path)
	}
	// What is written out in place is not loaded.
	return slices.DeleteFunc(all, func(entry string) bool { return entry == "" || strings.Contains(entry, "\n") && isYAML(entry) })
}

func loads(k types.KvPairSources) []string {
	var all []string
	for _, file := range k.FileSources {
		_, path, ok := strings.Cut(file, "=")
		if !ok {
			path = file
		}
		all = append(all, path)
	}
	return append(append(all, k.EnvSources...), k.EnvSource)
}

func isYAML(text string) bool {
	var node map[string]any
	return yaml.Unmarshal([]byte(text), &node) == nil
}
