// Judges KiteCredentials as Argo CD and Flux would: reads one JSON object from standard input, writes one to standard
// output; with any argument its version. Argo CD's way is gopher-lua with the libraries that a custom health check gets; Flux's are its own packages.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var version = "unknown"

type question struct {
	Lua         string                           `json:"lua"`
	Expressions kustomize.HealthCheckExpressions `json:"expressions"`
	Objects     []json.RawMessage                `json:"objects"`
}

type verdict struct {
	Argo        string `json:"argo"`
	ArgoMessage string `json:"argoMessage"`
	Kstatus     string `json:"kstatus"`
	Flux        string `json:"flux"`
}

func main() {
	if len(os.Args) > 1 {
		fmt.Println(version)
		return
	}
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fail(err)
	}
	evaluator, err := cel.NewStatusEvaluator(&asked.Expressions)
	if err != nil {
		fail(err)
	}
	verdicts := make([]verdict, 0, len(asked.Objects))
	for _, raw := range asked.Objects {
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(raw); err != nil {
			fail(err)
		}
		verdicts = append(verdicts, judge(asked.Lua, evaluator, object))
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		fail(err)
	}
}

func judge(script string, evaluator *cel.StatusEvaluator, object *unstructured.Unstructured) verdict {
	var said verdict
	said.Argo, said.ArgoMessage = argo(script, object)
	said.Kstatus = told(status.Compute(object))
	said.Flux = told(evaluator.Evaluate(context.Background(), object))
	return said
}

func told(result *status.Result, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return string(result.Status)
}

// argo runs the script as Argo CD does: without the standard libraries but for base, package and table, one second at
// most, with the global `obj`; what it returns is a table with `status` and `message`.
func argo(script string, object *unstructured.Unstructured) (string, string) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{{lua.LoadLibName, lua.OpenPackage}, {lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}} {
		call := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			fail(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", inLua(state, object.Object))
	if err := state.DoString(script); err != nil {
		return "error", err.Error()
	}
	table, isTable := state.Get(-1).(*lua.LTable)
	if !isTable {
		return "error", "the script returned no table"
	}
	return lua.LVAsString(table.RawGetString("status")), lua.LVAsString(table.RawGetString("message"))
}

func inLua(state *lua.LState, value any) lua.LValue {
	switch known := value.(type) {
	case bool:
		return lua.LBool(known)
	case int64:
		return lua.LNumber(known)
	case float64:
		return lua.LNumber(known)
	case string:
		return lua.LString(known)
	case []any:
		list := state.CreateTable(len(known), 0)
		for _, item := range known {
			list.Append(inLua(state, item))
		}
		return list
	case map[string]any:
		table := state.CreateTable(0, len(known))
		for key, item := range known {
			table.RawSetString(key, inLua(state, item))
		}
		return table
	}
	return lua.LNil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
