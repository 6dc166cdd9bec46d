package registry

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	images "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// served is a registry on this machine.
type served struct {
	host     string
	requests []string
	handler  http.Handler
}

// serve runs a registry with the images named; each runs something unless its tag says that it is bare.
func serve(t *testing.T, references ...string) *served {
	t.Helper()
	s := &served{handler: images.New(images.Logger(log.New(io.Discard, "", 0)))}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI())
		s.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	require.NoError(t, err)
	s.host = address.Host
	for _, reference := range references {
		s.push(t, reference, "amd64")
	}
	s.requests = nil
	return s
}

// push makes an image for each architecture, and an index where there are several.
func (s *served) push(t *testing.T, reference string, architectures ...string) {
	t.Helper()
	to, err := name.ParseReference(s.host+"/"+reference, name.Insecure)
	require.NoError(t, err)
	var index v1.ImageIndex = empty.Index
	for _, architecture := range architectures {
		config := &v1.ConfigFile{OS: "linux", Architecture: architecture, RootFS: v1.RootFS{Type: "layers"}}
		if !strings.HasSuffix(reference, "bare") {
			config.Config.Entrypoint = []string{"/app"}
		}
		image, err := mutate.ConfigFile(empty.Image, config)
		require.NoError(t, err)
		if len(architectures) == 1 {
			require.NoError(t, remote.Write(to, image))
			return
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}},
		})
	}
	require.NoError(t, remote.WriteIndex(to, index))
}

func newRegistry(t *testing.T, network Network) *Registry {
	t.Helper()
	made, err := New(Options{Network: network, UserAgent: "kube-remedy", Clock: clock.RealClock{}})
	require.NoError(t, err)
	return made
}

// local asks registries on this machine.
func local(t *testing.T, s *served) *Registry {
	t.Helper()
	return newRegistry(t, Network{Private: loopback, Insecure: []string{s.host}})
}

func TestTags(t *testing.T) {
	s := serve(t, "shop/web:1.4.2", "shop/web:1.4.3")
	asked := local(t, s)
	for _, test := range []struct {
		name, image string
		want        evidence.Repository
		err         string
	}{
		{"a repository that exists has its tags", s.host + "/shop/web:1.4.9", evidence.Repository{Name: s.host + "/shop/web", Exists: true, Tags: []string{"1.4.2", "1.4.3"}}, ""},
		{"one that does not is said not to", s.host + "/shop/wbe:1.4.3", evidence.Repository{Name: s.host + "/shop/wbe"}, ""},
		{"a reference that is none is an error", s.host + "/Shop/web:1", evidence.Repository{}, "could not parse reference"},
		{"a registry that does not answer is an error", "127.0.0.1:1/shop/web:1", evidence.Repository{}, "refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := asked.Tags(t.Context(), test.image, nil)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestPrivateAddressesAreNotAsked(t *testing.T) {
	s := serve(t, "shop/web:1")
	_, err := newRegistry(t, Network{Insecure: []string{s.host}}).Tags(t.Context(), s.host+"/shop/web:1", nil)
	require.ErrorIs(t, err, ErrPrivate)
	require.Empty(t, s.requests)

	t.Run("whatever name leads to them", func(t *testing.T) {
		_, port, _ := strings.Cut(s.host, ":")
		_, err := newRegistry(t, Network{}).Tags(t.Context(), "localhost:"+port+"/shop/web:1", nil)
		require.ErrorIs(t, err, ErrPrivate)
		require.Empty(t, s.requests)
	})
	t.Run("wherever a registry sends us for a token", func(t *testing.T) {
		secret := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { require.Fail(t, "it was asked") }))
		defer secret.Close()
		s.handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer realm=%q", strings.Replace(secret.URL, "127.0.0.1", "127.0.0.2", 1)))
			w.WriteHeader(http.StatusUnauthorized)
		})
		only := newRegistry(t, Network{Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Insecure: []string{s.host}})
		_, err := only.Tags(t.Context(), s.host+"/shop/web:1", nil)
		require.ErrorContains(t, err, "private")
	})
}

func TestPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"1.1.1.1": true, "2606:4700::1111": true,
		"10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "127.0.0.1": false, "169.254.169.254": false, "100.100.100.200": false,
		"0.0.0.0": false, "224.0.0.1": false, "255.255.255.255": false, "::1": false, "fd00:ec2::254": false, "fe80::1": false,
		"64:ff9b::a9fe:a9fe": false, "2002:7f00:1::": false,
	} {
		require.Equal(t, want, public(netip.MustParseAddr(address)), address)
	}
	require.ErrorIs(t, Network{}.check("tcp", "[::ffff:10.0.0.1]:443", nil), ErrPrivate, "IPv4 written as IPv6 is IPv4")
}

