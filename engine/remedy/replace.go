package remedy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// Fault is what is wrong with an image.
type Fault int

const (
	// FaultUnknown is an image that fails while only one that ran before is known to be better.
	FaultUnknown Fault = iota
	// FaultTag is a tag or digest that the registry does not have.
	FaultTag
	// FaultRepository is a repository that the registry does not have, or does not show.
	FaultRepository
	// FaultPlatform is an image that was not built for the platform of the nodes.
	FaultPlatform
)

// ReplaceImage chooses another image of the same registry for a container, out of what is known to exist: the last
// one that this workload ran, a tag of the same repository that exists, the only repository with a near name in the
// same namespace of the registry that has the tag, or a tag with the platform. It tries none of those given. The
// error says why there is none.
func ReplaceImage(container, image string, fault Fault, observed *evidence.Evidence, platform string, tried []string) (*v1alpha1.FixImage, error) {
	broken := ParseImage(image)
	replace := func(with string, source v1alpha1.ImageSource) (*v1alpha1.FixImage, error) {
		return &v1alpha1.FixImage{Container: container, Image: image, Replacement: with, Source: source}, nil
	}
	allowed := func(with string) bool { return with != "" && with != image && !slices.Contains(tried, with) }
	if ran := lastThatRan(container, broken, observed, allowed); ran != "" {
		return replace(ran, v1alpha1.ImageRan)
	}
	repository := repositoryNamed(observed, broken.Repository())
	if fault == FaultTag && repository != nil && !repository.Exists {
		fault = FaultRepository // a runtime reports both in the same words
	}
	with := broken
	with.Digest = ""
	switch {
	case fault == FaultUnknown:
		return nil, fmt.Errorf("no other image of container %s is known to have run", container)
	case fault == FaultRepository && (repository == nil || !repository.Exists):
		near, err := nearRepository(broken, observed)
		if err != nil {
			return nil, err
		}
		if with.Path = near; allowed(with.String()) {
			return replace(with.String(), v1alpha1.ImageRepository)
		}
		return nil, fmt.Errorf("%s was tried before", with.String())
	case repository == nil || len(repository.Tags) == 0:
		return nil, fmt.Errorf("it is not known which tags %s has", broken.Repository())
	case broken.Digest != "":
		return nil, fmt.Errorf("an image that is chosen by its digest is not replaced by a tag")
	}
	source, tags := v1alpha1.ImageTag, slices.Clone(repository.Tags)
	if fault == FaultPlatform {
		source = v1alpha1.ImagePlatform
		if platform == "" {
			return nil, fmt.Errorf("the platform of the nodes is not known")
		}
		tags = slices.DeleteFunc(tags, func(tag string) bool { return !slices.Contains(repository.Platforms[tag], platform) })
	}
	tags = slices.DeleteFunc(tags, func(tag string) bool {
		with.Tag = tag
		return !allowed(with.String()) || !validTag(tag)
	})
	missing := broken.Tag
	if missing == "" {
		missing = "latest"
	}
	with.Tag = NearestTag(missing, tags)
	if with.Tag == "" {
		return nil, fmt.Errorf("%s has no tag near %s", broken.Repository(), missing)
	}
	return replace(with.String(), source)
}

// validTag reports whether a registry's answer is a tag at all (github.com/distribution/reference, TagRegexp).
func validTag(tag string) bool {
	if tag == "" || len(tag) > 128 || tag[0] == '.' || tag[0] == '-' {
		return false
	}
	return strings.Trim(tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == ""
}

// lastThatRan gives the newest image of an earlier revision that ran in the container, on the same registry. One that
// the registry is known to have no more is passed over.
func lastThatRan(container string, broken Image, observed *evidence.Evidence, allowed func(string) bool) string {
	for _, earlier := range observed.Images {
		ran := ParseImage(earlier.Image)
		same := earlier.Container == container || earlier.Container == "" && ran.Repository() == broken.Repository()
		if !earlier.Ran || !same || ran.Registry() != broken.Registry() || !allowed(earlier.Image) {
			continue
		}
		if known := repositoryNamed(observed, ran.Repository()); known != nil && ran.Tag != "" && ran.Digest == "" &&
			(!known.Exists || len(known.Tags) > 0 && !slices.Contains(known.Tags, ran.Tag)) {
			continue
		}
		return earlier.Image
	}
	return ""
}

func repositoryNamed(observed *evidence.Evidence, name string) *evidence.Repository {
	for i := range observed.Repositories {
		if observed.Repositories[i].Name == name {
			return &observed.Repositories[i]
		}
	}
	return nil
}

// nearRepository gives the path of the only repository with a near name beside the broken one that has its tag.
func nearRepository(broken Image, observed *evidence.Evidence) (string, error) {
	namespace, name := "", broken.Repository()
	if at := strings.LastIndexByte(name, '/'); at >= 0 {
		namespace, name = name[:at+1], name[at+1:]
	}
	tag := broken.Tag
	if tag == "" {
		tag = "latest"
	}
	var names []string
	for _, known := range observed.Repositories {
		last, beside := strings.CutPrefix(known.Name, namespace)
		if beside && known.Exists && last != "" && !strings.Contains(last, "/") && slices.Contains(known.Tags, tag) {
			names = append(names, last)
		}
	}
	found, ok := onlyNear(name, names)
	if !ok {
		return "", fmt.Errorf("no one repository beside %s has a name near it and the tag %s", broken.Repository(), tag)
	}
	path := broken.Path
	if at := strings.LastIndexByte(path, '/'); at >= 0 {
		return path[:at+1] + found, nil
	}
	return found, nil
}
