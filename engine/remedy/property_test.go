package remedy_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// propertyCases is how many objects TestProperties makes; PROPERTY_CASES says otherwise (make property).
const propertyCases = 20_000

// TestProperties resolves random actions against random objects and checks what Resolve promises. A case that fails
// is named by its seed.
func TestProperties(t *testing.T) {
	cases := propertyCases
	if text := os.Getenv("PROPERTY_CASES"); text != "" {
		asked, err := strconv.Atoi(text)
		require.NoError(t, err, "PROPERTY_CASES")
		cases = asked
	}
	sample := sampler(t)
	workers := runtime.GOMAXPROCS(0)
	var group sync.WaitGroup
	var lock sync.Mutex
	changed, resolved := 0, map[string]int{}
	for worker := range workers {
		group.Go(func() {
			own, did := map[string]int{}, 0
			for seed := worker; seed < cases && !t.Failed(); seed += workers {
				name, fit, err := property(uint64(seed), sample)
				if err != nil {
					t.Errorf("seed %d: %v", seed, err)
					return
				}
				if fit == remedy.Changes {
					own[name]++
					did++
				}
			}
			lock.Lock()
			defer lock.Unlock()
			changed += did
			for name, times := range own {
				resolved[name] += times
			}
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	for _, name := range remedy.Actions() {
		require.Positive(t, resolved[name], "%s never changed an object", name)
	}
	t.Logf("%d objects, %d changed: %v", cases, changed, resolved)
}

// sampler writes objects before and after they were changed to the file that PROPERTY_SAMPLES names, a line each, for
// whoever has an API server to ask whether they stayed valid.
func sampler(t *testing.T) func(before, after map[string]any) {
	name := os.Getenv("PROPERTY_SAMPLES")
	if name == "" {
		return func(map[string]any, map[string]any) {}
	}
	file, err := os.Create(name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	var lock sync.Mutex
	lines := json.NewEncoder(file)
	return func(before, after map[string]any) {
		lock.Lock()
		defer lock.Unlock()
		if err := lines.Encode(map[string]any{"before": before, "after": after}); err != nil {
			t.Error(err)
		}
	}
}

// property checks one object and gives the name of its action.
func property(seed uint64, sample func(before, after map[string]any)) (string, remedy.Fit, error) {
	g := generator{rand.New(rand.NewPCG(seed, 7)), seed%2 == 0}
	object, action := g.object(), g.action()
	raw, err := json.Marshal(object)
	if err != nil {
		return "", 0, err
	}
	before := map[string]any{}
	if err := json.Unmarshal(raw, &before); err != nil {
		return "", 0, err
	}
	name := remedy.NameOf(action)
	fail := func(format string, args ...any) (string, remedy.Fit, error) {
		done, _ := json.Marshal(action)
		return name, 0, fmt.Errorf(format+"\nobject %s\naction %s", append(args, raw, done)...)
	}
	result := remedy.Resolve([]v1alpha1.Action{action}, before)
	if again, _ := json.Marshal(before); string(again) != string(raw) {
		return fail("the object was changed by looking at it")
	}
	if result.Fit != remedy.Changes {
		if len(result.Operations)+len(result.Modifications) > 0 {
			return fail("there are operations though nothing changes")
		}
		return name, result.Fit, nil
	}
	after, err := patchedObject(raw, result.Operations)
	if err != nil {
		return fail("the patch does not apply: %v", err)
	}
	if second := remedy.Resolve([]v1alpha1.Action{action}, after); second.Fit != remedy.InEffect || len(second.Operations) > 0 {
		return fail("resolving again: %v %s %v", second.Fit, second.Reason, second.Operations)
	}
	was, is := map[string]any{}, map[string]any{}
	flatten("", before, was)
	flatten("", after, is)
	for pointer := range union(was, is) {
		if reflect.DeepEqual(was[pointer], is[pointer]) {
			continue
		}
		if !mayChange.MatchString(pointer) {
			return fail("%s may never change: %v → %v", pointer, was[pointer], is[pointer])
		}
		if !slices.ContainsFunc(result.Operations, func(o remedy.Operation) bool {
			return under(pointer, o.Path) || was[pointer] == empty && under(o.Path, pointer)
		}) {
			return fail("%s changed by no operation", pointer)
		}
	}
	for _, operation := range result.Operations {
		if operation.Op == "test" || operation.Op == "move" || operation.Op == "copy" {
			return fail("operation %s", operation.Op)
		}
	}
	if reason := broken(before, after); reason != "" {
		return fail("%s", reason)
	}
	sample(before, after)
	return name, result.Fit, nil
}

// mayChange is the closed set of fields, under a pod template that stands at spec.template.
var mayChange = regexp.MustCompile(`^/spec/template/spec/(` +
	`(?:initC|c)ontainers/\d+/(?:resources(?:/(?:limits|requests)(?:/(?:memory|cpu|ephemeral-storage))?)?|image|(?:command|args)(?:/\d+)?|env/\d+/value|` +
	`env/\d+/valueFrom/(?:configMapKeyRef|secretKeyRef)/(?:name|key)|envFrom/\d+/(?:configMapRef|secretRef)/name|(?:liveness|readiness|startup)Probe(?:/.*)?)` +
	`|volumes/\d+/(?:configMap|secret|persistentVolumeClaim|projected)/.*|imagePullSecrets/\d+/name|affinity(?:/.*)?|tolerations(?:/.*)?|topologySpreadConstraints(?:/.*)?)$`)

func under(pointer, path string) bool {
	if at, ok := strings.CutSuffix(path, "/-"); ok {
		path = at
	}
	return pointer == path || strings.HasPrefix(pointer, path+"/")
}

// empty stands for a list or object without members.
const empty = "(empty)"

// flatten lists the scalars, and the empty lists and objects, of a value by their JSON pointers.
func flatten(pointer string, value any, into map[string]any) {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			flatten(pointer+"/"+strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1"), member, into)
		}
		if len(value) == 0 {
			into[pointer] = empty
		}
	case []any:
		for i, item := range value {
			flatten(pointer+"/"+strconv.Itoa(i), item, into)
		}
		if len(value) == 0 {
			into[pointer] = empty
		}
	default:
		into[pointer] = value
	}
}

func union(a, b map[string]any) map[string]bool {
	all := map[string]bool{}
	for key := range a {
		all[key] = true
	}
	for key := range b {
		all[key] = true
	}
	return all
}

func patchedObject(raw []byte, operations []remedy.Operation) (map[string]any, error) {
	text, err := json.Marshal(operations)
	if err != nil {
		return nil, err
	}
	patched, err := applyPatch(raw, text)
	if err != nil {
		return nil, err
	}
	var after map[string]any
	return after, json.Unmarshal(patched, &after)
}

// broken says what the API server would refuse of the healed object that it takes of the object as it was, or which
// guardrail was passed; empty for nothing.
func broken(before, after map[string]any) string {
	most, bounded := quantityAt(before, "metadata", "annotations", v1alpha1.MaxMemoryAnnotation)
	old, now := containersOf(before), containersOf(after)
	if len(old) != len(now) {
		return "a container came or went"
	}
	for i := range now {
		was, _ := old[i]["image"].(string)
		is, _ := now[i]["image"].(string)
		if remedy.ParseImage(was).Registry() != remedy.ParseImage(is).Registry() {
			return "image of another registry: " + is
		}
		for _, name := range []string{"memory", "cpu", "ephemeral-storage"} {
			limit, limited := quantityAt(now[i], "resources", "limits", name)
			request, requested := quantityAt(now[i], "resources", "requests", name)
			if limited && requested && request.Cmp(limit) > 0 {
				if oldLimit, ok := quantityAt(old[i], "resources", "limits", name); ok {
					if oldRequest, ok := quantityAt(old[i], "resources", "requests", name); !ok || oldRequest.Cmp(oldLimit) <= 0 {
						return name + " request above its limit"
					}
				}
			}
			if oldLimit, ok := quantityAt(old[i], "resources", "limits", name); limited && ok && limit.Cmp(oldLimit) < 0 {
				return name + " limit became less"
			} else if name == "memory" && bounded && limited && ok && limit.Cmp(oldLimit) > 0 && limit.Cmp(most) > 0 {
				return "memory limit above what the owner allows"
			}
		}
		for _, name := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
			was, _ := old[i][name].(map[string]any)
			probe, _ := now[i][name].(map[string]any)
			if was != nil && probe == nil {
				return name + " was removed"
			}
			handlers := 0
			for _, handler := range []string{"httpGet", "tcpSocket", "grpc", "exec"} {
				if probe[handler] != nil {
					handlers++
				}
			}
			if probe != nil && handlers != 1 {
				return fmt.Sprintf("%s has %d handlers", name, handlers)
			}
		}
	}
	return ""
}

func containersOf(object map[string]any) []map[string]any {
	at := object
	for _, name := range []string{"spec", "template", "spec"} {
		at, _ = at[name].(map[string]any)
	}
	var found []map[string]any
	for _, list := range []string{"initContainers", "containers"} {
		items, _ := at[list].([]any)
		for _, item := range items {
			container, _ := item.(map[string]any)
			found = append(found, container)
		}
	}
	return found
}

func quantityAt(object map[string]any, path ...string) (resource.Quantity, bool) {
	for _, name := range path[:len(path)-1] {
		object, _ = object[name].(map[string]any)
	}
	var text string
	switch value := object[path[len(path)-1]].(type) {
	case string:
		text = value
	case float64:
		text = strconv.FormatFloat(value, 'f', -1, 64)
	default:
		return resource.Quantity{}, false
	}
	read, err := resource.ParseQuantity(text)
	return read, err == nil
}

// generator makes objects and actions that fit each other often enough.
type generator struct {
	*rand.Rand
	// hostile lets quantities in that the API server would refuse.
	hostile bool
}

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

func (g generator) often() bool { return g.IntN(4) > 0 }

func (g generator) containerName() string { return pick(g, "app", "app", "proxy", "a-b", "init") }

func (g generator) object() map[string]any {
	spec := map[string]any{}
	containers := make([]any, 0, 4)
	for _, name := range []string{"app", "proxy", "a-b"}[:1+g.IntN(3)] {
		containers = append(containers, g.containerOf(name, true))
	}
	spec["containers"] = containers
	if !g.often() {
		init := g.containerOf("init", false)
		if g.often() {
			init["restartPolicy"] = "Always"
		}
		spec["initContainers"] = []any{init}
	}
	if g.often() {
		spec["volumes"] = []any{
			map[string]any{"name": "c", "configMap": map[string]any{"name": pick(g, "web-confg", "web")}},
			map[string]any{"name": "s", "secret": map[string]any{"secretName": pick(g, "web-confg", "tls"), "items": []any{map[string]any{"key": "mdoe", "path": "x"}}}},
			map[string]any{"name": "p", "persistentVolumeClaim": map[string]any{"claimName": pick(g, "web-confg", "data")}},
		}
	}
	if !g.often() {
		spec["tolerations"] = []any{map[string]any{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": g.IntN(600)}}
	}
	if !g.often() {
		spec["affinity"] = map[string]any{"podAntiAffinity": map[string]any{}}
	}
	spec["futureField"] = map[string]any{"a/b~c": g.IntN(9)}
	metadata := map[string]any{"name": "web", "namespace": "shop"}
	if !g.often() {
		metadata["annotations"] = map[string]any{v1alpha1.MaxMemoryAnnotation: pick(g, "192Mi", "1Gi", "64Mi", "lots")}
	}
	return map[string]any{
		"apiVersion": "apps/v1", "kind": pick(g, "Deployment", "StatefulSet", "DaemonSet", "Rollout"), "metadata": metadata,
		"spec": map[string]any{
			"replicas": g.IntN(5), "selector": map[string]any{"matchLabels": map[string]any{"app": "web"}},
			"template": map[string]any{"metadata": map[string]any{"labels": map[string]any{"app": "web", "a.b/c-d": "x"}}, "spec": spec},
		},
	}
}

func (g generator) containerOf(name string, probes bool) map[string]any {
	container := map[string]any{"name": name, "image": pick(g, "registry.example.com/web:1.4", "registry.example.com/web:1.5", "nginx")}
	if g.often() {
		resources := map[string]any{}
		amounts := func(most string) map[string]any {
			list := map[string]any{}
			for _, name := range []string{"memory", "cpu", "ephemeral-storage"} {
				if !g.often() {
					continue
				}
				switch {
				case name == "cpu" && g.hostile:
					list[name] = pick[any](g, "100m", "1", "0.5", "2000m", 1, "-1", "x", "0")
				case name == "cpu":
					list[name] = pick[any](g, "100m", "0.1", "50m")
				case g.hostile:
					list[name] = pick[any](g, "128Mi", "64Mi", "134217728", "1Gi", "1G", "0.1Gi", 1e8, "0", "-5Mi", "9999Pi", "mush")
				default:
					list[name] = pick[any](g, most+"Mi", "134217728", "100M", "0.1Gi")
				}
			}
			return list
		}
		if g.often() {
			resources["limits"] = amounts("128")
		}
		if g.often() {
			resources["requests"] = amounts("64")
		}
		container["resources"] = resources
	}
	if g.often() {
		container["command"] = pick(g, []any{"/srv/run-web"}, []any{"java", "-Xmx100m", "-jar", "x.jar"}, []any{"node", "--max-old-space-size=100", "x.js"})
	}
	if g.often() {
		container["env"] = []any{
			map[string]any{"name": "JAVA_OPTS", "value": pick(g, "-Xmx100m -Xms50m", "-XX:MaxRAMPercentage=90", "-Dx=y")},
			map[string]any{"name": "MODE", "valueFrom": map[string]any{"configMapKeyRef": map[string]any{"name": pick(g, "web-confg", "web"), "key": pick(g, "mdoe", "mode")}}},
			map[string]any{"name": "GOMEMLIMIT", "value": pick(g, "100MiB", "off")},
		}
	}
	if probes {
		for _, name := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
			if !g.often() {
				continue
			}
			probe := map[string]any{}
			switch g.IntN(5) {
			case 0:
				probe["tcpSocket"] = map[string]any{"port": 8080}
			case 1:
				probe["exec"] = map[string]any{"command": []any{"true"}}
			case 2:
				probe["grpc"] = map[string]any{"port": 8080}
			default:
				probe["httpGet"] = map[string]any{"path": "/ready", "port": pick[any](g, 8080, "http")}
			}
			for _, field := range []string{"initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold"} {
				if g.often() {
					probe[field] = 1 + g.IntN(40)
				}
			}
			container[name] = probe
		}
	}
	container["securityContext"] = map[string]any{"runAsNonRoot": true}
	return container
}

func (g generator) action() v1alpha1.Action {
	name := g.containerName()
	amount := func(texts ...string) resource.Quantity { return resource.MustParse(pick(g, texts...)) }
	maybe := func(q resource.Quantity) *resource.Quantity {
		if g.often() {
			return &q
		}
		return nil
	}
	seconds := func(most int) *int32 {
		if g.often() {
			value := int32(1 + g.IntN(most))
			return &value
		}
		return nil
	}
	switch g.IntN(11) {
	case 0:
		return v1alpha1.Action{IncreaseMemory: &v1alpha1.IncreaseMemory{
			Container: name, Resource: pick(g, "", v1alpha1.Memory, v1alpha1.EphemeralStorage), FailedLimit: amount("128Mi", "64Mi"), Limit: amount("256Mi", "2Gi"), Request: maybe(amount("128Mi", "256Mi")),
		}}
	case 1:
		if g.often() {
			return v1alpha1.Action{AdjustHeap: &v1alpha1.AdjustHeap{Container: name, FailedHeap: ptr(amount("100Mi")), Heap: ptr(amount("150Mi", "50Mi"))}}
		}
		return v1alpha1.Action{AdjustHeap: &v1alpha1.AdjustHeap{Container: name, FailedPercent: ptr(int32(90)), Percent: ptr(int32(70))}}
	case 2:
		return v1alpha1.Action{RaiseRequest: &v1alpha1.RaiseRequest{Container: name, Resource: pick(g, v1alpha1.Memory, v1alpha1.EphemeralStorage), Request: amount("100Mi", "3Gi")}}
	case 3:
		return v1alpha1.Action{RaiseCPU: &v1alpha1.RaiseCPU{Container: name, FailedLimit: amount("100m"), Limit: amount("200m", "4"), Request: maybe(amount("150m", "200m"))}}
	case 4:
		return v1alpha1.Action{ReduceRequests: &v1alpha1.ReduceRequests{Container: name, CPU: maybe(amount("50m", "10m")), Memory: ptr(amount("32Mi", "100Mi"))}}
	case 5:
		if g.often() {
			return v1alpha1.Action{RelaxStartup: &v1alpha1.RelaxStartup{Container: name, StartSeconds: ptr(int32(60 + g.IntN(3540)))}}
		}
		return v1alpha1.Action{RelaxStartup: &v1alpha1.RelaxStartup{Container: name, InitialDelaySeconds: ptr(int32(1 + g.IntN(120)))}}
	case 6:
		adjust := &v1alpha1.AdjustProbe{
			Container: name, Probe: pick(g, v1alpha1.Liveness, v1alpha1.Readiness, v1alpha1.Startup), From: v1alpha1.ProbeTarget{Handler: v1alpha1.HTTPGet, Port: pick(g, "8080", "http"), Path: "/ready"},
			InitialDelaySeconds: seconds(600), TimeoutSeconds: seconds(60), PeriodSeconds: seconds(120), FailureThreshold: seconds(60),
		}
		if g.often() {
			adjust.To = &v1alpha1.ProbeTarget{Handler: pick(g, v1alpha1.HTTPGet, v1alpha1.TCPSocket), Port: pick(g, "9000", "http"), Path: pick(g, "", "/live"), Scheme: pick(g, "", "HTTPS")}
		}
		return v1alpha1.Action{AdjustProbe: adjust}
	case 7:
		return v1alpha1.Action{FixImage: &v1alpha1.FixImage{
			Container: name, Image: "registry.example.com/web:1.4", Replacement: pick(g, "registry.example.com/web:1.3", "other.example.com/web:1.4"), Source: v1alpha1.ImageTag,
		}}
	case 8:
		fix := &v1alpha1.FixReference{Kind: pick(g, v1alpha1.ConfigMap, v1alpha1.Secret, v1alpha1.PersistentVolumeClaim), Name: "web-confg", Replacement: "web-config"}
		if fix.Kind == v1alpha1.ConfigMap && !g.often() {
			fix.Key, fix.ReplacementKey, fix.Replacement = "mdoe", "mode", fix.Name
		}
		return v1alpha1.Action{FixReference: fix}
	case 9:
		return v1alpha1.Action{DropCommandOverride: &v1alpha1.DropCommandOverride{Container: name, Override: remedy.Override([]string{"/srv/run-web"}, nil)}}
	default:
		return v1alpha1.Action{AvoidNode: &v1alpha1.AvoidNode{Node: pick(g, "n1", "n2"), TolerationSeconds: ptr(int32(10 + g.IntN(290))), Spread: g.often()}}
	}
}

func ptr[T any](value T) *T { return &value }
