package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const day = 24 * time.Hour

var (
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	called = Names{DNS: []string{"kube-remedy-webhook.kube-remedy-system.svc"}, IP: []net.IP{net.ParseIP("127.0.0.1")}}
)

// issued is the data of a Secret that was issued at a time.
func issued(t *testing.T, names Names, at time.Time) map[string][]byte {
	t.Helper()
	data, why, err := renewed(nil, names, at)
	require.NoError(t, err)
	require.NotEmpty(t, why)
	return data
}

// requireVerifies wants the serving certificate to be trusted for every name at a time by who trusts bundle.
func requireVerifies(t *testing.T, data map[string][]byte, bundle []byte, names Names, at time.Time) {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(bundle))
	read, err := parse(data)
	require.NoError(t, err)
	hosts := append([]string{}, names.DNS...)
	for _, address := range names.IP {
		hosts = append(hosts, address.String())
	}
	require.NotEmpty(t, hosts)
	for _, host := range hosts {
		_, err := read.serving.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: at})
		require.NoError(t, err, host)
	}
}

// requireSettled wants data to stay as it is: replicas that read it have nothing to write.
func requireSettled(t *testing.T, data map[string][]byte, names Names, at time.Time) {
	t.Helper()
	again, why, err := renewed(data, names, at)
	require.NoError(t, err)
	require.Empty(t, why)
	require.Equal(t, data, again)
}

func TestFirstCertificateIsForTheNamesAndNothingElse(t *testing.T) {
	data, why, err := renewed(nil, called, noon)
	require.NoError(t, err)
	require.Equal(t, "the secret has no usable certificates: ca.crt: there is no certificate in it", why)
	require.Len(t, data, 4)
	for _, key := range []string{"ca.crt", "ca.key", "tls.crt", "tls.key"} {
		require.NotEmpty(t, data[key], key)
	}
	requireVerifies(t, data, data["ca.crt"], called, noon)
	requireVerifies(t, data, data["ca.crt"], called, noon.Add(-time.Minute)) // to a clock that runs behind
	requireSettled(t, data, called, noon)

	read, err := parse(data)
	require.NoError(t, err)
	leaf := read.serving.Leaf
	require.Equal(t, noon.Add(90*day), leaf.NotAfter)
	require.Equal(t, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, leaf.ExtKeyUsage)
	require.False(t, leaf.IsCA)
	require.Error(t, leaf.VerifyHostname("elsewhere.svc"))
	require.Error(t, leaf.VerifyHostname("127.0.0.2"))
	require.Len(t, read.ca, 1)
	require.Equal(t, noon.Add(3650*day), read.ca[0].NotAfter)
	require.True(t, read.ca[0].MaxPathLenZero, "it signs serving certificates, no other authorities")
	require.False(t, read.caKey.Equal(read.serving.PrivateKey), "the authority's key is its own")
}

func TestRenewed(t *testing.T) {
	const due, dueCA = "the serving certificate is due for renewal", "the certificate authority is due for renewal"
	more := Names{DNS: append([]string{"localhost"}, called.DNS...), IP: called.IP}
	for _, test := range []struct {
		name  string
		after time.Duration // since the first issue
		names Names
		why   string
		newCA bool
	}{
		{name: "a new certificate stays", names: called},
		{name: "a certificate stays for two thirds of its life", after: 59 * day, names: called},
		{name: "a certificate is renewed after two thirds of its life", after: 60 * day, names: called, why: due},
		{name: "an expired certificate is renewed", after: 91 * day, names: called, why: due},
		{name: "a certificate of a clock that ran ahead is renewed", after: -time.Hour, names: called, why: "the certificate authority is not valid yet", newCA: true},
		{name: "an authority stays for two thirds of its life", after: 2432 * day, names: called, why: due},
		{name: "an authority is renewed after two thirds of its life", after: 2434 * day, names: called, why: dueCA, newCA: true},
		{name: "an expired authority is renewed", after: 3651 * day, names: called, why: dueCA, newCA: true},
		{name: "another DNS name makes another certificate", names: more, why: "the serving certificate is for other names"},
		{name: "a DNS name less makes another certificate", names: Names{IP: called.IP}, why: "the serving certificate is for other names"},
		{name: "another IP address makes another certificate", names: Names{DNS: called.DNS, IP: []net.IP{net.ParseIP("::1")}}, why: "the serving certificate is for other names"},
		{name: "an IP address less makes another certificate", names: Names{DNS: called.DNS}, why: "the serving certificate is for other names"},
		{name: "the same IP address in another form is the same", names: Names{DNS: called.DNS, IP: []net.IP{net.IPv4(127, 0, 0, 1).To4()}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			had, now := issued(t, called, noon), noon.Add(test.after)
			data, why, err := renewed(had, test.names, now)
			require.NoError(t, err)
			require.Equal(t, test.why, why)
			if test.why == "" {
				require.Equal(t, had, data)
				return
			}
			require.NotEqual(t, had["tls.crt"], data["tls.crt"])
			require.NotEqual(t, had["tls.key"], data["tls.key"], "a key is as old as its certificate")
			require.Equal(t, test.newCA, string(had["ca.key"]) != string(data["ca.key"]))
			require.Equal(t, test.newCA, string(had["ca.crt"]) != string(data["ca.crt"]))
			requireVerifies(t, data, data["ca.crt"], test.names, now)
			requireSettled(t, data, test.names, now)
		})
	}
}

