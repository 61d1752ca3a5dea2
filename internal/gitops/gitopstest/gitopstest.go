// SPDX-License-Identifier: Apache-2.0

// Package gitopstest looks at objects as Flux and Argo CD do: the one by kstatus, the other by the Lua script in config/argo-cd.
package gitopstest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/roster-dev/roster/internal/testenv"
)

// Customizations is the folder with the health checks, as they lie in the repository of Argo CD.
const Customizations = "config/argo-cd/resource_customizations/roster.dev/_"

// Health is what Argo CD shows of an object.
type Health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// Seen is an object in the eyes of both.
type Seen struct {
	// KStatus is InProgress, Current, Failed or Terminating.
	KStatus status.Status
	// Says is the message to it.
	Says string
	// Health by the script.
	Health Health
}

// Look computes both.
func Look(o *unstructured.Unstructured) (Seen, error) {
	s := Seen{}
	result, err := status.Compute(o)
	if err != nil {
		return s, err
	}
	s.KStatus, s.Says = result.Status, result.Message
	s.Health, err = ArgoCD(o)
	return s, err
}

// ArgoCD runs the script on an object as Argo CD does with one from its ConfigMap: with a second of time, and with no library but those
// that are open to all (runLua in util/lua/lua.go of Argo CD 3.6).
func ArgoCD(o *unstructured.Unstructured) (Health, error) {
	script, err := os.ReadFile(filepath.Join(testenv.Root(), Customizations, "health.lua"))
	if err != nil {
		return Health{}, err
	}
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	libraries := map[string]lua.LGFunction{lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable}
	for name, open := range libraries {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return Health{}, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // Argo CD allows a second; the machine may be busy.
	defer cancel()
	l.SetContext(ctx)
	l.SetGlobal("obj", value(l, o.Object))
	if err := l.DoString(string(script)); err != nil {
		return Health{}, err
	}
	table, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		return Health{}, fmt.Errorf("the script returns %s and no table", l.Get(-1).Type())
	}
	h := Health{Status: lua.LVAsString(table.RawGetString("status")), Message: lua.LVAsString(table.RawGetString("message"))}
	switch h.Status {
	case "Healthy", "Progressing", "Degraded":
		return h, nil
	}
	return h, errors.New("the script returns the status " + h.Status)
}

// value is what Argo CD gives to scripts.
func value(l *lua.LState, from any) lua.LValue {
	switch v := from.(type) {
	case bool:
		return lua.LBool(v)
	case float64:
		return lua.LNumber(v)
	case int64:
		return lua.LNumber(v)
	case string:
		return lua.LString(v)
	case []any:
		list := l.NewTable()
		for _, item := range v {
			list.Append(value(l, item))
		}
		return list
	case map[string]any:
		table := l.NewTable()
		for key, item := range v {
			table.RawSetString(key, value(l, item))
		}
		return table
	}
	return lua.LNil
}
