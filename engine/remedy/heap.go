package remedy

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// HeapShare is the greatest share of the memory limit that a heap may have, in percent: threads, code, buffers and
// the runtime itself live beside it.
const HeapShare = 75

// Where programs take the size of their heap from. The first group is the number, the second its unit; the last
// setting in a text is the one that counts.
var (
	jvmSize    = regexp.MustCompile(`(?:-Xmx|-XX:MaxHeapSize=)(\d{1,18})([kKmMgGtT]?)(?:$|[^0-9A-Za-z._])`)
	jvmInitial = regexp.MustCompile(`(?:-Xms|-XX:InitialHeapSize=)(\d{1,18})([kKmMgGtT]?)(?:$|[^0-9A-Za-z._])`)
	jvmShare   = regexp.MustCompile(`-XX:MaxRAMPercentage=(\d{1,3}(?:\.\d{1,6})?)()(?:$|[^0-9A-Za-z._])`)
	nodeSize   = regexp.MustCompile(`--max[-_]old[-_]space[-_]size[= ](\d{1,12})()(?:$|[^0-9A-Za-z._])`)
	goSize     = regexp.MustCompile(`^(\d{1,18})(B|KiB|MiB|GiB|TiB|)$`)
)

// heapVariables are the environment variables that hold heap settings, the weaker first: the JVM reads
// JAVA_TOOL_OPTIONS before, and _JAVA_OPTIONS after its command line (src/hotspot/share/runtime/arguments.cpp), the
// launcher puts JDK_JAVA_OPTIONS before its arguments, and start scripts append JAVA_OPTS.
var heapVariables = [...]string{"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS", "NODE_OPTIONS", "GOMEMLIMIT"}