func TestAuthoritiesAreAddedWhileTheOldOnesAreValid(t *testing.T) {
	first := issued(t, called, noon)
	renewal := noon.Add(2434 * day)
	// The certificate that replicas go on serving until they have read the new one.
	old, _, err := renewed(first, called, renewal.Add(-2*day))
	require.NoError(t, err)
	second, _, err := renewed(old, called, renewal)
	require.NoError(t, err)
	bundle, err := parseCertificates(second["ca.crt"])
	require.NoError(t, err)
	require.Len(t, bundle, 2, "the old authority stays trusted")
	require.Equal(t, first["ca.crt"], encodeCertificates(bundle[1]), "the current one comes first")
	requireVerifies(t, old, second["ca.crt"], called, renewal)
	requireVerifies(t, second, second["ca.crt"], called, renewal)

	third, _, err := renewed(second, called, renewal.Add(2434*day))
	require.NoError(t, err)
	bundle, err = parseCertificates(third["ca.crt"])
	require.NoError(t, err)
	require.Len(t, bundle, 2, "the first authority is expired and dropped")
	require.NotContains(t, string(third["ca.crt"]), string(first["ca.crt"]))
	require.Equal(t, second["ca.crt"], append(encodeCertificates(bundle[1]), first["ca.crt"]...))
	requireVerifies(t, third, third["ca.crt"], called, renewal.Add(2434*day))
}

// rsaAuthority is a certificate authority with a key of a kind that is never issued here.
func rsaAuthority(t *testing.T) (certificate, key []byte) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rsa"}, NotBefore: noon, NotAfter: noon.Add(caLifetime),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// leafAsAuthority is a pair that fits together, but may not sign.
func leafAsAuthority(t *testing.T, template x509.Certificate) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.NotBefore, template.NotAfter = noon, noon.Add(caLifetime)
	signed, err := sign(&template, &template, private, private)
	require.NoError(t, err)
	key, err = encodeKey(private)
	require.NoError(t, err)
	return encodeCertificates(signed), key
}

