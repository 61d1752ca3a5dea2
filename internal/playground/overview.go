// SPDX-License-Identifier: Apache-2.0

package playground

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ReadyLine is printed, on a line of its own, when everything is up.
const ReadyLine = "Roster is ready"

// writeEnv writes the file that a shell reads to find everything.
func (r *run) writeEnv() error {
	var out strings.Builder
	variables := []struct{ name, value string }{
		{"KUBECONFIG", r.places.kubeconfig},
		{"ROSTER_NAMESPACE", r.options.Namespace},
		{"ROSTER_PORTAL_URL", r.places.portalURL},
		{"ROSTER_ISSUER", r.places.issuerURL},
		{"ROSTER_AUTHORITY", r.places.authority},
		{"ROSTER_MAILBOX_URL", r.places.mailboxURL},
		{"ROSTER_SMTP_ADDR", r.places.smtpAddr},
	}
	for _, v := range variables {
		if v.value == "" {
			fmt.Fprintf(&out, "# There is no %s: mail goes to another relay.\nunset %s\n", v.name, v.name)
			continue
		}
		fmt.Fprintf(&out, "export %s=%s\n", v.name, shellQuote(v.value))
	}
	fmt.Fprintf(&out, "export PATH=%s:\"$PATH\" # for kubectl roster\n", shellQuote(r.options.BinDir))
	// A program that waits for the file finds it whole.
	unfinished := r.state.path(envFile + ".new")
	if err := os.WriteFile(unfinished, []byte(out.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, r.state.path(envFile))
}

func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// overview lists what runs where and what to try.
func (r *run) overview() string {
	mailboxLine := "mails go to       " + r.places.smtpAddr
	look := "The sample organisation has been invited; the mails are at " + r.places.smtpAddr + "."
	if r.places.mailboxURL != "" {
		mailboxLine = "mailbox           " + r.places.mailboxURL + "   (takes mail on " + r.places.smtpAddr + ")"
		look = "The people of the sample organisation have mail. Open " + r.places.mailboxURL + ",\n" +
			"  read the mail to ana@acme.example and press its button: the portal opens."
	}
	return strings.NewReplacer(
		"{mailbox}", mailboxLine, "{look}", look, "{portal}", r.places.portalURL, "{api}", r.places.apiURL,
		"{issuer}", r.places.issuerURL, "{authority}", shorten(r.places.authority),
		"{ns}", r.options.Namespace, "{env}", shorten(r.state.path(envFile)), "{logs}", shorten(r.state.logPath("*")),
		"{metrics}", "http://"+r.places.managerMetrics+"/metrics", "{kubectl}", kubectlHint(), "{ready}", ReadyLine,
	).Replace(overviewText)
}

// overviewText has its commands at the left edge, so that they can be copied as they are.
//
//go:embed overview.txt
var overviewText string

// shorten writes a path as it is seen from here, where that is shorter.
func shorten(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	relative, err := filepath.Rel(here, path)
	if err != nil || strings.HasPrefix(relative, "..") {
		return path
	}
	return relative
}

func kubectlHint() string {
	if _, err := exec.LookPath("kubectl"); err == nil {
		return ""
	}
	return "\n(kubectl is not on the PATH: https://kubernetes.io/docs/tasks/tools/ says how to get it)"
}