var heapUnits = map[string]int64{
	"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

// Heap is what a container says of the size of its heap.
type Heap struct {
	// Bytes is the size, zero where none is set.
	Bytes int64
	// Percent is the share of the memory limit that a JVM gives its heap, zero where none is set.
	Percent float64
}

// MostHeap gives the largest heap, in bytes and whole MiB, for a memory limit in bytes.
func MostHeap(limit int64) int64 {
	return (limit/100*HeapShare + limit%100*HeapShare/100) / mebi * mebi
}

// heapText is one text of a container that may hold heap settings.
type heapText struct {
	path  []string // from the container
	field string
	text  string
}

// heapSetting is one setting in such a text: text[start:end] is its number with its unit.
type heapSetting struct {
	heapText
	start, end int
	from       int // where the setting itself begins
	unit       string
	bytes      int64
	mebibytes  bool // the number counts MiB and has no unit
}

// HeapOf reads the heap settings that stand in the command, args and environment of a container, given as decoded
// JSON.
func HeapOf(container map[string]any) Heap {
	texts := heapTexts(container)
	var heap Heap
	if setting := sizeSetting(texts); setting != nil {
		heap.Bytes = setting.bytes
	}
	if share, _ := shareSetting(texts); share != nil {
		heap.Percent, _ = strconv.ParseFloat(share.text[share.start:share.end], 64)
	}
	return heap
}

// heapTexts gives the texts of a container in which heap settings count, the weaker before the stronger.
func heapTexts(container map[string]any) []heapText {
	var texts []heapText
	variables, _ := container["env"].([]any)
	for _, name := range heapVariables {
		for i, entry := range variables {
			variable, _ := entry.(map[string]any)
			if text, ok := variable["value"].(string); ok && variable["name"] == name {
				texts = append(texts, heapText{path: []string{"env", strconv.Itoa(i), "value"}, field: "env[name=" + name + "].value", text: text})
			}
		}
	}
	for _, list := range [...]string{"command", "args"} {
		words, _ := container[list].([]any)
		for i, word := range words {
			if text, ok := word.(string); ok {
				texts = append(texts, heapText{path: []string{list, strconv.Itoa(i)}, field: list + "[" + strconv.Itoa(i) + "]", text: text})
			}
		}
	}
	return texts
}

// sizeSetting gives the heap size that counts; nil when none is set.
func sizeSetting(texts []heapText) *heapSetting {
	var found *heapSetting
	for _, text := range texts {
		switch {
		case strings.HasPrefix(text.field, "env[name=GOMEMLIMIT]"):
			found = lastSetting(text, goSize, 0, found)
		default:
			found = lastSetting(text, jvmSize, 0, found)
			found = lastSetting(text, nodeSize, mebi, found)
		}
	}
	return found
}

// lastSetting gives the last setting of a kind in a text, or else the one known before. unit is that of a number
// without one; zero for bytes.
func lastSetting(text heapText, pattern *regexp.Regexp, unit int64, before *heapSetting) *heapSetting {
	all := pattern.FindAllStringSubmatchIndex(text.text, -1)
	if len(all) == 0 {
		return before
	}
	at := all[len(all)-1]
	setting := &heapSetting{heapText: text, from: at[0], start: at[2], end: at[5], unit: text.text[at[4]:at[5]], mebibytes: unit != 0}
	if unit == 0 {
		unit = heapUnits[strings.ToLower(setting.unit)]
	}
	count, err := strconv.ParseInt(text.text[at[2]:at[3]], 10, 64)
	if err != nil || count <= 0 || count > (1<<62)/unit {
		return before
	}
	setting.bytes = count * unit
	return setting
}

// shareSetting gives the JVM's share of the limit that counts; nil when none is set.
func shareSetting(texts []heapText) (*heapSetting, float64) {
	var found *heapSetting
	for _, text := range texts {
		if all := jvmShare.FindAllStringSubmatchIndex(text.text, -1); len(all) > 0 {
			at := all[len(all)-1]
			found = &heapSetting{heapText: text, from: at[0], start: at[2], end: at[3]}
		}
	}
	if found == nil {
		return nil, 0
	}
	share, err := strconv.ParseFloat(found.text[found.start:found.end], 64)
	if err != nil {
		return nil, 0
	}
	return found, share
}

// written gives a size as the setting writes it: in its owner's unit where that is whole, else in MiB.
func (s *heapSetting) written(bytes int64) string {
	if s.mebibytes {
		return strconv.FormatInt(bytes/mebi, 10)
	}
	unit := heapUnits[strings.ToLower(s.unit)]
	if bytes%unit == 0 {
		return strconv.FormatInt(bytes/unit, 10) + s.unit
	}
	mebibytes := map[string]string{"g": "m", "G": "M", "t": "m", "T": "M", "GiB": "MiB", "TiB": "MiB"}
	return strconv.FormatInt(bytes/mebi, 10) + mebibytes[s.unit]
}

// adjustHeap moves the heap setting of one container.
func (e *edit) adjustHeap(action *v1alpha1.AdjustHeap) *obstacle {
	container, hindered := e.container(action.Container)
	if hindered != nil {
		return hindered
	}
	texts := heapTexts(container.fields)
	if action.Percent != nil {
		return e.lowerShare(container, texts, *action.Percent)
	}
	setting := sizeSetting(texts)
	if setting == nil || action.Heap == nil || action.FailedHeap == nil {
		return hinders(NoHeap, "container %q sets no heap size", action.Container)
	}
	target := action.Heap.Value() / mebi * mebi
	raises := action.Heap.Cmp(*action.FailedHeap) > 0
	limit, _, hindered := container.amounts("memory", nil)
	if hindered != nil {
		return hindered
	}
	if limit != nil {
		target = min(target, MostHeap(limit.Value()))
	}
	governs := container.pointer("heap") // it stands in one of several texts, and moves between them
	switch {
	case setting.bytes == target:
		e.settle(InEffect, governs)
		return nil
	case target <= 0:
		return hinders(Guarded, "container %q has no room for a heap", action.Container)
	case raises && setting.bytes > target, !raises && setting.bytes < target:
		e.settle(Exceeded)
		return nil
	}
	if initial := initialHeap(texts); initial > target {
		return hinders(Guarded, "the heap of container %q starts with %d MiB and can't be smaller", action.Container, initial/mebi)
	}
	e.settle(Changes, governs)
	return e.rewrite(container, setting, setting.written(target))
}

// initialHeap gives the size with which the JVM starts: it refuses to start with more than the greatest size.
func initialHeap(texts []heapText) int64 {
	var found *heapSetting
	for _, text := range texts {
		found = lastSetting(text, jvmInitial, 0, found)
	}
	if found == nil {
		return 0
	}
	return found.bytes
}

// lowerShare lowers the JVM's share of the memory limit to the given percent.
func (e *edit) lowerShare(container containerAt, texts []heapText, percent int32) *obstacle {
	setting, share := shareSetting(texts)
	if setting == nil {
		return hinders(NoHeap, "container %q gives its heap no share of the memory limit", container.name)
	}
	governs := container.pointer("heap")
	switch {
	case share == float64(percent):
		e.settle(InEffect, governs)
		return nil
	case share < float64(percent):
		e.settle(Exceeded)
		return nil
	}
	e.settle(Changes, governs)
	// Older releases of the JVM refuse a share without a decimal point.
	return e.rewrite(container, setting, strconv.Itoa(int(percent))+".0")
}

// rewrite replaces number and unit of a setting in its text. The modification shows the setting alone: what stands
// beside it may not be for everybody.
func (e *edit) rewrite(container containerAt, setting *heapSetting, value string) *obstacle {
	before := setting.text[setting.from:setting.start]
	if setting.from == setting.start {
		before = "" // the variable holds nothing else
	}
	e.modified(container.words+"."+setting.field, container.name, before+setting.text[setting.start:setting.end], before+value)
	return e.set(container.at(setting.path...), setting.text[:setting.start]+value+setting.text[setting.end:])
}
