package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

var (
	secretsResource        = corev1.SchemeGroupVersion.WithResource("secrets")
	configurationsResource = admissionregistrationv1.SchemeGroupVersion.WithResource("mutatingwebhookconfigurations")
)

// registration is a MutatingWebhookConfiguration with two webhooks.
func registration(name string) *admissionregistrationv1.MutatingWebhookConfiguration {
	return &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Webhooks:   []admissionregistrationv1.MutatingWebhook{{Name: "apply." + name}, {Name: "scale." + name}},
	}
}

// kept is the Secret with data.
func kept(data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-remedy-system", Name: "certificate"}, Type: corev1.SecretTypeTLS, Data: data,
	}
}

// cluster is an API server with the registration, one of somebody else, and what else is given.
func cluster(objects ...runtime.Object) *fake.Clientset {
	return fake.NewClientset(append(objects, registration("kube-remedy"), registration("somebody-else"))...)
}

// replica is one of the webhook's, and where its lines go.
func replica(clients *fake.Clientset, now clock.WithTicker) (*SelfManaged, *bytes.Buffer) {
	var lines bytes.Buffer
	return &SelfManaged{
		Client: clients, Namespace: "kube-remedy-system", Secret: "certificate", Configuration: "kube-remedy", Names: called,
		Clock: now, Log: slog.New(slog.NewTextHandler(&lines, nil)),
	}, &lines
}

// stored is what the Secret holds.
func stored(t *testing.T, clients *fake.Clientset) map[string][]byte {
	t.Helper()
	secret, err := clients.Tracker().Get(secretsResource, "kube-remedy-system", "certificate")
	require.NoError(t, err)
	return secret.(*corev1.Secret).Data
}

// store puts data into the Secret as somebody else does; no reaction stands in the way.
func store(t *testing.T, clients *fake.Clientset, data map[string][]byte) {
	t.Helper()
	err := clients.Tracker().Create(secretsResource, kept(data), "kube-remedy-system")
	if apierrors.IsAlreadyExists(err) {
		err = clients.Tracker().Update(secretsResource, kept(data), "kube-remedy-system")
	}
	require.NoError(t, err)
}

// trusted are the caBundles of a registration.
func trusted(t *testing.T, clients *fake.Clientset, name string) []string {
	t.Helper()
	object, err := clients.Tracker().Get(configurationsResource, "", name)
	require.NoError(t, err)
	var bundles []string
	for _, webhook := range object.(*admissionregistrationv1.MutatingWebhookConfiguration).Webhooks {
		bundles = append(bundles, string(webhook.ClientConfig.CABundle))
	}
	return bundles
}

// writes are the requests that changed or were to change something, as "verb resource", since the last call.
func writes(clients *fake.Clientset) []string {
	var found []string
	for _, action := range clients.Actions() {
		switch action.GetVerb() {
		case "get", "list", "watch":
		default:
			found = append(found, action.GetVerb()+" "+action.GetResource().Resource)
		}
	}
	clients.ClearActions()
	return found
}

// requireServes wants the replica to serve the certificate in data.
func requireServes(t *testing.T, s *SelfManaged, data map[string][]byte) {
	t.Helper()
	require.NoError(t, s.Ready())
	current, err := s.GetCertificate(nil)
	require.NoError(t, err)
	require.Equal(t, string(data["tls.crt"]), string(encodeCertificates(current.Leaf)))
	require.Equal(t, current.Leaf.NotAfter, s.NotAfter())
}

// once fails the next request of a kind with an error, after something else has happened.
func once(clients *fake.Clientset, verb, resource string, err error, before func()) {
	done := false
	clients.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) {
		if done {
			return false, nil, nil
		}
		done = true
		before()
		return true, nil, err
	})
}

func TestNothingIsServedBeforeACertificateIsLoaded(t *testing.T) {
	s, _ := replica(cluster(), clocktesting.NewFakeClock(noon))
	require.EqualError(t, s.Ready(), "no serving certificate is loaded yet")
	_, err := s.GetCertificate(nil)
	require.EqualError(t, err, "no serving certificate is loaded yet")
	require.Zero(t, s.NotAfter())
}

