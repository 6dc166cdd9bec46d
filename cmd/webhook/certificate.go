package main

import (
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"

	cmmeta "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/webhook/certs"
)

// The ways to a serving certificate.
const (
	selfManaged = "self-managed"
	fromFiles   = "files"
	certManager = "cert-manager"
)

// certificateFlags say where the serving certificate comes from.
type certificateFlags struct {
	from, secret, certFile, keyFile, certificate, issuer, dnsNames, ipAddresses string
}

func (f *certificateFlags) register(set *flag.FlagSet) {
	set.StringVar(&f.from, "certificate-from", selfManaged, "where the serving certificate comes from: self-managed, files or cert-manager")
	set.StringVar(&f.secret, "certificate-secret", "kube-remedy-webhook-certificate", "secret that keeps the serving certificate (self-managed, cert-manager)")
	set.StringVar(&f.certFile, "tls-cert-file", "", "file with the serving certificate (files)")
	set.StringVar(&f.keyFile, "tls-key-file", "", "file with its key (files)")
	set.StringVar(&f.certificate, "certificate-name", "kube-remedy-webhook", "name of the Certificate (cert-manager)")
	set.StringVar(&f.issuer, "certificate-issuer", "", "Issuer/NAME or ClusterIssuer/NAME that is there already (cert-manager); empty for one of our own")
	set.StringVar(&f.dnsNames, "dns-names", "", "comma list of DNS names of the certificate (default: kube-remedy-webhook.NAMESPACE.svc)")
	set.StringVar(&f.ipAddresses, "ip-addresses", "", "comma list of IP addresses of the certificate")
}

// source gives the way to the certificate.
func (f *certificateFlags) source(namespace, configuration string, names certs.Names, connection *rest.Config, clients kubernetes.Interface, log *slog.Logger) (certs.Source, error) {
	switch f.from {
	case selfManaged:
		return &certs.SelfManaged{
			Client: clients, Namespace: namespace, Secret: f.secret, Configuration: configuration, Names: names,
			Clock: clock.RealClock{}, Log: log,
		}, nil
	case fromFiles:
		if f.certFile == "" || f.keyFile == "" {
			return nil, errors.New("--certificate-from=files needs --tls-cert-file and --tls-key-file")
		}
		return &certs.Files{CertFile: f.certFile, KeyFile: f.keyFile, Clock: clock.RealClock{}, Log: log}, nil
	case certManager:
		objects, err := dynamic.NewForConfig(connection)
		if err != nil {
			return nil, fmt.Errorf("client for cert-manager: %w", err)
		}
		issuer, err := f.issuerRef()
		if err != nil {
			return nil, err
		}
		return &certs.CertManager{
			Client: clients, Dynamic: objects, Namespace: namespace, Certificate: f.certificate, Secret: f.secret,
			Configuration: configuration, Issuer: issuer, Names: names, Clock: clock.RealClock{}, Log: log,
		}, nil
	default:
		return nil, fmt.Errorf("--certificate-from %q: use %s, %s or %s", f.from, selfManaged, fromFiles, certManager)
	}
}

// names reads the names of the certificate.
func (f *certificateFlags) names() (certs.Names, error) {
	names := certs.Names{DNS: split(f.dnsNames)}
	for _, text := range split(f.ipAddresses) {
		address := net.ParseIP(text)
		if address == nil {
			return certs.Names{}, fmt.Errorf("--ip-addresses: %q is not an IP address", text)
		}
		names.IP = append(names.IP, address)
	}
	if len(names.DNS)+len(names.IP) == 0 {
		return certs.Names{}, errors.New("the serving certificate needs at least one DNS name or IP address")
	}
	return names, nil
}

func (f *certificateFlags) issuerRef() (cmmeta.IssuerReference, error) {
	if f.issuer == "" {
		return cmmeta.IssuerReference{}, nil
	}
	kind, name, found := strings.Cut(f.issuer, "/")
	if !found || name == "" || kind != "Issuer" && kind != "ClusterIssuer" {
		return cmmeta.IssuerReference{}, fmt.Errorf("--certificate-issuer %q: use Issuer/NAME or ClusterIssuer/NAME", f.issuer)
	}
	return cmmeta.IssuerReference{Name: name, Kind: kind, Group: "cert-manager.io"}, nil
}

// clientFlags say who may call.
type clientFlags struct{ caFile, names string }

func (f *clientFlags) register(set *flag.FlagSet) {
	set.StringVar(&f.caFile, "client-ca-file", "", "file with the authorities of the certificates that callers must show; empty to ask for none")
	set.StringVar(&f.names, "client-names", "", "comma list of common names of which a caller's certificate must have one; empty for any")
}

// authorities reads the file; nil without one.
func (f *clientFlags) authorities() (*x509.CertPool, error) {
	if f.caFile == "" {
		if f.names != "" {
			return nil, errors.New("--client-names needs --client-ca-file")
		}
		return nil, nil
	}
	text, err := os.ReadFile(f.caFile)
	if err != nil {
		return nil, fmt.Errorf("--client-ca-file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--client-ca-file %s: there is no certificate in it", f.caFile)
	}
	return pool, nil
}

// split reads a comma list.
func split(list string) []string {
	var parts []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}
