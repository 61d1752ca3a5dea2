// SPDX-License-Identifier: Apache-2.0

// Package compat upgrades from the releases that are kept beside it to what there is now, and goes back.
//
// For each release, a folder holds what make freeze has kept of it: install.yaml, as people applied it; objects.yaml, the backup of an
// organisation that has everything, made by that release; facts.txt, what was true of it; kept.json, what its people keep; and commit, from
// which manager and portal of the release are built.
package compat

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/roster-dev/roster/internal/testenv"
	"github.com/roster-dev/roster/test/site"
)

func TestMain(m *testing.M) { site.Main(m) }

// kept is the file kept.json.
type kept struct {
	// Time of the backup: by then, all times in it are in the past or the future.
	Time time.Time `json:"time"`
	// Company is the address of Acme's OpenID provider at that time.
	Company string     `json:"company"`
	Kept    *site.Kept `json:"kept"`
}

// TestRecord keeps what there is now, where ROSTER_FREEZE names a folder: hack/freeze.sh runs it.
func TestRecord(t *testing.T) {
	folder := os.Getenv("ROSTER_FREEZE")
	if folder == "" {
		t.Skip("ROSTER_FREEZE names no folder")
	}
	cluster, err := testenv.StartBare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	outside := site.NewOutside(t)
	s := site.New(t, outside, cluster)
	s.Must(cluster.InstallFile(t.Context(), filepath.Join(folder, "install.yaml")))
	s.Start()
	s.Fill()
	facts := s.Facts()
	said, err := s.Plugin("backup", filepath.Join(folder, "objects.yaml"), "--all")
	t.Log(said)
	s.Must(err)
	s.Stop()
	text, err := json.MarshalIndent(kept{Time: time.Now().UTC(), Company: outside.Company.URL, Kept: outside.Kept}, "", "  ")
	s.Must(err)
	s.Must(os.WriteFile(filepath.Join(folder, "kept.json"), append(text, '\n'), 0o600))
	s.Must(os.WriteFile(filepath.Join(folder, "facts.txt"), []byte(timeless(facts)+"\n"), 0o600))
}

// clockTime is a time as Kubernetes writes it.
var clockTime = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?Z`)

// timeless leaves the times out.
func timeless(facts string) string { return clockTime.ReplaceAllString(facts, "(a time)") }
