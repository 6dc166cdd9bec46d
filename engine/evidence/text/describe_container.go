package text

import (
	"path"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// containers reads the specifications of a list of containers.
func containers(from *section) []corev1.Container {
	var all []corev1.Container
	for _, c := range from.below {
		if c.key != "" && c.val == "" {
			all = append(all, container(c))
		}
	}
	return all
}

func container(from *section) corev1.Container {
	c := corev1.Container{
		Name: strings.TrimPrefix(from.key, unnamed), Image: from.value("Image"),
		Ports: ports(from),
		Resources: corev1.ResourceRequirements{
			Limits: quantities(from.find("Limits")), Requests: quantities(from.find("Requests")),
		},
		LivenessProbe: probe(from.value("Liveness")), ReadinessProbe: probe(from.value("Readiness")), StartupProbe: probe(from.value("Startup")),
	}
	c.Command, c.Args = commandLine(from)
	if profile := from.value("SeccompProfile"); profile != "" {
		c.SecurityContext = &corev1.SecurityContext{SeccompProfile: seccomp(profile, from.find("SeccompProfile").value("LocalhostProfile"))}
	}
	for _, variable := range from.find("Environment").below {
		if env, ok := environment(variable); ok {
			c.Env = append(c.Env, env)
		}
	}
	for _, source := range from.find("Environment Variables from").below {
		if env, ok := environmentFrom(source.text); ok {
			c.EnvFrom = append(c.EnvFrom, env)
		}
	}
	for _, mount := range from.find("Mounts").below {
		if m, ok := volumeMount(mount.text); ok {
			c.VolumeMounts = append(c.VolumeMounts, m)
		}
	}
	for _, device := range from.find("Devices").below {
		if where, name, ok := strings.Cut(device.text, " from "); ok {
			c.VolumeDevices = append(c.VolumeDevices, corev1.VolumeDevice{Name: name, DevicePath: where})
		}
	}
	return c
}

// commandLine reads the command and its arguments. kubectl prints one a line, and one that has several lines on as
// many; what follows the -c of a shell is one.
func commandLine(from *section) (command, args []string) {
	command, args = from.find("Command").lines(), from.find("Args").lines()
	command = joinScript(command)
	if n := len(command); n > 1 && isShell(command[0]) && isScriptFlag(command[n-1]) {
		return command, joinAll(args)
	}
	return command, joinScript(args)
}

func joinAll(lines []string) []string {
	if len(lines) < 2 {
		return lines
	}
	return []string{strings.Join(lines, "\n")}
}

func joinScript(words []string) []string {
	if len(words) > 3 && isShell(words[0]) {
		for i := 1; i < min(len(words)-2, 4); i++ {
			if isScriptFlag(words[i]) {
				return append(words[:i+1:i+1], strings.Join(words[i+1:], "\n"))
			}
		}
	}
	return words
}

func isShell(program string) bool {
	switch path.Base(program) {
	case "sh", "bash", "ash", "dash", "zsh", "busybox":
		return true
	default:
		return false
	}
}

// isScriptFlag recognises -c, and -c together with other flags.
func isScriptFlag(flag string) bool {
	return len(flag) > 1 && len(flag) < 8 && flag[0] == '-' && flag[1] != '-' && strings.HasSuffix(flag, "c")
}

// ports reads "8080/TCP (http), 9090/TCP"; the host's ports stand on a line of their own.
func ports(from *section) []corev1.ContainerPort {
	inside := portList(from, "Port", "Ports")
	outside := portList(from, "Host Port", "Host Ports")
	var all []corev1.ContainerPort
	for i, text := range inside {
		port, ok := containerPort(text)
		if !ok {
			continue
		}
		if i < len(outside) {
			if host, ok := containerPort(outside[i]); ok {
				port.HostPort = host.ContainerPort
			}
		}
		all = append(all, port)
	}
	return all
}

func portList(from *section, one, several string) []string {
	text := from.value(one)
	if text == "" {
		text = from.value(several)
	}
	if text == "" {
		return nil
	}
	return strings.Split(text, ", ")
}

func containerPort(text string) (corev1.ContainerPort, bool) {
	spec, name := word(text)
	number, protocol, _ := strings.Cut(spec, "/")
	port := intOf[int32](number)
	if port == nil {
		return corev1.ContainerPort{}, false
	}
	return corev1.ContainerPort{ContainerPort: *port, Protocol: corev1.Protocol(protocol), Name: strings.Trim(name, "()")}, true
}

// quantities reads amounts of resources; a quantity that can't be parsed is left out.
func quantities(from *section) corev1.ResourceList {
	var all corev1.ResourceList
	for _, line := range from.below {
		quantity, ok := parseQuantity(line.val)
		if line.key == "" || !ok {
			continue
		}
		if all == nil {
			all = corev1.ResourceList{}
		}
		all[corev1.ResourceName(line.key)] = quantity
	}
	return all
}

// environment reads one variable: a value, which may go on below, or where it comes from.
func environment(from *section) (corev1.EnvVar, bool) {
	if from.key == "" {
		return corev1.EnvVar{}, false
	}
	env := corev1.EnvVar{Name: from.key, Value: from.val}
	if source := environmentSource(from.val); source != nil {
		env.Value, env.ValueFrom = "", source
		return env, true
	}
	if more := from.lines(); len(more) > 0 {
		env.Value = strings.Join(append([]string{from.val}, more...), "\n")
	}
	return env, true
}

// environmentSource recognises "<set to the key 'k' in secret 's'>  Optional: false", "<set to the key 'k' of
// config map 'c'>", "value (v1:metadata.name)" and "value (limits.memory)".
func environmentSource(text string) *corev1.EnvVarSource {
	if rest, ok := strings.CutPrefix(text, "<set to the key '"); ok {
		key, rest, _ := strings.Cut(rest, "' ")
		before, rest, _ := strings.Cut(rest, " '")
		name, rest, _ := strings.Cut(rest, "'>")
		reference := corev1.LocalObjectReference{Name: name}
		if strings.HasSuffix(before, "secret") {
			return &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: reference, Key: key, Optional: optional(rest)}}
		}
		return &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: reference, Key: key, Optional: optional(rest)}}
	}
	at := strings.LastIndexByte(text, '(')
	if at < 0 || !strings.HasSuffix(text, ")") || at > 0 && text[at-1] != ' ' {
		return nil
	}
	inside := text[at+1 : len(text)-1]
	if field, ok := strings.CutPrefix(inside, "v1:"); ok && (strings.HasPrefix(field, "metadata.") || strings.HasPrefix(field, "spec.") || strings.HasPrefix(field, "status.")) {
		return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: field}}
	}
	if strings.HasPrefix(inside, "limits.") || strings.HasPrefix(inside, "requests.") {
		return &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: inside}}
	}
	return nil
}

