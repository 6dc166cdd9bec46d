package registry

import (
	_ "embed"
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// official are the names of Docker Hub's official images, which it lists only in another place than the registry
// (https://hub.docker.com/u/library). A name that is missing here is never a candidate, one that is gone is found to
// be so when its tags are asked for.
//
//go:embed official.txt
var official string

// officialBeside gives the paths of the official images for an image that names one of them, or tries to.
func officialBeside(broken remedy.Image) []string {
	if !strings.HasPrefix(broken.Repository(), "docker.io/library/") {
		return nil
	}
	var paths []string
	for name := range strings.FieldsSeq(official) {
		paths = append(paths, "library/"+name)
	}
	return paths
}