func TestFirstReconcileIssuesTrustsAndServes(t *testing.T) {
	clients := cluster()
	s, lines := replica(clients, clocktesting.NewFakeClock(noon))
	require.NoError(t, s.reconcile(t.Context()))

	secret, err := clients.CoreV1().Secrets("kube-remedy-system").Get(t.Context(), "certificate", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, corev1.SecretTypeTLS, secret.Type)
	requireSettled(t, secret.Data, called, noon)
	bundle := string(secret.Data["ca.crt"])
	require.Equal(t, []string{bundle, bundle}, trusted(t, clients, "kube-remedy"))
	require.Equal(t, []string{"", ""}, trusted(t, clients, "somebody-else"))
	requireServes(t, s, secret.Data)
	require.Equal(t, []string{"create secrets", "patch mutatingwebhookconfigurations"}, writes(clients), "trusted before it is served")
	require.Contains(t, lines.String(), "because=\"the secret has no usable certificates: ")
	for _, private := range []string{"ca.key", "tls.key"} {
		require.NotContains(t, lines.String(), string(secret.Data[private][30:60]))
	}

	require.NoError(t, s.reconcile(t.Context()))
	require.Empty(t, writes(clients), "what is right is not written again")
}

func TestHandshakeVerifiesAgainstTheCABundle(t *testing.T) {
	now := clocktesting.NewFakeClock(noon)
	clients := cluster()
	s, _ := replica(clients, now)
	require.NoError(t, s.reconcile(t.Context()))
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: s.GetCertificate, MinVersion: tls.VersionTLS12})
	require.NoError(t, err)
	defer listener.Close()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_ = connection.(*tls.Conn).Handshake()
			connection.Close()
		}
	}()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM([]byte(trusted(t, clients, "kube-remedy")[0])))
	for _, test := range []struct {
		name, host string
		trusted    bool
	}{
		{"the DNS name is trusted", called.DNS[0], true},
		{"the IP address is trusted", "127.0.0.1", true},
		{"another name is not trusted", "kubernetes.default.svc", false},
		{"another address is not trusted", "127.0.0.2", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			connection, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: test.host, Time: now.Now})
			if !test.trusted {
				var hostname x509.HostnameError
				require.ErrorAs(t, err, &hostname)
				return
			}
			require.NoError(t, err)
			connection.Close()
		})
	}
}

func TestReplicasShareACertificate(t *testing.T) {
	clients, now := cluster(), clocktesting.NewFakeClock(noon)
	first, _ := replica(clients, now)
	second, _ := replica(clients, now)
	require.NoError(t, first.reconcile(t.Context()))
	writes(clients)
	require.NoError(t, second.reconcile(t.Context()))
	require.Empty(t, writes(clients))
	requireServes(t, second, stored(t, clients))
}

func TestRenewalIsWrittenAndServed(t *testing.T) {
	for _, test := range []struct {
		name   string
		after  time.Duration
		writes []string
	}{
		{"nothing is due", 59 * day, nil},
		{"a serving certificate of the same authority needs no other trust", 60 * day, []string{"update secrets"}},
		{"another authority is trusted too", 2434 * day, []string{"update secrets", "patch mutatingwebhookconfigurations"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			clients, now := cluster(), clocktesting.NewFakeClock(noon)
			s, _ := replica(clients, now)
			require.NoError(t, s.reconcile(t.Context()))
			had := stored(t, clients)
			writes(clients)
			now.Step(test.after)
			require.NoError(t, s.reconcile(t.Context()))
			require.Equal(t, test.writes, writes(clients))
			require.Equal(t, len(test.writes) == 0, string(had["tls.crt"]) == string(stored(t, clients)["tls.crt"]))
			requireServes(t, s, stored(t, clients))
			bundle := string(stored(t, clients)["ca.crt"])
			require.Equal(t, []string{bundle, bundle}, trusted(t, clients, "kube-remedy"))
			require.Contains(t, bundle, string(had["ca.crt"]))
		})
	}
}

