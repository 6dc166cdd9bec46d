package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Keys of the Secret. The first two are those of Secrets of type kubernetes.io/tls.
const (
	certKey   = corev1.TLSCertKey
	keyKey    = corev1.TLSPrivateKeyKey
	caCertKey = "ca.crt" // the current certificate authority, then older ones that are still trusted
	caKeyKey  = "ca.key"
)

// Lifetimes. Certificates are renewed after two thirds of theirs, as cert-manager does by default.
const (
	servingLifetime = 90 * 24 * time.Hour
	caLifetime      = 10 * 365 * 24 * time.Hour
	// maxOlder authorities at most stay trusted beside the current one: somebody may empty the Secret again and again.
	maxOlder = 3
	// backdate forgives clocks that run behind.
	backdate = 5 * time.Minute
)

// renewAt is when a certificate is to be replaced.
func renewAt(certificate *x509.Certificate) time.Time {
	return certificate.NotAfter.Add(-certificate.NotAfter.Sub(certificate.NotBefore) / 3)
}

// bundle is the content of the Secret, decoded.
type bundle struct {
	ca      []*x509.Certificate // the current one first
	caKey   *ecdsa.PrivateKey
	serving tls.Certificate
}

// parse reads the Secret's data. It is an error when anything is missing, unreadable or does not fit together.
func parse(data map[string][]byte) (*bundle, error) {
	var read bundle
	var err error
	if read.ca, err = parseCertificates(data[caCertKey]); err != nil {
		return nil, fmt.Errorf("%s: %w", caCertKey, err)
	}
	// Nothing that it signs would be trusted, and it would be signed again and again.
	if ca := read.ca[0]; !ca.IsCA || ca.KeyUsage&x509.KeyUsageCertSign == 0 {
		return nil, fmt.Errorf("%s: it is not a certificate authority", caCertKey)
	}
	ca, err := tls.X509KeyPair(data[caCertKey], data[caKeyKey])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", caKeyKey, err)
	}
	var ok bool
	if read.caKey, ok = ca.PrivateKey.(*ecdsa.PrivateKey); !ok {
		return nil, fmt.Errorf("%s: it is not an ECDSA key", caKeyKey)
	}
	if read.serving, err = tls.X509KeyPair(data[certKey], data[keyKey]); err != nil {
		return nil, fmt.Errorf("%s: %w", certKey, err)
	}
	return &read, nil
}

func parseCertificates(text []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for len(bytes.TrimSpace(text)) > 0 {
		block, rest := pem.Decode(text)
		if block == nil {
			return nil, errors.New("it is not PEM")
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		found, text = append(found, certificate), rest
	}
	if len(found) == 0 {
		return nil, errors.New("there is no certificate in it")
	}
	return found, nil
}

// renewed gives the data that the Secret should have now, and whether that differs from what it has. Data that
// can't be read is replaced as a whole, but for authorities that are trusted already; why says for what reason
// anything was.
func renewed(data map[string][]byte, names Names, now time.Time, trusted ...*x509.Certificate) (fresh map[string][]byte, why string, err error) {
	have, err := parse(data)
	if err != nil {
		have, why = &bundle{ca: trusted}, "the secret has no usable certificates: "+err.Error()
	}
	if why == "" {
		why = have.whyRenewCA(now)
	}
	if why != "" {
		if err := have.renewCA(now); err != nil {
			return nil, "", err
		}
	}
	if why == "" {
		if why = have.whyRenewServing(names, now); why == "" {
			return data, "", nil
		}
	}
	fresh, err = have.withServing(names, now)
	return fresh, why, err
}

// whyRenewCA says why the certificate authority can't stay; empty when it can.
func (b *bundle) whyRenewCA(now time.Time) string {
	switch {
	case !now.Before(renewAt(b.ca[0])):
		return "the certificate authority is due for renewal"
	case now.Before(b.ca[0].NotBefore):
		return "the certificate authority is not valid yet"
	}
	return ""
}

// whyRenewServing says why the serving certificate can't stay; empty when it can.
func (b *bundle) whyRenewServing(names Names, now time.Time) string {
	leaf := b.serving.Leaf
	switch {
	case leaf.CheckSignatureFrom(b.ca[0]) != nil:
		return "the serving certificate is of another certificate authority"
	case !now.Before(renewAt(leaf)):
		return "the serving certificate is due for renewal"
	case now.Before(leaf.NotBefore):
		return "the serving certificate is not valid yet"
	case !slices.Equal(leaf.DNSNames, names.DNS) || !slices.EqualFunc(leaf.IPAddresses, names.IP, net.IP.Equal):
		return "the serving certificate is for other names"
	}
	return ""
}

// renewCA puts a new certificate authority before those that are still valid: API servers that have not yet
// heard of the new one, and replicas that have not yet loaded a certificate of it, go on trusting each other.
func (b *bundle) renewCA(now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("generate a key: %w", err)
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: fmt.Sprintf("kube-remedy webhook %d", now.Unix())},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(caLifetime),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
	}
	certificate, err := sign(template, template, key, key)
	if err != nil {
		return err
	}
	older := slices.DeleteFunc(b.ca, func(old *x509.Certificate) bool { return now.After(old.NotAfter) })
	older = older[:min(len(older), maxOlder)]
	b.ca, b.caKey = append([]*x509.Certificate{certificate}, older...), key
	return nil
}

// withServing issues a serving certificate and gives the Secret's data.
func (b *bundle) withServing(names Names, now time.Time) (map[string][]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate a key: %w", err)
	}
	certificate, err := sign(&x509.Certificate{
		Subject:   pkix.Name{CommonName: "kube-remedy-webhook"},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(servingLifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: names.DNS, IPAddresses: names.IP,
	}, b.ca[0], key, b.caKey)
	if err != nil {
		return nil, err
	}
	keyText, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	caKeyText, err := encodeKey(b.caKey)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		certKey: encodeCertificates(certificate), keyKey: keyText,
		caCertKey: encodeCertificates(b.ca...), caKeyKey: caKeyText,
	}, nil
}

// sign issues a certificate for key from template.
func sign(template, issuer *x509.Certificate, key, issuerKey *ecdsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // RFC 5280, 4.1.2.2: at most 20 octets
	if err != nil {
		return nil, fmt.Errorf("choose a serial number: %w", err)
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, issuerKey)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

func encodeCertificates(certificates ...*x509.Certificate) []byte {
	var text []byte
	for _, certificate := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	}
	return text
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
