package text

import (
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// probe reads "http-get http://:8080/healthz delay=10s timeout=1s period=10s #success=1 #failure=3" and the other
// kinds of probes; nil when there is none.
func probe(text string) *corev1.Probe {
	at := strings.LastIndex(text, " delay=")
	if at < 0 {
		return nil
	}
	p := &corev1.Probe{}
	for _, attribute := range strings.Fields(text[at:]) {
		key, value, _ := strings.Cut(attribute, "=")
		number := intOf[int32](strings.TrimSuffix(value, "s"))
		if number == nil {
			continue
		}
		switch strings.TrimPrefix(key, "#") {
		case "delay":
			p.InitialDelaySeconds = *number
		case "timeout":
			p.TimeoutSeconds = *number
		case "period":
			p.PeriodSeconds = *number
		case "success", "successThreshold":
			p.SuccessThreshold = *number
		case "failure", "failureThreshold":
			p.FailureThreshold = *number
		}
	}
	kind, target := word(text[:at])
	switch kind {
	case "http-get":
		p.HTTPGet = httpGet(target)
	case "tcp-socket":
		host, port := hostPort(target)
		p.TCPSocket = &corev1.TCPSocketAction{Host: host, Port: port}
	case "exec":
		p.Exec = &corev1.ExecAction{Command: execCommand(target)}
	case "grpc":
		p.GRPC = grpc(target)
	}
	return p
}

// httpGet reads "http://host:port/path". A named port makes it no URL that a library would take.
func httpGet(target string) *corev1.HTTPGetAction {
	scheme, rest, _ := strings.Cut(target, "://")
	address, where := rest, ""
	if at := strings.IndexByte(rest, '/'); at >= 0 {
		address, where = rest[:at], rest[at:]
	}
	if plain, err := url.PathUnescape(where); err == nil {
		where = plain
	}
	host, port := hostPort(address)
	return &corev1.HTTPGetAction{Scheme: corev1.URIScheme(strings.ToUpper(scheme)), Host: host, Port: port, Path: where}
}

// hostPort reads "host:port"; the port is a number or a name.
func hostPort(text string) (host string, port intstr.IntOrString) {
	at := strings.LastIndexByte(text, ':')
	if at < 0 {
		return text, intstr.IntOrString{}
	}
	return strings.Trim(text[:at], "[]"), portOf(text[at+1:])
}

func portOf(text string) intstr.IntOrString {
	if number := intOf[int32](text); number != nil {
		return intstr.FromInt32(*number)
	}
	return intstr.FromString(text)
}

// execCommand reads "[sh -c …]". Words are what spaces separate, but what follows the -c of a shell is one.
func execCommand(target string) []string {
	target = strings.TrimSuffix(strings.TrimPrefix(target, "["), "]")
	words := strings.Split(target, " ")
	for i := 1; i < min(len(words)-1, 4) && isShell(words[0]); i++ {
		if isScriptFlag(words[i]) {
			return append(words[:i+1:i+1], strings.Join(words[i+1:], " "))
		}
	}
	return words
}

// grpc reads "<pod>:9000 service".
func grpc(target string) *corev1.GRPCAction {
	address, service := word(target)
	_, port := hostPort(address)
	return &corev1.GRPCAction{Port: port.IntVal, Service: &service}
}
