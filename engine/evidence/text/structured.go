package text

import (
	"encoding/json"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kubelets and journals also write each line as an object in JSON. Such lines are written again as they would be without it,
// so that no reader has to know of it.

// maxStructured bounds the lines that are read as objects, in bytes.
const maxStructured = 16 << 10

// withoutStructure writes the lines of a kubelet (k8s.io/component-base/logs/json) and of journalctl -o json as text. Those
// of other programs stay as they are.
func withoutStructure(text string) string {
	var out strings.Builder
	out.Grow(len(text))
	for line := range strings.Lines(text) {
		start := strings.TrimSpace(line)
		if len(start) < maxStructured && strings.HasPrefix(start, "{") && (strings.Contains(start, `"caller":"`) || strings.Contains(start, `"MESSAGE":"`) || strings.Contains(start, `"MESSAGE" : "`)) {
			if plain := plainLine(start); plain != "" {
				out.WriteString(plain)
				out.WriteByte('\n')
				continue
			}
		}
		out.WriteString(line)
	}
	return out.String()
}

// plainLine gives a line without its structure; nothing for one of another program.
func plainLine(line string) string {
	var fields map[string]any
	if json.Unmarshal([]byte(line), &fields) != nil {
		return ""
	}
	if message, ok := fields["MESSAGE"].(string); ok {
		return journalEntry(message, fields)
	}
	message, said := fields["msg"].(string)
	caller, called := fields["caller"].(string)
	file, _, _ := strings.Cut(path.Base(caller), ":")
	if !said || !called || !isKubeletFile(file) {
		return ""
	}
	level := "I"
	if _, failed := fields["err"]; failed {
		level = "E"
	}
	var out strings.Builder
	out.WriteString(level + momentOf(fields["ts"]).UTC().Format("0102 15:04:05.000000") + "       1 " + path.Base(caller) + "] " + strconv.Quote(message))
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		switch key {
		case "msg", "caller", "ts", "v":
		default:
			out.WriteString(" " + key + "=" + plainValue(fields[key]))
		}
	}
	return out.String()
}

// plainValue is a field's value as klog writes it: an object that has a name is a reference.
func plainValue(value any) string {
	switch v := value.(type) {
	case string:
		return strconv.Quote(v)
	case map[string]any:
		name, ok := v["name"].(string)
		if !ok {
			break
		}
		if namespace, ok := v["namespace"].(string); ok {
			name = namespace + "/" + name
		}
		return strconv.Quote(name)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	encoded, _ := json.Marshal(value) // of what was decoded
	return string(encoded)
}

// momentOf reads the time of a line, in seconds or, as component-base has it, in milliseconds since 1970.
func momentOf(ts any) time.Time {
	const milliseconds = 1e11 // no line is of the year 5138
	seconds, ok := ts.(float64)
	if !ok || math.Abs(seconds) > 1e15 {
		return time.Time{}
	}
	if seconds > milliseconds {
		seconds /= 1000
	}
	return time.UnixMicro(int64(seconds * 1e6))
}

// journalEntry gives an entry of a journal as journalctl prints it; its message alone where it has no time.
func journalEntry(message string, fields map[string]any) string {
	text := func(key string) string { value, _ := fields[key].(string); return value }
	message = strings.ReplaceAll(message, "\n", " ")
	host, program := text("_HOSTNAME"), text("SYSLOG_IDENTIFIER")
	microseconds, err := strconv.ParseInt(text("__REALTIME_TIMESTAMP"), 10, 64)
	if host == "" || program == "" || err != nil {
		return message
	}
	return time.UnixMicro(microseconds).UTC().Format("2006-01-02T15:04:05Z ") + host + " " + program + ": " + message
}
