package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
)

// Bounds of one request.
const (
	dialTime    = 5 * time.Second
	requestTime = 10 * time.Second
	maxBody     = 8 << 20 // bytes; manifests are at most 4 MiB, pages of tags far smaller
)

// Network says which addresses may be reached. The zero value reaches public ones only.
type Network struct {
	// Private are networks that are not public and may be reached all the same, as that of a registry of one's own.
	Private []netip.Prefix
	// Mirrors says which address is asked in place of a registry, by the registry's host; AnyHost stands for all
	// others. The registry that is meant goes along as the query parameter ns, as containerd sends it
	// (github.com/containerd/containerd/blob/main/docs/hosts.md). Mirrors may have any address.
	Mirrors map[string]string
	// Insecure are hosts of registries that speak plain HTTP.
	Insecure []string
}

// AnyHost is the host of the mirror for registries that have none of their own, as in containerd's configuration.
const AnyHost = "_default"

// ErrPrivate is the reason why an address is not reached.
var ErrPrivate = errors.New("the address is not public, and private registries are asked only where they are configured")

func (n Network) transport() (http.RoundTripper, error) {
	mirrors := map[string]*url.URL{}
	for host, address := range n.Mirrors {
		mirror, err := url.Parse(address)
		if err != nil || mirror.Host == "" || mirror.Scheme != "http" && mirror.Scheme != "https" {
			return nil, fmt.Errorf("mirror %s for %s: it must be an address such as https://mirror.example.com", address, host)
		}
		mirrors[host] = mirror
	}
	direct := bounded{n.client(n.check)}
	if len(mirrors) == 0 {
		return direct, nil
	}
	return mirrored{mirrors: mirrors, direct: direct, mirror: bounded{n.client(nil)}}, nil
}

// client makes connections whose addresses are checked after names were resolved, so that no name can lead
// elsewhere than it says. Proxies are not used: they would resolve names out of sight.
func (n Network) client(check func(network, address string, _ syscall.RawConn) error) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTime, Control: check}
	return &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTime, ResponseHeaderTimeout: requestTime,
		MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 64 << 10,
	}
}

// check refuses addresses that are not public. The cloud's metadata service, the API server and the nodes all have
// such addresses, and image references are written by whoever may create a pod.
func (n Network) check(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %s: %w", address, err)
	}
	at := to.Addr().Unmap()
	if public(at) || slices.ContainsFunc(n.Private, func(network netip.Prefix) bool { return network.Contains(at) }) {
		return nil
	}
	return fmt.Errorf("%s: %w", at, ErrPrivate)
}

// special are networks that are not public and that package netip does not name as private
// (IANA IPv4 and IPv6 Special-Purpose Address Registries).
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("100.64.0.0/10"),   // shared by carriers, and by clouds for their own services
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved
	netip.MustParsePrefix("64:ff9b::/96"),    // IPv4 behind a translator
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),  // discarded
	netip.MustParsePrefix("2001::/23"), // protocol assignments, tunnels among them
	netip.MustParsePrefix("2002::/16"), // IPv4 in a tunnel
	netip.MustParsePrefix("fec0::/10"), // site-local, of old
}

func public(at netip.Addr) bool {
	return at.IsGlobalUnicast() && !at.IsPrivate() &&
		!slices.ContainsFunc(special, func(network netip.Prefix) bool { return network.Contains(at) })
}

// bounded ends answers that are too long and requests that take too long.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(request.Context(), requestTime)
	response, err := b.next.RoundTrip(request.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	response.Body = &boundedBody{ReadCloser: response.Body, left: maxBody, cancel: cancel}
	return response, nil
}

type boundedBody struct {
	io.ReadCloser
	left   int64
	cancel context.CancelFunc
}

func (b *boundedBody) Read(into []byte) (int, error) {
	read, err := b.ReadCloser.Read(into)
	if b.left -= int64(read); b.left < 0 {
		return 0, fmt.Errorf("the answer is longer than %d bytes", maxBody)
	}
	return read, err
}

func (b *boundedBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// mirrored sends requests for a registry to its mirror.
type mirrored struct {
	mirrors        map[string]*url.URL
	direct, mirror http.RoundTripper
}

func (m mirrored) RoundTrip(request *http.Request) (*http.Response, error) {
	host := request.URL.Host
	if host == name.DefaultRegistry {
		host = "docker.io"
	}
	mirror, ok := m.mirrors[host]
	if !ok {
		mirror, ok = m.mirrors[AnyHost]
	}
	if !ok {
		return m.direct.RoundTrip(request)
	}
	request = request.Clone(request.Context())
	query := request.URL.Query()
	query.Set("ns", host)
	request.URL.Scheme, request.URL.Host, request.Host, request.URL.RawQuery = mirror.Scheme, mirror.Host, mirror.Host, query.Encode()
	// Credentials are for the registry that they name, not for whoever mirrors it.
	request.Header.Del("Authorization")
	return m.mirror.RoundTrip(request)
}
