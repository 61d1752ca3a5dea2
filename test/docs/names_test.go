// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rosterv1alpha1 "github.com/roster-dev/roster/api/v1alpha1"
	"github.com/roster-dev/roster/internal/config"
	"github.com/roster-dev/roster/internal/controller"
	"github.com/roster-dev/roster/internal/controller/counting"
	"github.com/roster-dev/roster/internal/controller/queueing"
	"github.com/roster-dev/roster/internal/portal/openid/logout"
	"github.com/roster-dev/roster/internal/portal/web"
)

// constants are the conditions and reasons of the API by the names of their constants.
func constants(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "api/v1alpha1/conditions.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			literal, ok := spec.Values[i].(*ast.BasicLit)
			if !ok {
				t.Fatalf("%s is no literal", name.Name)
			}
			all[name.Name], _ = strconv.Unquote(literal.Value)
		}
		return true
	})
	if len(all) < 20 {
		t.Errorf("only %d constants found", len(all))
	}
	return all
}

// TestReasons: every condition and every reason of the API is explained.
func TestReasons(t *testing.T) {
	all := text(t, pages(t))
	for name, value := range constants(t) {
		mention := "`" + value + "`"
		if strings.HasPrefix(name, "Condition") {
			mention = "| " + value + " |" // its row in the table of a kind
		}
		if value == rosterv1alpha1.ConditionStalled {
			mention = "with Stalled |"
		}
		if !strings.Contains(all, mention) {
			t.Errorf("%s: no page has %s", name, mention)
		}
	}
}

// TestReasonIndex: troubleshooting lists every reason once, with each kind whose conditions can have it.
func TestReasonIndex(t *testing.T) {
	want := map[string][]string{}
	for _, kind := range []string{
		"Organization", "Member", "Invitation", "SocialProfile", "Account", "Team", "Workspace", "CustomRole", "Application", "Plan",
	} {
		file := strings.ToLower(kind) + ".md"
		for _, reason := range conditionReasons(t, filepath.Join("docs", file)) {
			if link := fmt.Sprintf("[%s](%s#conditions)", kind, file); !slices.Contains(want[reason], link) {
				want[reason] = append(want[reason], link)
			}
		}
	}
	_, index, _ := strings.Cut(read(t, "docs/troubleshooting.md"), "## All reasons")
	for reason, kinds := range want {
		if row := fmt.Sprintf("| `%s` | %s |\n", reason, strings.Join(kinds, ", ")); !strings.Contains(index, row) {
			t.Errorf("docs/troubleshooting.md lacks the row %s", row)
		}
	}
	if rows := strings.Count(index, "\n| `"); rows != len(want) || rows < 50 {
		t.Errorf("docs/troubleshooting.md lists %d reasons, the pages of the kinds explain %d", rows, len(want))
	}
	events := []string{rosterv1alpha1.ReasonConnectionExpired, rosterv1alpha1.ReasonMailLeftOut, rosterv1alpha1.ReasonSecretReplaced}
	for name, reason := range constants(t) {
		if strings.HasPrefix(name, "Reason") && want[reason] == nil && !slices.Contains(events, reason) {
			t.Errorf("%s: no table of conditions explains %s", name, reason)
		}
	}
}

// TestWarnings: whatever stalls an object is an event, too, and the page of its kind lists both.
func TestWarnings(t *testing.T) {
	for _, kind := range []string{"organization", "member", "invitation", "socialprofile", "team", "workspace", "customrole"} {
		page := read(t, filepath.Join("docs", kind+".md"))
		_, told, _ := strings.Cut(page, "\n## Events\n")
		told, _, _ = strings.Cut(told, "\n## ")
		stalls := regexp.MustCompile(`(?m)^\| Ready \| False, with Stalled \| ([^|]*) \|`).FindAllStringSubmatch(page, -1)
		if len(stalls) == 0 {
			t.Errorf("docs/%s.md names nothing that stalls", kind)
		}
		for _, row := range stalls {
			for reason := range strings.SplitSeq(row[1], ", ") {
				if !regexp.MustCompile(`(?m)^\| Warning \| [^|]*` + reason).MatchString(told) {
					t.Errorf("docs/%s.md: %s stalls, and is not among the events", kind, reason)
				}
			}
		}
	}
}

