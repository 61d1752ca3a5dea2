// SPDX-License-Identifier: Apache-2.0

// Package invite is the command that invites people.
package invite

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/cli/input"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/offer"
	"github.com/roster-dev/roster/internal/cli/output"
	"github.com/roster-dev/roster/internal/recipients"
)

type options struct {
	output.Format
	offer     offer.Flags
	dryRun    kube.DryRun
	keepGoing bool
	file      string
	message   string
	locale    string
	invitedBy string
	validity  validity
	until     string
}

// New is the command.
func New(f *kube.Factory) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "invite ADDRESS...",
		Short: "Invite people by mail",
		Long: `Invite people by mail: each gets an Invitation, and Roster mails them a link.

Addresses come as arguments, from a file or from standard input (-f -), parted by commas, semicolons, spaces, tabs or line
breaks, each alone or as "Name <address>". Lines that begin with "# " are comments.

The whole list is checked first: the addresses, what is offered, the seats that are left, and what the policies of the API
server allow. If anything is refused, nobody is invited, unless --keep-going is given. People who are Members or invited
already are left as they are, so that the same list can be given again.`,
		Example: `  # Two people, as Editors of a profile
  kubectl roster invite zoe@acme.example "Max Power <max@acme.example>" --profile acme-fb=Editor

  # A list, first without inviting anybody
  kubectl roster invite -f people.txt --role AdvancedMember --dry-run=server
  kubectl roster invite -f people.txt --role AdvancedMember --message "Welcome to the team!"

  # What was copied from a mail
  pbpaste | kubectl roster invite -f - --team writers

  # Somebody who is there for a project
  kubectl roster invite ida@freelance.example --profile acme-fb=Editor --until 2027-01-31

  # An agency that connects its own profiles, and takes no seat
  kubectl roster invite kofi@agency.example --seat limited --validity 168h`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(o.Validate(), o.checkLocale()); err != nil {
				return err
			}
			found, problems, err := o.read(args, f)
			if err != nil {
				return err
			}
			r := &run{options: o, factory: f, problems: problems}
			return r.invite(cmd.Context(), found)
		},
	}
	flags := cmd.Flags()
	o.AddFlag(flags, output.Name, output.JSON, output.YAML, output.Wide)
	o.offer.AddFlags(flags)
	kube.AddDryRun(flags, &o.dryRun)
	flags.BoolVar(&o.keepGoing, "keep-going", false, "Invite those who can be invited, and report the others.")
	flags.StringVarP(&o.file, "file", "f", "", "A file with addresses; - for standard input.")
	flags.StringVar(&o.message, "message", "", "A personal note that the mail quotes.")
	flags.StringVar(&o.locale, "locale", "", "The language of the mail: en or fr. Left out, the organisation's.")
	flags.StringVar(&o.invitedBy, "invited-by", "", "Who invites: your own address or user name. Left out, the API server writes it "+
		"where it can.")
	flags.Var(&o.validity, "validity", "How long the link can be used, 1h to 720h. Left out, as the organisation says.")
	flags.StringVar(&o.until, "until", "", "The last day of the membership in UTC, such as 2027-01-31, or a time, such as "+
		"2027-01-31T18:00:00+01:00. Left out, it does not end.")
	if err := offer.CompleteFlags(f, cmd); err != nil {
		panic(err) // never: the flags have just been added
	}
	return cmd
}

// validity is how long a link can be used. It is checked here as the API checks it, so that the flag is named and not a field of many
// Invitations.
type validity time.Duration

func (v *validity) String() string {
	if *v == 0 {
		return ""
	}
	return time.Duration(*v).String()
}

func (v *validity) Type() string { return "duration" }

func (v *validity) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < rosterv1alpha1.MinValidity || d > rosterv1alpha1.MaxValidity {
		return errors.New("must be between 1h and 720h (30 days), written in hours and minutes, such as 72h")
	}
	*v = validity(d)
	return nil
}

func (o *options) checkLocale() error {
	switch rosterv1alpha1.Locale(o.locale) {
	case "", rosterv1alpha1.LocaleEnglish, rosterv1alpha1.LocaleFrench:
		return nil
	}
	return fmt.Errorf("--locale %s: must be %s or %s", o.locale, rosterv1alpha1.LocaleEnglish, rosterv1alpha1.LocaleFrench)
}

// read gathers the addresses of the arguments and of the file.
func (o *options) read(args []string, f *kube.Factory) ([]recipients.Recipient, []string, error) {
	if len(args) == 0 && o.file == "" {
		return nil, nil, errors.New("whom? Write addresses, or --file with a list of them (- for standard input)")
	}
	found, bad := recipients.Parse(strings.Join(args, "\n"))
	var problems []string
	for _, p := range bad {
		problems = append(problems, p.Message)
	}
	if o.file == "" {
		return found, problems, nil
	}
	text, err := input.File(o.file, f.In)
	if err != nil {
		return nil, nil, err
	}
	fromFile, bad := recipients.Parse(text)
	for _, p := range bad {
		problems = append(problems, fmt.Sprintf("%s, line %d: %s", o.file, p.Line, p.Message))
	}
	seen := map[string]bool{}
	for _, r := range found {
		seen[string(r.Address)] = true
	}
	for _, r := range fromFile {
		if !seen[string(r.Address)] {
			found = append(found, r)
		}
	}
	if len(found)+len(problems) == 0 {
		return nil, nil, fmt.Errorf("%s holds no address", o.file)
	}
	return found, problems, nil
}