func TestOtherNamesAreServedByTheSameAuthority(t *testing.T) {
	clients := cluster(kept(issued(t, Names{DNS: []string{"former.svc"}}, noon)))
	had := stored(t, clients)
	s, _ := replica(clients, clocktesting.NewFakeClock(noon))
	require.NoError(t, s.reconcile(t.Context()))
	require.Equal(t, had["ca.crt"], stored(t, clients)["ca.crt"])
	require.NotEqual(t, had["tls.crt"], stored(t, clients)["tls.crt"])
	requireServes(t, s, stored(t, clients))
}

func TestCorruptedSecretIsReplacedForAReason(t *testing.T) {
	spoiled := issued(t, called, noon)
	spoiled["tls.key"] = issued(t, called, noon)["tls.key"]
	spoiled["note"] = []byte("by hand")
	clients := cluster(kept(spoiled))
	s, lines := replica(clients, clocktesting.NewFakeClock(noon))
	require.NoError(t, s.reconcile(t.Context()))
	data := stored(t, clients)
	require.Len(t, data, 4)
	require.NotEqual(t, spoiled["ca.crt"], data["ca.crt"])
	requireServes(t, s, data)
	require.Contains(t, lines.String(), "because=\"the secret has no usable certificates: tls.crt: ")
}

func TestLoserOfARaceTakesOverTheWinnersCertificate(t *testing.T) {
	resource := schema.GroupResource{Resource: "secrets"}
	for _, test := range []struct {
		name string
		had  []runtime.Object
		verb string
		err  error
	}{
		{"both create", nil, "create", apierrors.NewAlreadyExists(resource, "certificate")},
		{"both renew", []runtime.Object{kept(issued(t, called, noon.Add(-60*day)))}, "update", apierrors.NewConflict(resource, "certificate", errors.New("it was changed"))},
	} {
		t.Run(test.name, func(t *testing.T) {
			clients := cluster(test.had...)
			winner := issued(t, called, noon)
			once(clients, test.verb, "secrets", test.err, func() { store(t, clients, winner) })
			s, _ := replica(clients, clocktesting.NewFakeClock(noon))
			err := s.reconcile(t.Context())
			require.ErrorIs(t, err, test.err)
			require.ErrorContains(t, err, "write secret kube-remedy-system/certificate: ")
			require.Error(t, s.Ready(), "what the loser issued is never served")
			require.Equal(t, []string{"", ""}, trusted(t, clients, "kube-remedy"), "nor trusted")

			require.NoError(t, s.reconcile(t.Context()))
			require.Equal(t, winner, stored(t, clients))
			requireServes(t, s, winner)
			require.Equal(t, string(winner["ca.crt"]), trusted(t, clients, "kube-remedy")[0])
		})
	}
}

func TestUpdateIsBoundToWhatWasRead(t *testing.T) {
	had := kept(map[string][]byte{"tls.crt": {}, "tls.key": {}})
	had.ResourceVersion = "7"
	clients := cluster(had)
	s, _ := replica(clients, clocktesting.NewFakeClock(noon))
	require.NoError(t, s.reconcile(t.Context()))
	for _, action := range clients.Actions() {
		if update, ok := action.(clienttesting.UpdateAction); ok && action.Matches("update", "secrets") {
			require.Equal(t, "7", update.GetObject().(*corev1.Secret).ResourceVersion)
			return
		}
	}
	require.Fail(t, "the secret was not updated")
}