func TestPlatforms(t *testing.T) {
	s := serve(t, "shop/web:1.4.2")
	s.push(t, "shop/web:1.4.1", "amd64", "arm64")
	asked := local(t, s)
	known, err := asked.Tags(t.Context(), s.host+"/shop/web:1.4.3", nil)
	require.NoError(t, err)
	known, err = asked.Platforms(t.Context(), s.host+"/shop/web:1.4.3", known, "linux/arm64", nil)
	require.NoError(t, err)
	require.Equal(t, map[string][]string{"1.4.2": {"linux/amd64"}, "1.4.1": {"linux/amd64", "linux/arm64"}}, known.Platforms)
}

func TestNear(t *testing.T) {
	s := serve(t, "shop/web-frontend:2", "shop/web-backend:2", "other/web-frontnd:2")
	for _, test := range []struct {
		name, path string
		used       []string
		want       []string
	}{
		{"the registry's catalogue names it", "shop/web-fronted:2", nil, []string{"shop/web-frontend"}},
		{"nothing is near", "shop/payments:2", nil, nil},
		{"a name that is used but gone is not found", "shop/payments:2", []string{"shop/payment"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			found, err := local(t, s).Near(t.Context(), s.host+"/"+test.path, test.used, nil)
			require.NoError(t, err)
			var names []string
			for _, repository := range found {
				names = append(names, strings.TrimPrefix(repository.Name, s.host+"/"))
				require.Equal(t, []string{"2"}, repository.Tags)
			}
			require.Equal(t, test.want, names)
		})
	}
	t.Run("without a catalogue what is used names it", func(t *testing.T) {
		with := s.handler
		s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/_catalog") {
				http.Error(w, "", http.StatusForbidden)
				return
			}
			with.ServeHTTP(w, r)
		})
		found, err := local(t, s).Near(t.Context(), s.host+"/shop/web-fronted:2", []string{"shop/web-frontend"}, nil)
		require.NoError(t, err)
		require.Len(t, found, 1)
	})
}

func TestTheCatalogueOfAMirrorOfDockerHub(t *testing.T) {
	s := serve(t, "shop/haproxy:2.9", "shop/varnish:7")
	for host, want := range map[string]int{AnyHost: 1, "docker.io": 1, "quay.io": 0} {
		mirrored, err := New(Options{Network: Network{Mirrors: map[string]string{host: "http://" + s.host}}, Clock: clock.RealClock{}})
		require.NoError(t, err)
		if want == 0 {
			_, err := mirrored.catalogue(t.Context(), "shop/harpoxy:2.9", nil)
			require.ErrorContains(t, err, "Docker Hub has no catalogue")
			continue
		}
		found, err := mirrored.Near(t.Context(), "shop/harpoxy:2.9", nil, nil)
		require.NoError(t, err)
		require.Len(t, found, want)
		require.Equal(t, "docker.io/shop/haproxy", found[0].Name)
	}
	t.Run("of several registries", func(t *testing.T) {
		s := serve(t, "docker.io/shop/haproxy:2.9", "quay.io/shop/harproxy:2.9")
		with := s.handler
		s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if rest, ok := strings.CutPrefix(r.URL.Path, "/v2/"); ok && rest != "" && rest != "_catalog" {
				r.URL.Path = "/v2/" + r.URL.Query().Get("ns") + "/" + rest
			}
			with.ServeHTTP(w, r)
		})
		mirrored, err := New(Options{Network: Network{Mirrors: map[string]string{AnyHost: "http://" + s.host}}, Clock: clock.RealClock{}})
		require.NoError(t, err)
		found, err := mirrored.Near(t.Context(), "shop/harpoxy:2.9", nil, nil)
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, "docker.io/shop/haproxy", found[0].Name)
	})
}

func TestNearestOfficialImage(t *testing.T) {
	for _, test := range []struct {
		name string
		in   string
		want []string
	}{
		{"a short name of Docker Hub", "ngnix:1.27", []string{"nginx"}},
		{"with its namespace written", "docker.io/library/postgers:16", []string{"library/postgres"}},
		{"another namespace has other images", "docker.io/shop/ngnix:1", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			broken := remedy.ParseImage(test.in)
			require.Equal(t, test.want, nearest(broken, officialBeside(broken)))
		})
	}
}

