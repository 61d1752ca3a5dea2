// SPDX-License-Identifier: Apache-2.0

// Package cli puts the commands of the plugin together.
package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/prometheus/common/version"
	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/roster-dev/roster/internal/cli/accesstest"
	"github.com/roster-dev/roster/internal/cli/backup"
	"github.com/roster-dev/roster/internal/cli/diff"
	"github.com/roster-dev/roster/internal/cli/doctor"
	"github.com/roster-dev/roster/internal/cli/exit"
	"github.com/roster-dev/roster/internal/cli/explain"
	"github.com/roster-dev/roster/internal/cli/export"
	"github.com/roster-dev/roster/internal/cli/importer"
	"github.com/roster-dev/roster/internal/cli/invite"
	"github.com/roster-dev/roster/internal/cli/kube"
	"github.com/roster-dev/roster/internal/cli/login"
	"github.com/roster-dev/roster/internal/cli/remove"
	"github.com/roster-dev/roster/internal/cli/report"
	"github.com/roster-dev/roster/internal/cli/resend"
	"github.com/roster-dev/roster/internal/cli/restore"
	"github.com/roster-dev/roster/internal/cli/revoke"
	"github.com/roster-dev/roster/internal/cli/snapshot"
	"github.com/roster-dev/roster/internal/cli/status"
	"github.com/roster-dev/roster/internal/cli/suspend"
	"github.com/roster-dev/roster/internal/cli/transfer"
	"github.com/roster-dev/roster/internal/cli/tree"
	"github.com/roster-dev/roster/internal/cli/wait"
	"github.com/roster-dev/roster/internal/cli/whocan"
)

// completer is the name by which kubectl asks a plugin for completions.
const completer = "kubectl_complete-roster"

// Main runs the plugin with its arguments, the first of which is how it was called, and returns the code to end with.
func Main(args []string) int {
	ctrllog.SetLogger(klog.Background().V(1))
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	factory, err := kube.New(streams, clock.RealClock{}, term.IsTerminal(int(os.Stderr.Fd())))
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // The second Ctrl-C ends the process.
	root := New(factory)
	root.SetArgs(arguments(args))
	err = root.ExecuteContext(ctx)
	if _, _, unknown := root.Find(arguments(args)); unknown != nil && err != nil {
		err = fmt.Errorf("%s\nTo list the commands: kubectl roster --help", strings.TrimSpace(unknown.Error()))
	}
	if message := say(err); message != "" {
		fmt.Fprintln(os.Stderr, "Error:", message)
	}
	return exit.Code(err)
}

// arguments are those of the command. Called as the completer, the plugin completes.
func arguments(args []string) []string {
	called := strings.TrimSuffix(filepath.Base(args[0]), ".exe")
	if called == completer {
		return append([]string{cobra.ShellCompRequestCmd}, args[1:]...)
	}
	return args[1:]
}

func say(err error) string {
	if err == nil || err.Error() == "" {
		return ""
	}
	return kube.Explain(err)
}

// New is the command with all its commands.
func New(f *kube.Factory) *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-roster",
		Short: "Invite people, ask who may do what, and see what a change in Git does to people",
		Long: `Work with the organisations of Roster: invite people and look after them, ask who may do what and why, and see what a change
in Git would do to people.

The namespace is the organisation: that of the current context, or the one that --namespace names.`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl roster"},
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       release(),
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(help(root))
	root.SetIn(f.In)
	root.SetOut(f.Out)
	root.SetErr(f.ErrOut)
	f.AddFlags(root.PersistentFlags())
	for _, group := range groups(f) {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title + ":"})
		for _, cmd := range group.commands {
			cmd.GroupID = group.title
			cmd.Args = withUsage(cmd.Args)
			root.AddCommand(cmd)
		}
	}
	return root
}

// help is for those who are used to typing it; --help does the same, and is the one that is listed.
func help(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Show the help of a command", Hidden: true, GroupID: "People",
		RunE: func(_ *cobra.Command, args []string) error {
			about, _, err := root.Find(args)
			if err != nil {
				return err
			}
			return about.Help()
		},
	}
}

// withUsage adds to an error about the number of arguments what they are.
func withUsage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		err := check(cmd, args)
		if err != nil {
			err = fmt.Errorf("%w. Usage: %s", err, cmd.UseLine())
		}
		return err
	}
}

// release is what the build was told by its linker flags.
func release() string {
	if version.Version == "" {
		return "devel"
	}
	return version.Version
}

type group struct {
	title    string
	commands []*cobra.Command
}

func groups(f *kube.Factory) []group {
	return []group{
		{"People", []*cobra.Command{
			invite.New(f), resend.New(f), revoke.New(f), suspend.New(f), suspend.NewResume(f), remove.New(f), transfer.New(f), wait.New(f),
			importer.New(f), export.New(f),
		}},
		{"Questions", []*cobra.Command{whocan.New(f), explain.New(f), report.New(f), tree.New(f), status.New(f), doctor.New(f, release())}},
		{"Sign-in", []*cobra.Command{login.New(f), login.NewLogout(f), login.NewCredential(f)}},
		{"Backup", []*cobra.Command{backup.New(f), restore.New(f)}},
		{"Changes in Git", []*cobra.Command{diff.New(f), accesstest.New(f), snapshot.New(f)}},
	}
}
