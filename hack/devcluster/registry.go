package devcluster

import (
	"net/http"
	"path/filepath"
	"time"
)

func registry(l layout, p programs) component {
	return component{
		name: "registry", path: filepath.Join(p.own, "registry"),
		args:  []string{"-address", l.registryAddress(), "-dir", l.path("registry")},
		ports: []listener{{l.hostIP, l.port(portRegistry)}},
		ready: answers(&http.Client{Timeout: 2 * time.Second}, "http://"+l.registryAddress()+"/v2/"),
	}
}
