package certs

import (
	"context"
	"errors"
	"fmt"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmeta "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// fieldManager owns what is applied.
const fieldManager = "kube-remedy-webhook"

// What our own certificate authority is called: after the Certificate.
const (
	selfSignedSuffix = "-selfsigned"
	authoritySuffix  = "-ca"
)

var (
	certificatesResource = certmanagerv1.SchemeGroupVersion.WithResource("certificates")
	issuersResource      = certmanagerv1.SchemeGroupVersion.WithResource("issuers")
)

var errNoCertManager = errors.New("certificates.cert-manager.io is not served: is cert-manager installed?")

// applied is an object of cert-manager's as it should be.
type applied struct {
	resource schema.GroupVersionResource
	name     string
	object   any
}

// ensure applies cert-manager's objects and gives the serving Certificate, the last of them, as the API server has it.
func (c *CertManager) ensure(ctx context.Context) (*certmanagerv1.Certificate, error) {
	var last *unstructured.Unstructured
	for _, each := range append(c.authority(), c.leaf()) {
		object, err := c.apply(ctx, each)
		switch {
		case apierrors.IsNotFound(err) && !c.installed():
			return nil, errNoCertManager
		case err != nil:
			return nil, fmt.Errorf("apply %s %s/%s: %w", each.resource.GroupResource(), c.Namespace, each.name, err)
		}
		last = object
	}
	certificate := new(certmanagerv1.Certificate)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(last.Object, certificate); err != nil {
		return nil, fmt.Errorf("read certificate %s/%s: %w", c.Namespace, c.Certificate, err)
	}
	return certificate, nil
}

// installed reports whether the API server serves cert-manager's API, as far as it says: an object may be not found
// because its namespace is not.
func (c *CertManager) installed() bool {
	_, err := c.Client.Discovery().ServerResourcesForGroupVersion(certmanagerv1.SchemeGroupVersion.String())
	return !apierrors.IsNotFound(err)
}

func (c *CertManager) apply(ctx context.Context, wanted applied) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(wanted.object)
	if err != nil {
		return nil, err
	}
	delete(content, "status") // it is cert-manager's
	object := &unstructured.Unstructured{Object: content}
	return c.Dynamic.Resource(wanted.resource).Namespace(c.Namespace).Apply(ctx, wanted.name, object,
		metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
}

// authority is our own certificate authority, as cert-manager documents it: an Issuer that signs with the key of
// what it issues, the authority issued by it, and the Issuer that signs with that one. A serving certificate of the
// latter is renewed without another trust. So is the authority itself, because it keeps its key and its name: what
// the old one has signed the new one verifies, and the other way round.
func (c *CertManager) authority() []applied {
	if c.Issuer.Name != "" {
		return nil
	}
	selfSigned, authority := c.Certificate+selfSignedSuffix, c.Certificate+authoritySuffix
	return []applied{
		c.issuer(selfSigned, certmanagerv1.IssuerConfig{SelfSigned: &certmanagerv1.SelfSignedIssuer{}}),
		c.certificate(authority, certmanagerv1.CertificateSpec{
			IsCA: true, CommonName: "kube-remedy webhook", SecretName: authority,
			Duration:   &metav1.Duration{Duration: caLifetime},
			Usages:     []certmanagerv1.KeyUsage{certmanagerv1.UsageCertSign},
			IssuerRef:  ownIssuer(selfSigned),
			PrivateKey: privateKey(certmanagerv1.RotationPolicyNever),
		}),
		c.issuer(authority, certmanagerv1.IssuerConfig{CA: &certmanagerv1.CAIssuer{SecretName: authority}}),
	}
}

// leaf is the serving certificate.
func (c *CertManager) leaf() applied {
	issuer := c.Issuer
	if issuer.Name == "" {
		issuer = ownIssuer(c.Certificate + authoritySuffix)
	}
	var addresses []string
	for _, address := range c.Names.IP {
		addresses = append(addresses, address.String())
	}
	return c.certificate(c.Certificate, certmanagerv1.CertificateSpec{
		DNSNames: c.Names.DNS, IPAddresses: addresses, SecretName: c.Secret,
		Duration:   &metav1.Duration{Duration: servingLifetime},
		Usages:     []certmanagerv1.KeyUsage{certmanagerv1.UsageDigitalSignature, certmanagerv1.UsageServerAuth},
		IssuerRef:  issuer,
		PrivateKey: privateKey(certmanagerv1.RotationPolicyAlways),
	})
}

func (c *CertManager) issuer(name string, config certmanagerv1.IssuerConfig) applied {
	return applied{issuersResource, name, &certmanagerv1.Issuer{
		TypeMeta:   metav1.TypeMeta{APIVersion: certmanagerv1.SchemeGroupVersion.String(), Kind: certmanagerv1.IssuerKind},
		ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: name},
		Spec:       certmanagerv1.IssuerSpec{IssuerConfig: config},
	}}
}

func (c *CertManager) certificate(name string, spec certmanagerv1.CertificateSpec) applied {
	return applied{certificatesResource, name, &certmanagerv1.Certificate{
		TypeMeta:   metav1.TypeMeta{APIVersion: certmanagerv1.SchemeGroupVersion.String(), Kind: certmanagerv1.CertificateKind},
		ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: name},
		Spec:       spec,
	}}
}

func ownIssuer(name string) cmmeta.IssuerReference {
	return cmmeta.IssuerReference{Name: name, Kind: certmanagerv1.IssuerKind, Group: certmanagerv1.SchemeGroupVersion.Group}
}

func privateKey(rotation certmanagerv1.PrivateKeyRotationPolicy) *certmanagerv1.CertificatePrivateKey {
	return &certmanagerv1.CertificatePrivateKey{
		Algorithm: certmanagerv1.ECDSAKeyAlgorithm, Size: 256, Encoding: certmanagerv1.PKCS8, RotationPolicy: rotation,
	}
}
