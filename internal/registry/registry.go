// Package registry asks image registries what they have, so that a cure names only images that exist.
//
// It promises to ask nothing but the registry that an image names, or the mirror configured for it; to open no
// connection to an address that is not public unless that was allowed; to use no credentials but those handed in; and
// that every question ends, within bounds of time, bytes and tags. What it can't find out it says as an error, and
// nothing is concluded from that.
package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// Bounds of one question.
const (
	questionTime = 20 * time.Second // for all requests of it together
	maxTags      = 10_000           // read of one repository; a list that is cut short is of use too
	maxNames     = 10_000           // read of one registry's catalogue
	maxLooked    = 8                // tags whose platforms are looked at
	maxNear      = 5                // repositories with a near name whose tags are read
	pageSize     = 1000             // names a request; what registries commonly allow
)

// How long answers are kept: long enough for a rollout's pods to share one, short enough to see a push.
const (
	keepAnswer = 5 * time.Minute
	keepError  = time.Minute
	maxAnswers = 1024
)

// Options bound what is asked. The zero value asks public registries only.
type Options struct {
	Network
	// UserAgent names who asks.
	UserAgent string
	// Clock tells how old answers are.
	Clock clock.PassiveClock
}

// Registry asks registries. It is safe for concurrent use.
type Registry struct {
	transport http.RoundTripper
	userAgent string
	insecure  []string
	// mirrored is set when a mirror stands in for Docker Hub, which may have the catalogue that Docker Hub has not.
	mirrored bool
	answers  *cache.LRUExpireCache
	asking   chan struct{} // one for each question under way
}

// questions is how many questions are asked at the same time.
const questions = 4

// New makes a Registry. It is an error when a mirror is not an address.
func New(options Options) (*Registry, error) {
	transport, err := options.Network.transport()
	if err != nil {
		return nil, err
	}
	return &Registry{
		transport: transport, userAgent: options.UserAgent, insecure: options.Insecure,
		mirrored: options.Mirrors["docker.io"] != "" || options.Mirrors[AnyHost] != "",
		answers:  cache.NewLRUExpireCacheWithClock(maxAnswers, options.Clock), asking: make(chan struct{}, questions),
	}, nil
}

// Tags asks which tags the repository of an image has. Exists is unset where the registry says that it has no such
// repository. It is an error when the registry does not answer, or says no: then nothing is known.
func (r *Registry) Tags(ctx context.Context, image string, keys authn.Keychain) (evidence.Repository, error) {
	return ask(ctx, r, "tags", image, keys, func(ctx context.Context, reference name.Reference, puller *remote.Puller) (evidence.Repository, error) {
		found := evidence.Repository{Name: remedy.ParseImage(image).Repository()}
		pages, err := puller.Lister(ctx, reference.Context())
		for err == nil && pages.HasNext() && len(found.Tags) < maxTags {
			var page *remote.Tags
			if page, err = pages.Next(ctx); err == nil {
				found.Tags = append(found.Tags, page.Tags...)
			}
		}
		switch {
		case missing(err):
			return evidence.Repository{Name: found.Name}, nil
		case err != nil && len(found.Tags) == 0:
			return evidence.Repository{}, err
		}
		found.Exists, found.Tags = true, found.Tags[:min(len(found.Tags), maxTags)]
		return found, nil
	})
}

// Platforms adds to a repository which platforms its tags were built for, beginning with the tags nearest to that of
// the image, until one has the platform that is wanted (as linux/arm64) or enough were looked at.
func (r *Registry) Platforms(ctx context.Context, image string, known evidence.Repository, wanted string, keys authn.Keychain) (evidence.Repository, error) {
	reference := remedy.ParseImage(image)
	reference.Digest = ""
	tag := reference.Tag
	if tag == "" {
		tag = "latest"
	}
	left := slices.Clone(known.Tags)
	known.Platforms = map[string][]string{}
	for range maxLooked {
		next := remedy.NearestTag(tag, left)
		if next == "" {
			break
		}
		left = slices.DeleteFunc(left, func(tag string) bool { return tag == next })
		reference.Tag = next
		platforms, err := r.platformsOf(ctx, reference.String(), keys)
		if err != nil {
			return known, err
		}
		known.Platforms[next] = platforms
		if slices.Contains(platforms, wanted) {
			break
		}
	}
	return known, nil
}

