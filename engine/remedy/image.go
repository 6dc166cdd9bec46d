package remedy

import (
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// Image is a reference to an image, taken apart as it is written.
type Image struct {
	// Host is the registry as it is written, empty where it is left to the default.
	Host string
	// Path is the repository without the host, for example shop/web.
	Path string
	// Tag and Digest are empty where there is none.
	Tag, Digest string
}

// ParseImage takes a reference apart. The first part is a host if it could not be a path: it has a dot, a colon or a
// capital letter, or is localhost (github.com/distribution/reference, splitDockerDomain).
func ParseImage(reference string) Image {
	var image Image
	rest := reference
	if at := strings.IndexByte(rest, '@'); at >= 0 {
		rest, image.Digest = rest[:at], rest[at+1:]
	}
	if first, path, found := strings.Cut(rest, "/"); found && (strings.ContainsAny(first, ".:") || first == "localhost" || strings.ToLower(first) != first) {
		image.Host, rest = first, path
	}
	if at := strings.LastIndexByte(rest, ':'); at >= 0 {
		rest, image.Tag = rest[:at], rest[at+1:]
	}
	image.Path = rest
	return image
}

// String writes the reference.
func (i Image) String() string {
	text := i.Path
	if i.Host != "" {
		text = i.Host + "/" + text
	}
	if i.Tag != "" {
		text += ":" + i.Tag
	}
	if i.Digest != "" {
		text += "@" + i.Digest
	}
	return text
}

// Registry is the host, with the default filled in.
func (i Image) Registry() string {
	switch i.Host {
	case "", "index.docker.io", "registry-1.docker.io":
		return "docker.io"
	default:
		return i.Host
	}
}

// Repository is host and path with the defaults filled in, as docker.io/library/nginx for nginx: the name under
// which registries are asked.
func (i Image) Repository() string {
	host := i.Registry()
	if host == "docker.io" && !strings.Contains(i.Path, "/") {
		return host + "/library/" + i.Path
	}
	return host + "/" + i.Path
}

// fixImage replaces exactly the broken reference of one container.
func (e *edit) fixImage(action *v1alpha1.FixImage) *obstacle {
	if ParseImage(action.Image).Registry() != ParseImage(action.Replacement).Registry() {
		return hinders(Denied, "%s and %s are of different registries", cut(action.Image), cut(action.Replacement))
	}
	container, hindered := e.container(action.Container)
	if hindered != nil {
		return hindered
	}
	governs := container.pointer("image")
	switch container.fields["image"] {
	case action.Image:
		e.modified(container.words+".image", container.name, action.Image, action.Replacement)
		e.settle(Changes, governs)
		return e.set(container.at("image"), action.Replacement)
	case action.Replacement:
		e.settle(InEffect, governs)
	default:
		e.settle(Exceeded)
	}
	return nil
}
