package devcluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"slices"
	"time"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 365 * 24 * time.Hour
	// renewBefore is how long before its end a certificate is replaced at the next start.
	renewBefore = 30 * 24 * time.Hour
)

// authority signs certificates: the cluster's own, and the one for the aggregation layer.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// leaf is a certificate to be issued: for a server when it has addresses, for a client in any case.
type leaf struct {
	name   string // its files are name.crt and name.key
	user   string // common name: the user the API server sees
	groups []string
	ips    []string
	hosts  []string
}

// leaves are the certificates that the cluster's own authority signs.
func leaves(l layout) []leaf {
	return []leaf{
		{
			name: "apiserver", user: "kube-apiserver", ips: []string{l.hostIP, "127.0.0.1", apiServiceIP},
			hosts: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
		},
		{name: "apiserver-kubelet-client", user: "kube-apiserver-kubelet-client", groups: []string{"system:masters"}},
		{name: "admin", user: "kubernetes-admin", groups: []string{"system:masters"}},
		{name: "controller-manager", user: "system:kube-controller-manager", ips: []string{"127.0.0.1"}},
		{name: "scheduler", user: "system:kube-scheduler", ips: []string{"127.0.0.1"}},
		{name: "proxy", user: "system:kube-proxy"},
		{name: "kubelet", user: "system:node:" + nodeName, groups: []string{"system:nodes"}, ips: []string{l.hostIP}, hosts: []string{nodeName}},
		{name: "metrics-server", user: "system:metrics-server", ips: []string{l.hostIP}},
		{name: "kwok", user: "system:kwok", groups: []string{"system:masters"}},
	}
}

// makeCertificates writes every certificate and key of the cluster that is missing or about to end.
func makeCertificates(l layout, now time.Time) error {
	cluster, err := loadOrMakeAuthority(l, "ca", "kube-remedy-devcluster", now)
	if err != nil {
		return err
	}
	for _, one := range leaves(l) {
		if err := cluster.ensure(l, one, now); err != nil {
			return err
		}
	}
	front, err := loadOrMakeAuthority(l, "front-proxy-ca", "kube-remedy-devcluster-front-proxy", now)
	if err != nil {
		return err
	}
	if err := front.ensure(l, leaf{name: "front-proxy-client", user: "front-proxy-client"}, now); err != nil {
		return err
	}
	return makeTokenKey(l)
}

func loadOrMakeAuthority(l layout, name, commonName string, now time.Time) (authority, error) {
	if cert, key, err := readPair(l, name); err == nil && now.Before(cert.NotAfter.Add(-leafLife)) {
		return authority{cert, key}, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, fmt.Errorf("making the key of %s: %w", name, err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: commonName}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	cert, err := sign(template, authority{template, key}, key.Public(), now, authorityLife)
	if err != nil {
		return authority{}, fmt.Errorf("signing the certificate authority %s: %w", name, err)
	}
	return authority{cert, key}, writePair(l, name, cert, key)
}

// ensure issues a certificate unless a good one is there. A good one was signed by this authority, is
// for the same addresses, and does not end soon.
func (a authority) ensure(l layout, one leaf, now time.Time) error {
	ips := make([]net.IP, len(one.ips))
	for i, ip := range one.ips {
		ips[i] = net.ParseIP(ip)
	}
	if cert, _, err := readPair(l, one.name); err == nil && cert.CheckSignatureFrom(a.cert) == nil &&
		now.Before(cert.NotAfter.Add(-renewBefore)) && slices.EqualFunc(cert.IPAddresses, ips, net.IP.Equal) {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the key of %s: %w", one.name, err)
	}
	usage := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(ips) > 0 {
		usage = append(usage, x509.ExtKeyUsageServerAuth)
	}
	cert, err := sign(&x509.Certificate{
		Subject:  pkix.Name{CommonName: one.user, Organization: one.groups},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: usage,
		IPAddresses: ips, DNSNames: one.hosts,
	}, a, key.Public(), now, leafLife)
	if err != nil {
		return fmt.Errorf("signing the certificate of %s: %w", one.name, err)
	}
	return writePair(l, one.name, cert, key)
}

func sign(template *x509.Certificate, by authority, public crypto.PublicKey, now time.Time, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = now.Add(-time.Hour) // clocks of test machines jump
	template.NotAfter = now.Add(life)
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, public, by.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// makeTokenKey makes the key pair that service account tokens are signed and checked with.
func makeTokenKey(l layout) error {
	if _, err := os.Stat(l.pki("tokens.pub")); err == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the key for service account tokens: %w", err)
	}
	if err := writeKey(l.pki("tokens.key"), key); err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("encoding the key for service account tokens: %w", err)
	}
	return write(l.pki("tokens.pub"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func writePair(l layout, name string, cert *x509.Certificate, key crypto.Signer) error {
	if err := writeKey(l.pki(name+".key"), key); err != nil {
		return err
	}
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	if err := write(l.pki(name+".crt"), data); err != nil {
		return fmt.Errorf("writing the certificate of %s: %w", name, err)
	}
	return nil
}

func writeKey(path string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", path, err)
	}
	if err := write(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// readPair reads a certificate and its key, and fails when they do not belong together: an interrupted
// run may have written one of them only.
func readPair(l layout, name string) (*x509.Certificate, crypto.Signer, error) {
	certDER, err := readPEM(l.pki(name + ".crt"))
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(certDER)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := readPEM(l.pki(name + ".key"))
	if err != nil {
		return nil, nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(keyDER)
	if err != nil {
		return nil, nil, err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(cert.PublicKey) {
		return nil, nil, errors.New("the key is not the certificate's")
	}
	return cert, key, nil
}

func readPEM(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM data", path)
	}
	return block.Bytes, nil
}