func (r *Registry) platformsOf(ctx context.Context, image string, keys authn.Keychain) ([]string, error) {
	return ask(ctx, r, "platforms", image, keys, func(ctx context.Context, reference name.Reference, puller *remote.Puller) ([]string, error) {
		found, err := puller.Get(ctx, reference)
		if err != nil {
			return nil, err
		}
		if !found.MediaType.IsIndex() {
			config, err := configOf(found)
			if err != nil {
				return nil, err
			}
			return []string{config.OS + "/" + config.Architecture}, nil
		}
		index, err := found.ImageIndex()
		if err != nil {
			return nil, err
		}
		manifest, err := index.IndexManifest()
		if err != nil {
			return nil, err
		}
		var platforms []string
		for _, entry := range manifest.Manifests {
			// Attestations stand in an index as images of an unknown platform.
			if entry.Platform != nil && entry.Platform.OS != "unknown" {
				platforms = append(platforms, entry.Platform.OS+"/"+entry.Platform.Architecture)
			}
		}
		return platforms, nil
	})
}

// Near asks for the repositories beside that of an image whose names are near its own, with their tags. Names are
// taken from those handed in (paths of repositories that are known to be used on the same registry), from the
// registry's catalogue where it has one, and from the official images of Docker Hub.
func (r *Registry) Near(ctx context.Context, image string, used []string, keys authn.Keychain) ([]evidence.Repository, error) {
	broken := remedy.ParseImage(image)
	names := append(officialBeside(broken), used...)
	if listed, err := r.catalogue(ctx, image, keys); err == nil { // few registries show theirs
		names = append(names, listed...)
	}
	var found []evidence.Repository
	var failed []error
	for _, path := range nearest(broken, names) {
		other := broken
		other.Path, other.Digest = path, ""
		repository, err := r.Tags(ctx, other.String(), keys)
		switch {
		case err != nil:
			failed = append(failed, err)
		case repository.Exists:
			found = append(found, repository)
		}
	}
	if len(failed) > 0 { // one that could not be asked may be the one that was meant
		return nil, errors.Join(failed...)
	}
	return found, nil
}

// nearest gives the paths beside that of an image with a near name, each once, as the image would write them.
func nearest(broken remedy.Image, paths []string) []string {
	namespace, own := split(strings.TrimPrefix(broken.Repository(), broken.Registry()+"/"))
	written, _ := split(broken.Path)
	var found []string
	for _, path := range paths {
		beside, last := split(path)
		if beside == namespace && remedy.NearName(own, last) && !slices.Contains(found, written+last) && len(found) < maxNear {
			found = append(found, written+last)
		}
	}
	return found
}

// split cuts the last part off a path.
func split(path string) (namespace, last string) {
	at := strings.LastIndexByte(path, '/') + 1
	return path[:at], path[at:]
}

// catalogue gives the paths of the repositories that an image's registry says it has.
func (r *Registry) catalogue(ctx context.Context, image string, keys authn.Keychain) ([]string, error) {
	return ask(ctx, r, "catalogue", image, keys, func(ctx context.Context, reference name.Reference, puller *remote.Puller) ([]string, error) {
		if reference.Context().RegistryStr() == name.DefaultRegistry && !r.mirrored {
			return nil, errors.New("Docker Hub has no catalogue") //nolint:staticcheck // a name
		}
		pages, err := puller.Catalogger(ctx, reference.Context().Registry)
		var found []string
		for err == nil && pages.HasNext() && len(found) < maxNames {
			var page *remote.Catalogs
			if page, err = pages.Next(ctx); err == nil {
				found = append(found, page.Repos...)
			}
		}
		if len(found) == 0 {
			return nil, err
		}
		// A mirror of several registries keeps what each has below the registry's name.
		for i, path := range found {
			found[i] = strings.TrimPrefix(path, remedy.ParseImage(image).Registry()+"/")
		}
		return found, nil
	})
}

// Entrypoint asks whether an image runs something by itself.
func (r *Registry) Entrypoint(ctx context.Context, image string, keys authn.Keychain) (evidence.Entrypoint, error) {
	return ask(ctx, r, "entrypoint", image, keys, func(ctx context.Context, reference name.Reference, puller *remote.Puller) (evidence.Entrypoint, error) {
		found, err := puller.Get(ctx, reference)
		if err != nil {
			return evidence.Entrypoint{}, err
		}
		config, err := configOf(found)
		if err != nil {
			return evidence.Entrypoint{}, err
		}
		return evidence.Entrypoint{Image: image, Runs: len(config.Config.Entrypoint)+len(config.Config.Cmd) > 0}, nil
	})
}