func TestSecretThatCanNotBeReadKeepsWhatIsServed(t *testing.T) {
	clients := cluster()
	s, _ := replica(clients, clocktesting.NewFakeClock(noon))
	refused := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "certificate", errors.New("no"))
	once(clients, "get", "secrets", refused, func() {})
	err := s.reconcile(t.Context())
	require.ErrorIs(t, err, refused)
	require.ErrorContains(t, err, "read secret kube-remedy-system/certificate: ")
	require.Error(t, s.Ready())
	require.Empty(t, writes(clients), "it may be there all the same")

	require.NoError(t, s.reconcile(t.Context()))
	served := stored(t, clients)
	once(clients, "get", "secrets", refused, func() {})
	require.Error(t, s.reconcile(t.Context()))
	requireServes(t, s, served)
}

func TestMissingRegistrationIsAnErrorButACertificateIsServed(t *testing.T) {
	clients := fake.NewClientset(registration("somebody-else"))
	s, _ := replica(clients, clocktesting.NewFakeClock(noon))
	err := s.reconcile(t.Context())
	require.True(t, apierrors.IsNotFound(err), "%v", err)
	require.ErrorContains(t, err, "read mutatingwebhookconfiguration kube-remedy: ")
	requireServes(t, s, stored(t, clients))
	require.Equal(t, []string{"", ""}, trusted(t, clients, "somebody-else"))
}

func TestCertificateThatIsNotTrustedYetIsNotServedInPlaceOfOneThatIs(t *testing.T) {
	clients, now := cluster(), clocktesting.NewFakeClock(noon.Add(-2400*day))
	s, _ := replica(clients, now)
	require.NoError(t, s.reconcile(t.Context()))
	now.SetTime(noon)
	require.NoError(t, s.reconcile(t.Context()))
	old := stored(t, clients)
	now.Step(40 * day) // the authority is due, the serving certificate is not
	refusal := apierrors.NewConflict(schema.GroupResource{Resource: "mutatingwebhookconfigurations"}, "kube-remedy", errors.New("it was changed"))
	once(clients, "patch", "mutatingwebhookconfigurations", refusal, func() {})

	err := s.reconcile(t.Context())
	require.ErrorIs(t, err, refusal)
	require.ErrorContains(t, err, "write the caBundle of mutatingwebhookconfiguration kube-remedy: ")
	require.NotEqual(t, old["tls.crt"], stored(t, clients)["tls.crt"])
	require.Equal(t, string(old["ca.crt"]), trusted(t, clients, "kube-remedy")[0])
	requireServes(t, s, old)

	require.NoError(t, s.reconcile(t.Context()))
	require.Contains(t, trusted(t, clients, "kube-remedy")[0], string(old["ca.crt"]))
	requireServes(t, s, old)
	require.Equal(t, settling, s.wait(), "API servers have not read it yet")
	now.Step(settling)
	require.NoError(t, s.reconcile(t.Context()))
	requireServes(t, s, stored(t, clients))
}

// refuseRegistration makes the registration unreadable from now on.
func refuseRegistration(clients *fake.Clientset) {
	clients.PrependReactor("get", "mutatingwebhookconfigurations", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("no longer allowed")
	})
}

func TestRenewalByATrustedAuthorityNeedsNoRegistration(t *testing.T) {
	clients, now := cluster(), clocktesting.NewFakeClock(noon)
	s, _ := replica(clients, now)
	require.NoError(t, s.reconcile(t.Context()))
	old := stored(t, clients)
	refuseRegistration(clients)
	now.Step(61 * day)
	require.ErrorContains(t, s.reconcile(t.Context()), "no longer allowed")
	requireServes(t, s, stored(t, clients))
	require.NotEqual(t, old["tls.crt"], stored(t, clients)["tls.crt"])
}

func TestExpiredCertificateGivesWayToOneThatMayNotBeTrustedYet(t *testing.T) {
	clients, now := cluster(), clocktesting.NewFakeClock(noon.Add(-2400*day))
	s, _ := replica(clients, now)
	require.NoError(t, s.reconcile(t.Context()))
	now.SetTime(noon)
	require.NoError(t, s.reconcile(t.Context()))
	old := stored(t, clients)
	refuseRegistration(clients)
	now.Step(89 * day) // both the authority and the certificate are due
	require.ErrorContains(t, s.reconcile(t.Context()), "no longer allowed")
	requireServes(t, s, old)
	now.Step(day)
	require.ErrorContains(t, s.reconcile(t.Context()), "no longer allowed")
	requireServes(t, s, stored(t, clients))
	require.NotEqual(t, old["tls.crt"], stored(t, clients)["tls.crt"])
}