// conditionReasons are the reasons in the table of conditions on the page of a kind.
func conditionReasons(t *testing.T, path string) []string {
	t.Helper()
	_, section, found := strings.Cut(read(t, path), "\n## Conditions\n")
	if !found {
		t.Fatalf("%s has no conditions", path)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var reasons []string
	for line := range strings.SplitSeq(section, "\n") {
		if cells := strings.Split(line, "|"); len(cells) > 3 {
			for _, match := range regexp.MustCompile("`([A-Z][A-Za-z]+)`").FindAllStringSubmatch(cells[3], -1) {
				reasons = append(reasons, match[1])
			}
		}
	}
	return reasons
}

// TestMetrics: every metric is explained.
func TestMetrics(t *testing.T) {
	seen := metrics{}
	controller.NewMetrics(seen)
	controller.NewSigningMetrics(seen)
	counting.NewMetrics(seen, nil, false)
	queueing.New(1, seen)
	if _, err := web.NewMetrics(seen); err != nil {
		t.Fatal(err)
	}
	if _, err := logout.NewMetrics(seen); err != nil {
		t.Fatal(err)
	}
	seen.MustRegister(versioncollector.NewCollector("roster"))
	if len(seen) < 5 {
		t.Errorf("only %v", seen)
	}
	operations := read(t, "docs/operations.md")
	for name, labels := range seen {
		_, row, found := strings.Cut(operations, "| `"+name+"` |")
		if !found {
			t.Errorf("docs/operations.md does not explain %s", name)
		}
		row, _, _ = strings.Cut(row, "\n")
		for _, label := range labels {
			if !strings.Contains(row, "`"+label+"`") {
				t.Errorf("docs/operations.md does not name the label %s of %s", label, name)
			}
		}
	}
	for _, mention := range regexp.MustCompile(`roster_[a-z_]+`).FindAllString(text(t, pages(t)), -1) {
		if _, ok := seen[strings.TrimSuffix(mention, "_bucket")]; !ok {
			t.Errorf("there is no metric %s", mention)
		}
	}
}

// TestValuesOfLabels: the values that a page lists of a label are those whose series there are from the start. One that begins with its first
// event hides that from alerts, since it does not increase.
func TestValuesOfLabels(t *testing.T) {
	registry := prometheus.NewRegistry()
	controller.NewMetrics(registry)
	if _, err := logout.NewMetrics(registry); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	operations := read(t, "docs/operations.md")
	for _, f := range families {
		row, _, _ := strings.Cut(after(operations, "| `"+f.GetName()+"` |"), "\n")
		first := map[string]map[string]bool{}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if first[l.GetName()] == nil {
					first[l.GetName()] = map[string]bool{}
				}
				first[l.GetName()][l.GetValue()] = true
			}
		}
		for label, values := range first {
			match := regexp.MustCompile("`" + label + "` \\(([^)]*)\\)").FindStringSubmatch(row)
			if match == nil {
				continue
			}
			count++
			listed := strings.Split(match[1], ", ")
			slices.Sort(listed)
			if there := slices.Sorted(maps.Keys(values)); !slices.Equal(listed, there) {
				t.Errorf("docs/operations.md lists %v for the label %s of %s; from the start, there are %v", listed, label, f.GetName(), there)
			}
		}
	}
	if count < 4 {
		t.Errorf("only %d labels found", count)
	}
}

func after(text, mark string) string {
	_, rest, _ := strings.Cut(text, mark)
	return rest
}

// metrics is a registry that notes what is registered: names, and the labels that tell series apart.
type metrics map[string][]string

