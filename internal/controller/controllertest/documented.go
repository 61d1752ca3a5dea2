// SPDX-License-Identifier: Apache-2.0

package controllertest

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/testenv"
)

// outcomes are what a condition of a kind can say, such as "Ready False NoSeat".
type outcomes map[string]bool

// documentedOutcomes are those in the table on the page of a kind.
func documentedOutcomes(page string) outcomes {
	row := regexp.MustCompile(`(?m)^\| ([A-Za-z, ]+) \| (True|False|Unknown)([^|]*) \| ([^|]*) \|`)
	reasons := map[string][]string{}
	all := outcomes{}
	for _, cells := range row.FindAllStringSubmatch(page, -1) {
		var named []string
		if like, ok := strings.CutPrefix(cells[4], "the reason of "); ok {
			named = reasons[like]
		}
		for _, quoted := range regexp.MustCompile("`([A-Za-z]+)`").FindAllStringSubmatch(cells[4], -1) {
			named = append(named, quoted[1])
		}
		for condition := range strings.SplitSeq(cells[1], ", ") {
			reasons[condition] = append(reasons[condition], named...)
			for _, reason := range named {
				all[condition+" "+cells[2]+" "+reason] = true
				if strings.Contains(cells[3], "with Stalled") {
					all[rosterv1alpha1.ConditionStalled+" True "+reason] = true
				}
			}
		}
	}
	return all
}

// expectDocumented follows every status that is written in the tests of a suite. At its end, it fails if a condition said what the page of
// its kind does not explain.
func expectDocumented() {
	GinkgoHelper()
	watcher, err := client.NewWithWatch(Cluster.Config, client.Options{})
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.Background())
	var mu sync.Mutex
	var running sync.WaitGroup
	unexplained := outcomes{}
	for _, kind := range []string{
		"Organization", "Member", "Invitation", "SocialProfile", "Account", "Team", "Workspace", "CustomRole", "Application", "Plan",
	} {
		file := "docs/" + strings.ToLower(kind) + ".md"
		page, err := os.ReadFile(filepath.Join(testenv.Root(), file))
		Expect(err).NotTo(HaveOccurred())
		explained := documentedOutcomes(string(page))
		Expect(explained).NotTo(BeEmpty(), "%s has a table of conditions", file)
		running.Go(func() {
			follow(ctx, watcher, kind, func(outcome string) {
				mu.Lock()
				defer mu.Unlock()
				if !explained[outcome] {
					unexplained[file+": "+outcome] = true
				}
			})
		})
	}
	DeferCleanup(func() {
		cancel()
		running.Wait()
		Expect(unexplained).To(BeEmpty(), "conditions that no page explains")
	})
}

// follow tells of the conditions of all objects of a kind, until the context ends.
func follow(ctx context.Context, watcher client.WithWatch, kind string, tell func(outcome string)) {
	for ctx.Err() == nil {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(rosterv1alpha1.GroupVersion.WithKind(kind + "List"))
		changes, err := watcher.Watch(ctx, list)
		if err != nil {
			return // The API server has been stopped.
		}
		for event := range changes.ResultChan() {
			o, ok := event.Object.(*unstructured.Unstructured)
			if !ok {
				continue
			}
			conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
			for _, c := range conditions {
				said, _ := c.(map[string]any)
				var words []string
				for _, field := range []string{"type", "status", "reason"} {
					word, _ := said[field].(string)
					words = append(words, word)
				}
				tell(strings.Join(words, " "))
			}
		}
	}
}