// running gives a replica that runs until the end of the test, in a bubble of its own time.
func running(t *testing.T, clients *fake.Clientset) *SelfManaged {
	t.Helper()
	s, _ := replica(clients, clock.RealClock{})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	synctest.Wait()
	t.Cleanup(func() {
		synctest.Wait()
		require.Empty(t, ended)
		stop()
		synctest.Wait()
		require.Len(t, ended, 1, "it ends with its context, without a wait")
		require.NoError(t, <-ended)
	})
	return s
}

func TestRunKeepsEverythingRight(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(t *testing.T, clients *fake.Clientset)
	}{
		{"nothing happens", func(*testing.T, *fake.Clientset) {}},
		{"another replica wrote the secret", func(t *testing.T, clients *fake.Clientset) { store(t, clients, issued(t, called, time.Now())) }},
		{"the secret was emptied", func(t *testing.T, clients *fake.Clientset) { store(t, clients, nil) }},
		{"the secret was deleted", func(t *testing.T, clients *fake.Clientset) {
			require.NoError(t, clients.Tracker().Delete(secretsResource, "kube-remedy-system", "certificate"))
		}},
		{"an apply took the caBundle away", func(t *testing.T, clients *fake.Clientset) {
			require.NoError(t, clients.Tracker().Update(configurationsResource, registration("kube-remedy"), ""))
		}},
		{"an apply took the caBundle of one that validates away", func(t *testing.T, clients *fake.Clientset) {
			require.NoError(t, clients.Tracker().Create(validatingResource, validatingRegistration("kube-remedy"), ""))
			synctest.Wait()
			require.Equal(t, trusted(t, clients, "kube-remedy")[:1], trustedByValidating(t, clients, "kube-remedy"))
			require.NoError(t, clients.Tracker().Update(validatingResource, validatingRegistration("kube-remedy"), ""))
			synctest.Wait()
			require.Equal(t, trusted(t, clients, "kube-remedy")[:1], trustedByValidating(t, clients, "kube-remedy"))
		}},
		{"the registration was made again", func(t *testing.T, clients *fake.Clientset) {
			require.NoError(t, clients.Tracker().Delete(configurationsResource, "", "kube-remedy"))
			synctest.Wait()
			require.NoError(t, clients.Tracker().Create(configurationsResource, registration("kube-remedy"), ""))
		}},
		{"a certificate came due", func(t *testing.T, clients *fake.Clientset) {
			had := stored(t, clients)["tls.crt"]
			time.Sleep(60*day + time.Hour)
			synctest.Wait()
			require.NotEqual(t, had, stored(t, clients)["tls.crt"])
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clients := cluster()
				s := running(t, clients)
				requireServes(t, s, stored(t, clients))
				test.change(t, clients)
				time.Sleep(2 * settling)
				synctest.Wait()
				data := stored(t, clients)
				requireServes(t, s, data)
				require.Equal(t, []string{string(data["ca.crt"]), string(data["ca.crt"])}, trusted(t, clients, "kube-remedy"))
				requireSettled(t, data, called, time.Now())
				writes(clients)
				time.Sleep(day)
				require.Empty(t, writes(clients))
			})
		})
	}
}

func TestRunTriesAgainWhatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clients := cluster()
		var allowed atomic.Bool
		clients.PrependReactor("create", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
			return !allowed.Load(), nil, errors.New("later")
		})
		s := running(t, clients)
		require.Error(t, s.Ready())
		allowed.Store(true)
		synctest.Wait()
		require.Error(t, s.Ready(), "it waits a little")
		time.Sleep(retryAfter)
		synctest.Wait()
		requireServes(t, s, stored(t, clients))
	})
}