func (m metrics) Register(c prometheus.Collector) error {
	descriptions := make(chan *prometheus.Desc, 10)
	c.Describe(descriptions)
	close(descriptions)
	for d := range descriptions {
		// The library tells them in no other way.
		match := regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{(.*)\}\}$`).FindStringSubmatch(d.String())
		m[match[1]] = strings.FieldsFunc(match[2], func(r rune) bool { return r == ',' })
	}
	return nil
}

func (m metrics) MustRegister(collectors ...prometheus.Collector) {
	for _, c := range collectors {
		_ = m.Register(c)
	}
}

func (m metrics) Unregister(prometheus.Collector) bool { return false }

// TestSecurityEvents: every event and every result that the log of the portal has is explained, and no other.
func TestSecurityEvents(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "internal/portal/web/events.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]map[string]bool{"Event": {}, "Result": {}}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			kind, _ := spec.Type.(*ast.Ident)
			value, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			known[kind.Name][value] = true
		}
		return true
	})
	for kind, row := range map[string]string{"Event": "| `event` | ", "Result": "| `result` | `success`;"} {
		_, text, _ := strings.Cut(read(t, "docs/operations.md"), row)
		text, _, _ = strings.Cut(row+text, "\n")
		shown := map[string]bool{}
		for _, match := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(text, -1) {
			shown[match[1]] = true
		}
		delete(shown, strings.ToLower(kind))
		if !maps.Equal(shown, known[kind]) {
			t.Errorf("docs/operations.md explains the %ss %v, the portal has %v", kind, slices.Sorted(maps.Keys(shown)), slices.Sorted(maps.Keys(known[kind])))
		}
	}
}

// TestMakeTargets: what readers are told to make can be made.
func TestMakeTargets(t *testing.T) {
	targets := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^([a-z][a-z-]*):`).FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[match[1]] = true
	}
	count := 0
	for _, p := range pages(t) {
		for i, line := range strings.Split(read(t, p.path), "\n") {
			for _, match := range regexp.MustCompile("(?:^|[`$] ?)make((?: [a-z][a-z-]*)+)").FindAllStringSubmatch(line, -1) {
				for target := range strings.FieldsSeq(match[1]) {
					count++
					if !targets[target] {
						t.Errorf("%s:%d: the Makefile has no target %s", p.path, i+1, target)
					}
				}
			}
		}
	}
	if count < 10 {
		t.Errorf("only %d targets found: the test does not see them", count)
	}
}

// TestShell: commands can at least be read by a shell.
func TestShell(t *testing.T) {
	for _, b := range blocksIn(t, "sh") {
		cmd := exec.Command("bash", "-n")
		cmd.Stdin = strings.NewReader(b.text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", b, err, out)
		}
	}
}