func TestEntrypoint(t *testing.T) {
	s := serve(t, "shop/web:1", "shop/web:bare")
	for tag, runs := range map[string]bool{"1": true, "bare": false} {
		found, err := local(t, s).Entrypoint(t.Context(), s.host+"/shop/web:"+tag, nil)
		require.NoError(t, err)
		require.Equal(t, evidence.Entrypoint{Image: s.host + "/shop/web:" + tag, Runs: runs}, found)
	}
}

// as gives the same credentials for everything.
type as authn.AuthConfig

func (a as) Resolve(authn.Resource) (authn.Authenticator, error) {
	return authn.FromConfig(authn.AuthConfig(a)), nil
}

func TestAnswersAreKeptForThoseWithTheSameCredentials(t *testing.T) {
	s := serve(t, "shop/web:1")
	open := s.handler
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, _, _ := r.BasicAuth(); user != "ann" {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
			return
		}
		open.ServeHTTP(w, r)
	})
	now := testingclock.NewFakePassiveClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	asked, err := New(Options{Network: Network{Private: loopback, Insecure: []string{s.host}}, Clock: now})
	require.NoError(t, err)
	tags := func(keys authn.Keychain) error {
		_, err := asked.Tags(t.Context(), s.host+"/shop/web:1", keys)
		return err
	}
	require.NoError(t, tags(as{Username: "ann", Password: "secret"}))
	before := len(s.requests)
	require.NoError(t, tags(as{Username: "ann", Password: "secret"}))
	require.Len(t, s.requests, before, "the answer was kept")
	err = tags(nil)
	require.ErrorContains(t, err, "UNAUTHORIZED", "but not for everybody")
	require.NotContains(t, err.Error(), "secret")
	before = len(s.requests)
	now.SetTime(now.Now().Add(keepAnswer + time.Second))
	require.NoError(t, tags(as{Username: "ann", Password: "secret"}))
	require.Greater(t, len(s.requests), before, "and not for ever")
}

func TestMirrors(t *testing.T) {
	s := serve(t)
	var got []string
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.Query().Get("ns"))
		if _, _, has := r.BasicAuth(); has {
			got = append(got, "credentials")
		}
		if strings.HasSuffix(r.URL.Path, "/tags/list") {
			_, _ = io.WriteString(w, `{"name":"x","tags":["1"]}`)
		}
	})
	asked := newRegistry(t, Network{Mirrors: map[string]string{AnyHost: "http://" + s.host}})
	for image, host := range map[string]string{"nginx": "docker.io", "registry.example.com/shop/web:2": "registry.example.com"} {
		got = nil
		found, err := asked.Tags(t.Context(), image, as{Username: "ann", Password: "secret"})
		require.NoError(t, err)
		require.Equal(t, []string{"1"}, found.Tags)
		require.Contains(t, got, host)
		require.NotContains(t, got, "credentials")
	}
	_, err := New(Options{Network: Network{Mirrors: map[string]string{AnyHost: "mirror.example.com"}}, Clock: clock.RealClock{}})
	require.ErrorContains(t, err, "must be an address such as")
}

func TestHostileAnswersEnd(t *testing.T) {
	s := serve(t)
	asked := local(t, s)
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
	}{
		{"an answer without an end", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"tags":["`)
			for range 3 * maxBody / 1024 {
				_, _ = io.WriteString(w, strings.Repeat("x", 1024))
			}
		}},
		{"pages that lead to each other", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", `<`+r.URL.Path+`?last=x>; rel="next"`)
			_, _ = io.WriteString(w, `{"tags":["`+strings.Repeat(`a","`, 999)+`a"]}`)
		}},
		{"pages of another host", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", `<http://127.0.0.1:1/v2/x/tags/list>; rel="next"`)
			_, _ = io.WriteString(w, `{"tags":["1"]}`)
		}},
		{"no JSON", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v2/" {
					test.answer(w, r)
				}
			})
			found, _ := asked.Tags(t.Context(), s.host+"/"+strings.ReplaceAll(test.name, " ", "-")+":1", nil)
			require.LessOrEqual(t, len(found.Tags), maxTags)
		})
	}
	t.Run("who stops asking is not kept waiting", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := asked.Tags(ctx, s.host+"/shop/stopped:1", nil)
		require.ErrorIs(t, err, context.Canceled)
	})
}
