package catalog

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"
	"k8s.io/apimachinery/pkg/api/resource"
)

const (
	// maxCost bounds the evaluation of one expression of a user's rule, in CEL's units of cost, about one for each
	// call or field. The built-in expressions are part of the program and need no bound; counting and what plan does
	// not shorten take three quarters of the time of an evaluation (BenchmarkCondition).
	maxCost = 20_000
	// maxExpression bounds the text of one expression, in bytes.
	maxExpression = 4 << 10
)

// Condition is a CEL expression that gives a bool.
type Condition struct {
	Text    string
	program cel.Program
}

// holds reports whether the condition is true; one that can't be evaluated is not.
func (c *Condition) holds(scope *Scope) bool {
	value, _, err := c.program.Eval(scope)
	if err != nil {
		return false
	}
	holds, ok := value.Value().(bool)
	return ok && holds
}

// environment compiles expressions.
type environment struct {
	env     *cel.Env
	options []cel.ProgramOption
}

// newEnvironment gives the environment of conditions and sentences, in which seen, times and captured take only
// the ids that known knows. Only for bounded expressions the cost is counted and limited.
func newEnvironment(known func(id string) bool, bounded bool) (*environment, error) {
	object := func(name string) *cel.Type { return cel.ObjectType("catalog." + name) }
	env, err := cel.NewEnv(
		ext.NativeTypes(
			reflect.TypeFor[ContainerView](), reflect.TypeFor[PodView](), reflect.TypeFor[WorkloadView](), reflect.TypeFor[NodeView](),
			reflect.TypeFor[ClaimView](), reflect.TypeFor[QuotaView](), reflect.TypeFor[LimitView](), reflect.TypeFor[ImageView](), reflect.TypeFor[PortView](), reflect.TypeFor[ProbeView](),
			ext.ParseStructTags(true),
		),
		cel.Variable("hits", hitsType),
		cel.Variable("container", object("ContainerView")),
		cel.Variable("pod", object("PodView")),
		cel.Variable("workload", object("WorkloadView")),
		cel.Variable("node", object("NodeView")),
		cel.Variable("nodes", cel.ListType(object("NodeView"))),
		cel.Variable("claims", cel.ListType(object("ClaimView"))),
		cel.Variable("storageClasses", cel.ListType(cel.StringType)),
		cel.Variable("quotas", cel.ListType(object("QuotaView"))),
		cel.Variable("limitRanges", cel.ListType(object("LimitView"))),
		cel.Variable("images", cel.ListType(object("ImageView"))),
		hitFunctions(known),
		cel.Function("first", cel.Overload("first_of_texts", []*cel.Type{cel.ListType(cel.StringType)}, cel.StringType, cel.UnaryBinding(firstText))),
		cel.Function("prefixed", cel.Overload("prefixed_text", []*cel.Type{cel.StringType, cel.StringType}, cel.StringType, cel.BinaryBinding(prefixed))),
		cel.Function("declares", cel.Overload("declares_port", []*cel.Type{cel.ListType(object("PortView")), cel.StringType}, cel.BoolType, cel.BinaryBinding(declares))),
		cel.Function("bytes", cel.Overload("bytes_of_int", []*cel.Type{cel.IntType}, cel.StringType, cel.UnaryBinding(printBytes))),
		cel.Function("millis", cel.Overload("millis_of_int", []*cel.Type{cel.IntType}, cel.StringType, cel.UnaryBinding(printMillis))),
		cel.Function("seconds", cel.Overload("seconds_of_int", []*cel.Type{cel.IntType}, cel.StringType, cel.UnaryBinding(printSeconds))),
		ext.Strings(), ext.Math(),
	)
	if err != nil {
		return nil, fmt.Errorf("set up CEL: %w", err)
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if bounded {
		options = append(options, cel.CostLimit(maxCost))
	} else {
		options = append(options, cel.CustomDecoratorV2(plan))
	}
	return &environment{env: env, options: options}, nil
}

// hitFunctions declares seen, times, captured and leads. They are macros that add the scope's hits as the receiver, and
// check the id where it is written.
func hitFunctions(known func(id string) bool) cel.EnvOption {
	macro := func(name string, arguments int) cel.Macro {
		return cel.GlobalMacro(name, arguments, func(made cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
			for _, arg := range args {
				if _, ok := arg.AsLiteral().(types.String); !ok {
					return nil, made.NewError(arg.ID(), name+" takes its arguments as literal strings")
				}
			}
			if id := string(args[0].AsLiteral().(types.String)); !known(id) {
				return nil, made.NewError(args[0].ID(), "there is no signature "+strconv.Quote(id))
			}
			return made.NewMemberCall(name, made.NewIdent("hits"), args...), nil
		})
	}
	// call declares a function of hits and texts, and answers it where plan does not.
	call := func(name string, arguments int, gives *cel.Type) cel.EnvOption {
		takes := append([]*cel.Type{hitsType}, slices.Repeat([]*cel.Type{cel.StringType}, arguments)...)
		return cel.Function(name, cel.MemberOverload("hits_"+name, takes, gives, cel.FunctionBinding(func(args ...ref.Val) ref.Val {
			hits, ok := args[0].(*hitSet)
			if !ok {
				return types.NewErr("expected hits, not %s", args[0].Type().TypeName())
			}
			given := make([]string, 0, arguments)
			for _, arg := range args[1:] {
				given = append(given, text(arg))
			}
			return hitQuestions[name](hits, given)
		})))
	}
	options := []cel.EnvOption{
		cel.Macros(first, macro("seen", 1), macro("times", 1), macro("captured", 2), macro("leads", 2)),
		call("seen", 1, cel.BoolType), call("times", 1, cel.IntType), call("captured", 2, cel.StringType), call("leads", 2, cel.BoolType),
	}
	return func(env *cel.Env) (*cel.Env, error) {
		var err error
		for _, option := range options {
			if env, err = option(env); err != nil {
				return nil, err
			}
		}
		return env, nil
	}
}

// first is a macro that takes any number of texts and makes a list of them.
var first = cel.GlobalVarArgMacro("first", func(made cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
	return made.NewCall("first", made.NewList(args...)), nil
})

// firstText gives the first text of a list that is not empty, or nothing.
func firstText(list ref.Val) ref.Val {
	texts, ok := list.(traits.Lister)
	if !ok {
		return types.NewErr("expected a list, not %s", list.Type().TypeName())
	}
	for each := texts.Iterator(); each.HasNext() == types.True; {
		if given, ok := each.Next().(types.String); ok && given != "" {
			return given
		}
	}
	return types.String("")
}

// prefixed gives a text behind a prefix, or nothing when there is no text.
func prefixed(prefix, given ref.Val) ref.Val {
	if text(given) == "" {
		return types.String("")
	}
	return types.String(text(prefix) + text(given))
}

// declares reports whether one of a container's ports has a number, which is written as text captures it.
func declares(ports, number ref.Val) ref.Val {
	declared, ok := ports.Value().([]PortView)
	if !ok {
		return types.NewErr("expected the ports of a container, not %s", ports.Type().TypeName())
	}
	return types.Bool(slices.ContainsFunc(declared, func(port PortView) bool { return strconv.FormatInt(port.Number, 10) == text(number) }))
}

func text(value ref.Val) string {
	text, _ := value.(types.String)
	return string(text)
}

func number(value ref.Val) int64 {
	number, _ := value.(types.Int)
	return int64(number)
}

func printBytes(value ref.Val) ref.Val {
	return types.String(resource.NewQuantity(number(value), resource.BinarySI).String())
}

func printMillis(value ref.Val) ref.Val {
	return types.String(resource.NewMilliQuantity(number(value), resource.DecimalSI).String())
}

func printSeconds(value ref.Val) ref.Val {
	printed := (time.Duration(number(value)) * time.Second).String()
	if trimmed := strings.TrimSuffix(printed, "m0s"); trimmed != printed {
		printed = trimmed + "m"
	}
	if trimmed := strings.TrimSuffix(printed, "h0m"); trimmed != printed {
		printed = trimmed + "h"
	}
	return types.String(printed)
}

// condition compiles an expression that gives a bool.
func (e *environment) condition(expression string) (*Condition, error) {
	program, kind, err := e.compile(expression)
	if err != nil {
		return nil, err
	}
	if !kind.IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("%q gives %s, not bool", expression, kind)
	}
	return &Condition{Text: expression, program: program}, nil
}

func (e *environment) compile(expression string) (cel.Program, *cel.Type, error) {
	if len(expression) > maxExpression {
		return nil, nil, fmt.Errorf("expression of %d bytes is longer than %d", len(expression), maxExpression)
	}
	checked, issues := e.env.Compile(expression)
	if issues.Err() != nil {
		return nil, nil, issues.Err()
	}
	program, err := e.env.Program(checked, e.options...)
	if err != nil {
		return nil, nil, err
	}
	return program, checked.OutputType(), nil
}