// TestGo: what pages show of the example is in the example, which is compiled.
func TestGo(t *testing.T) {
	source := squeeze(read(t, "docs/examples/canpublish/main.go"))
	for _, b := range blocksIn(t, "go") {
		for line := range strings.Lines(b.text) {
			if !strings.Contains(source, squeeze(line)) {
				t.Errorf("%s: the example has no %s", b, line)
			}
		}
	}
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// TestConfigurationTable: the table in the README names every field of the configuration, with its default.
func TestConfigurationTable(t *testing.T) {
	c, err := config.Parse([]byte(`
apiVersion: config.roster.dev/v1alpha1
kind: RosterConfig
mail: {from: roster@acme.example, smtp: {address: "smtp.acme.example:587"}}
portal: {url: "https://roster.acme.example"}
`))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, match := range regexp.MustCompile("(?m)^\\| `([a-zA-Z.]+)` \\| ([^|]*) \\|").FindAllStringSubmatch(read(t, "README.md"), -1) {
		rows[match[1]] = match[2]
	}
	fields := leaves("", reflect.ValueOf(c))
	for path, value := range fields {
		row, ok := rows[path]
		shown, isValue := strings.CutPrefix(row, "`")
		shown = strings.TrimSuffix(shown, "`")
		if _, isField := fields[shown]; isField {
			isValue = false // the default is what another field says
		}
		switch {
		case path == "kind" || path == "apiVersion":
		case !ok:
			t.Errorf("%s is not in the table", path)
		case row == "required" && (value == "" || value == "[]"):
			t.Errorf("%s is not required", path)
		case isValue && shown != value, !isValue && row != "required" && value != "" && value != "[]":
			t.Errorf("%s: the table says %s, the default is %q", path, row, value)
		}
		delete(rows, path)
	}
	for path := range rows {
		t.Errorf("the table has %s, which is no field", path)
	}
}

// leaves are the fields of a configuration, by their path in the file.
func leaves(prefix string, v reflect.Value) map[string]string {
	found := map[string]string{}
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		path := strings.TrimPrefix(prefix+"."+name, ".")
		if strings.Contains(options, "inline") {
			path = prefix
		}
		switch value := v.Field(i).Interface().(type) {
		case metav1.Duration:
			found[path] = value.Duration.String()
		case *metav1.Duration:
			found[path] = value.Duration.String()
		case config.Rate:
			found[path] = value.String()
		default:
			if v.Field(i).Kind() == reflect.Struct {
				maps.Copy(found, leaves(path, v.Field(i)))
			} else {
				found[path] = fmt.Sprint(value)
			}
		}
	}
	return found
}

// TestLimits: the table of limits on the page about the portal has each, with its default.
func TestLimits(t *testing.T) {
	page := read(t, "docs/portal.md")
	limits := reflect.ValueOf(config.DefaultLimits())
	for field, value := range limits.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		r := value.Interface().(config.Rate)
		every := regexp.MustCompile(`([a-z])0s$`).ReplaceAllString(r.Every.Duration.String(), "$1")
		row := "(?m)^\\| `" + name + "` \\| [^|]+ \\| " + strconv.Itoa(r.Burst) + " \\| " + every + " \\|$"
		if !regexp.MustCompile(row).MatchString(page) {
			t.Errorf("docs/portal.md has no row of %s with %d at once and one every %s", name, r.Burst, every)
		}
	}
}

// TestFields: the page of a kind names every field of its spec.
func TestFields(t *testing.T) {
	for name, spec := range map[string]any{
		"organization": rosterv1alpha1.OrganizationSpec{}, "member": rosterv1alpha1.MemberSpec{}, "invitation": rosterv1alpha1.InvitationSpec{},
		"socialprofile": rosterv1alpha1.SocialProfileSpec{}, "account": rosterv1alpha1.AccountSpec{}, "application": rosterv1alpha1.ApplicationSpec{},
	} {
		text := read(t, "docs/"+name+".md")
		for field := range reflect.TypeOf(spec).Fields() {
			for _, want := range specFields(field) {
				if !regexp.MustCompile("\\| `" + regexp.QuoteMeta(want) + `(\[\])?(\.name)?` + "` \\|").MatchString(text) {
					t.Errorf("docs/%s.md does not name %s", name, want)
				}
			}
		}
	}
}

// specFields are the names that a field of a spec goes by in a table: those of a group one by one.
func specFields(field reflect.StructField) []string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	group := field.Type
	if group == reflect.TypeFor[*rosterv1alpha1.Guardrails]() {
		group = group.Elem()
	}
	if group.Kind() != reflect.Struct {
		return []string{name}
	}
	var all []string
	for inner := range group.Fields() {
		if innerName, _, _ := strings.Cut(inner.Tag.Get("json"), ","); innerName != "" {
			for _, below := range specFields(inner) {
				all = append(all, name+"."+below)
			}
		}
	}
	if len(all) == 0 { // a struct that is written as one value, such as a duration
		return []string{name}
	}
	return all
}