// optional reads "Optional: true"; kubectl prints false also for what isn't set, so false stays unset.
func optional(text string) *bool {
	if strings.Contains(text, "Optional: true") {
		return new(true)
	}
	return nil
}

// environmentFrom reads "name  ConfigMap with prefix 'P_'  Optional: false".
func environmentFrom(text string) (corev1.EnvFromSource, bool) {
	var source corev1.EnvFromSource
	name, rest := word(text)
	reference := corev1.LocalObjectReference{Name: name}
	switch kind, _ := word(rest); kind {
	case "ConfigMap":
		source.ConfigMapRef = &corev1.ConfigMapEnvSource{LocalObjectReference: reference, Optional: optional(rest)}
	case "Secret":
		source.SecretRef = &corev1.SecretEnvSource{LocalObjectReference: reference, Optional: optional(rest)}
	default:
		return source, false
	}
	if _, prefix, ok := strings.Cut(rest, "with prefix '"); ok {
		source.Prefix, _, _ = strings.Cut(prefix, "'")
	}
	return source, true
}

// volumeMount reads `/path from volume (ro,path="sub")`.
func volumeMount(text string) (corev1.VolumeMount, bool) {
	where, rest, ok := strings.Cut(text, " from ")
	if !ok {
		return corev1.VolumeMount{}, false
	}
	name, flags := word(rest)
	mount := corev1.VolumeMount{Name: name, MountPath: where, ReadOnly: strings.HasPrefix(flags, "(ro")}
	if _, sub, ok := strings.Cut(flags, "path="); ok {
		mount.SubPath, _ = strconv.Unquote(strings.TrimSuffix(sub, ")"))
	}
	return mount, true
}