// configOf gives the configuration of an image; of an index that of its image for the most common platform, since
// what an image runs rarely differs between platforms.
func configOf(found *remote.Descriptor) (*v1.ConfigFile, error) {
	image, err := found.Image()
	if err != nil {
		return nil, err
	}
	return image.ConfigFile()
}

// answer is what is kept of a question.
type answer struct {
	value any
	err   error
}

// ask puts a question to the registry of an image, or finds the answer among those kept. Answers are shared only by
// who has the same credentials: a private repository's tags are not for everybody.
func ask[T any](ctx context.Context, r *Registry, question, image string, keys authn.Keychain, put func(context.Context, name.Reference, *remote.Puller) (T, error)) (T, error) {
	var none T
	reference, err := r.parse(image)
	if err != nil {
		return none, fmt.Errorf("image %s: %w", short(image), err)
	}
	if keys == nil {
		keys = authn.NewMultiKeychain()
	}
	credentials, err := keys.Resolve(reference.Context())
	if err != nil {
		return none, fmt.Errorf("credentials for %s: %w", reference.Context(), err)
	}
	key, err := cacheKey(question, reference, credentials)
	if err != nil {
		return none, fmt.Errorf("credentials for %s: %w", reference.Context(), err)
	}
	if kept, ok := r.answers.Get(key); ok {
		if known, ok := kept.(answer); ok {
			value, _ := known.value.(T)
			return value, known.err
		}
	}
	select {
	case r.asking <- struct{}{}:
		defer func() { <-r.asking }()
	case <-ctx.Done():
		return none, ctx.Err()
	}
	bounded, cancel := context.WithTimeout(ctx, questionTime)
	defer cancel()
	puller, err := remote.NewPuller(
		remote.WithAuth(credentials), remote.WithTransport(r.transport), remote.WithUserAgent(r.userAgent), remote.WithPageSize(pageSize),
		// Who asks comes again; a registry in trouble is not asked more often.
		remote.WithRetryPredicate(func(error) bool { return false }), remote.WithRetryStatusCodes(),
	)
	if err != nil {
		return none, fmt.Errorf("ask %s: %w", reference.Context().RegistryStr(), err)
	}
	value, err := put(bounded, reference, puller)
	if err != nil {
		err = fmt.Errorf("ask %s for the %s of %s: %w", reference.Context().RegistryStr(), question, short(image), err)
	}
	if ctx.Err() == nil { // who stopped asking learned nothing
		keep := keepAnswer
		if err != nil {
			keep = keepError
		}
		r.answers.Add(key, answer{value, err}, keep)
	}
	return value, err
}

// parse reads a reference as the kubelet does.
func (r *Registry) parse(image string) (name.Reference, error) {
	var options []name.Option
	if slices.Contains(r.insecure, remedy.ParseImage(image).Registry()) {
		options = append(options, name.Insecure)
	}
	return name.ParseReference(image, options...)
}

func cacheKey(question string, reference name.Reference, credentials authn.Authenticator) (string, error) {
	config, err := credentials.Authorization()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{
		config.Username, config.Password, config.Auth, config.IdentityToken, config.RegistryToken,
	}, "\x00")))
	about := reference.Name()
	switch question {
	case "tags":
		about = reference.Context().Name()
	case "catalogue":
		about = reference.Context().RegistryStr()
	}
	return question + " " + about + " " + hex.EncodeToString(sum[:]), nil
}

// missing reports whether a registry says that it has no such repository, as the distribution specification has it.
// Some, Docker Hub among them, refuse instead what they don't have: that is no answer.
func missing(err error) bool {
	var refused *transport.Error
	if !errors.As(err, &refused) || refused.StatusCode != http.StatusNotFound {
		return false
	}
	return slices.ContainsFunc(refused.Errors, func(said transport.Diagnostic) bool { return said.Code == transport.NameUnknownErrorCode })
}

// short cuts a reference for a message: it is text of strangers.
func short(image string) string {
	const most = 256
	if len(image) > most {
		return image[:most] + "…"
	}
	return image
}