func TestUnusableDataIsReplacedAsAWhole(t *testing.T) {
	other := issued(t, called, noon)
	rsaCertificate, rsaKey := rsaAuthority(t)
	leaf, leafKey := leafAsAuthority(t, x509.Certificate{KeyUsage: x509.KeyUsageCertSign})
	signer, signerKey := leafAsAuthority(t, x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature})
	half := func(text []byte) []byte { return text[:len(text)/2] }
	for _, test := range []struct {
		name  string
		spoil func(data map[string][]byte)
		why   string
	}{
		{"nothing in it", func(data map[string][]byte) { clear(data) }, "ca.crt: there is no certificate in it"},
		{"no authority", func(data map[string][]byte) { delete(data, "ca.crt") }, "ca.crt: there is no certificate in it"},
		{"no authority's key", func(data map[string][]byte) { delete(data, "ca.key") }, "ca.key: "},
		{"no certificate", func(data map[string][]byte) { delete(data, "tls.crt") }, "tls.crt: "},
		{"no key", func(data map[string][]byte) { delete(data, "tls.key") }, "tls.crt: "},
		{"an authority that is cut off", func(data map[string][]byte) { data["ca.crt"] = half(data["ca.crt"]) }, "ca.crt: it is not PEM"},
		{"an older authority that is cut off", func(data map[string][]byte) { data["ca.crt"] = append(data["ca.crt"], half(other["ca.crt"])...) }, "ca.crt: it is not PEM"},
		{"an authority that is only white space", func(data map[string][]byte) { data["ca.crt"] = []byte(" \n") }, "ca.crt: there is no certificate in it"},
		{"an authority that is something else", func(data map[string][]byte) { data["ca.crt"] = data["ca.key"] }, "ca.crt: "},
		{"an authority's key that is cut off", func(data map[string][]byte) { data["ca.key"] = half(data["ca.key"]) }, "ca.key: "},
		{"an authority's key that is of another", func(data map[string][]byte) { data["ca.key"] = other["ca.key"] }, "ca.key: "},
		{"an authority's key that is RSA", func(data map[string][]byte) { data["ca.crt"], data["ca.key"] = rsaCertificate, rsaKey }, "ca.key: it is not an ECDSA key"},
		{"an authority that is none", func(data map[string][]byte) { data["ca.crt"], data["ca.key"] = leaf, leafKey }, "ca.crt: it is not a certificate authority"},
		{"an authority that may not sign certificates", func(data map[string][]byte) { data["ca.crt"], data["ca.key"] = signer, signerKey }, "ca.crt: it is not a certificate authority"},
		{"a certificate that is cut off", func(data map[string][]byte) { data["tls.crt"] = half(data["tls.crt"]) }, "tls.crt: "},
		{"a certificate that is not PEM", func(data map[string][]byte) { data["tls.crt"] = []byte("certificate") }, "tls.crt: "},
		{"a certificate that is empty", func(data map[string][]byte) { data["tls.crt"] = nil }, "tls.crt: "},
		{"a key that is cut off", func(data map[string][]byte) { data["tls.key"] = half(data["tls.key"]) }, "tls.crt: "},
		{"a key that is of another certificate", func(data map[string][]byte) { data["tls.key"] = other["tls.key"] }, "tls.crt: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			had := issued(t, called, noon)
			spoiled := map[string][]byte{}
			for key, text := range had {
				spoiled[key] = append([]byte{}, text...)
			}
			test.spoil(spoiled)
			data, why, err := renewed(spoiled, called, noon)
			require.NoError(t, err)
			require.Contains(t, why, "the secret has no usable certificates: "+test.why)
			for key := range had {
				require.NotEqual(t, had[key], data[key], key)
			}
			bundle, err := parseCertificates(data["ca.crt"])
			require.NoError(t, err)
			require.Len(t, bundle, 1)
			requireVerifies(t, data, data["ca.crt"], called, noon)
			requireSettled(t, data, called, noon)
		})
	}
}

func TestCertificateOfAnotherAuthorityIsIssuedAgain(t *testing.T) {
	had, other := issued(t, called, noon), issued(t, called, noon)
	had["tls.crt"], had["tls.key"] = other["tls.crt"], other["tls.key"]
	data, why, err := renewed(had, called, noon)
	require.NoError(t, err)
	require.Equal(t, "the serving certificate is of another certificate authority", why)
	require.Equal(t, had["ca.crt"], data["ca.crt"])
	requireVerifies(t, data, data["ca.crt"], called, noon)
	requireSettled(t, data, called, noon)
}

func TestCertificateThatIsNotValidYetIsIssuedAgainByTheSameAuthority(t *testing.T) {
	first := issued(t, called, noon)
	ahead, _, err := renewed(first, called, noon.Add(60*day))
	require.NoError(t, err)
	data, why, err := renewed(ahead, called, noon.Add(day))
	require.NoError(t, err)
	require.Equal(t, "the serving certificate is not valid yet", why)
	require.Equal(t, first["ca.crt"], data["ca.crt"])
	requireVerifies(t, data, data["ca.crt"], called, noon.Add(day))
}

func TestNamesThatCanNotBeWrittenIntoACertificateAreAnError(t *testing.T) {
	_, _, err := renewed(nil, Names{DNS: []string{"größe.svc"}}, noon)
	require.ErrorContains(t, err, "issue a certificate: ")
}
