package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// plantedForms are lines of a log in which § stands for a secret; a second line of it is on the next one. Each is also
// what a rule quotes as its evidence, or stands beside such a line.
var plantedForms = []string{
	"Authorization: Bearer §",
	"authorization: Basic §",
	"X-Api-Key: §",
	"Cookie: session=§",
	"curl -u shop:§ https://pay.example.org",
	"FATAL: could not connect to postgres://shop:§@db:5432/shop: connection refused",
	"Error: connect ECONNREFUSED redis://:§@cache:6379",
	"amqp://guest:§@queue:5672 refused",
	"mongodb+srv://shop:§@cluster0.example.org/shop",
	"DB_PASSWORD=§",
	"export API_TOKEN='§'",
	"password: §",
	"{\"client_secret\":\"§\",\"level\":\"error\"}",
	"secret_key = \"§\"",
	"--password=§",
	"mysql -pS§ -h db",
	"aws_secret_access_key = §",
	"AccountKey=§==;EndpointSuffix=core.windows.net",
	"https://hooks.slack.com/services/T00000000/B00000000/§",
	"https://storage.example.org/a?X-Amz-Signature=§&X-Amz-Expires=60",
	"token ghp_§ab was refused",
	"key sk_live_§ was refused",
	"xoxb-123456789012-123456789012-§",
	"login failed for user shop with password '§'",
	"jdbc:postgresql://db/shop?user=shop&password=§",
	"spring.datasource.password=§",
	"Passphrase: §",
	"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzaG9wIn0.§§",
	"-----BEGIN PRIVATE KEY-----\n§§\n§§\n-----END PRIVATE KEY-----",
	"Authorization: Bearer §\n§",
	"DB_PASSWORD=§\\\n  §",
}

// TestSecretsInLogsAreFoundNowhere plants secrets of many forms in logs, messages and the edge of what is read of a log,
// and looks for any piece of them in everything that the pair writes.
func TestSecretsInLogsAreFoundNowhere(t *testing.T) {
	t.Parallel()
	var secrets []string
	secret := func() string {
		random := make([]byte, 24)
		_, _ = rand.Read(random) // never fails
		made := strings.NewReplacer("+", "p", "/", "s").Replace(base64.StdEncoding.EncodeToString(random))
		secrets = append(secrets, made)
		return made
	}
	containers := make([]string, 0, 4)
	var lines []string
	for _, form := range plantedForms {
		for strings.Contains(form, "§") {
			form = strings.Replace(form, "§", secret(), 1)
		}
		lines = append(lines, strings.Split(form, "\n")...)
	}
	arguments := func(flags ...string) string {
		text, err := json.Marshal(flags)
		require.NoError(t, err)
		return string(text)
	}
	var stderr []string
	for _, line := range lines {
		stderr = append(stderr, "-stderr="+line)
	}
	containers = append(containers,
		fmt.Sprintf(`{"name":"lines","image":"misbehave:v1","args":%s}`, arguments(append(stderr, "-exit=1", "-after=1s")...)),
		// More than is read of a log, in a line that comes again and again: somewhere it is cut.
		fmt.Sprintf(`{"name":"edge","image":"misbehave:v1","args":%s}`, arguments("-log-rate=3000", "-log-line=panic: dial postgres://shop:"+secret()+"@db: refused", "-exit=2", "-after=1s")),
		// The termination message is the end of the log here.
		fmt.Sprintf(`{"name":"message","image":"misbehave:v1","terminationMessagePolicy":"FallbackToLogsOnError","args":%s}`, arguments("-stderr=Error: login with password="+secret()+" failed", "-exit=1", "-after=1s")),
		fmt.Sprintf(`{"name":"probe","image":"misbehave:v1","args":["-http-port=8080"],"readinessProbe":{"periodSeconds":1,"httpGet":{"port":8080,"path":"/ready?token=%s"}}}`, secret()),
	)
	w := newWorkload(t, spec{})
	manifest := `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"terminationGracePeriodSeconds":1,"containers":[` + strings.Join(containers, ",") + `]}}}}`
	require.NoError(t, os.WriteFile(w.file, []byte(manifest), 0o600))
	w.apply("--server-side") // the manifest has the secrets, and so would the annotation of client-side apply

	known := map[string]bool{}
	w.until("the failures of all containers to be remembered", func() error {
		var list v1alpha1.RemediationList
		require.NoError(t, json.Unmarshal([]byte(w.run("get", "remediations", "-o", "json")), &list))
		for _, remediation := range list.Items {
			for _, container := range []string{"lines", "edge", "message"} {
				if strings.HasSuffix(remediation.Name, "-"+container) {
					known[container] = true
				}
			}
		}
		if len(known) < 3 {
			return fmt.Errorf("only %v are", known)
		}
		return nil
	})
	w.apply("--server-side")
	metrics, err := pair.Metrics(t.Context())
	require.NoError(t, err)
	webhook, err := pair.Webhook.Log()
	require.NoError(t, err)
	watcher, err := pair.Watcher.Log()
	require.NoError(t, err)
	for _, place := range []struct{ name, text string }{
		{"remediations", w.run("get", "remediations", "-o", "yaml")},
		{"annotations", w.field("{.metadata.annotations} {.spec.template.metadata.annotations}")},
		{"events", w.run("get", "events", "--field-selector=involvedObject.kind=Deployment", "-o", "yaml")},
		{"the webhook's log", webhook},
		{"the watcher's log", watcher},
		{"metrics", metrics},
	} {
		require.NotEmpty(t, place.text, place.name)
		for _, secret := range secrets {
			for at := 0; at+12 <= len(secret); at++ {
				require.NotContains(t, place.text, secret[at:at+12], "a piece of a secret in %s", place.name)
			}
		}
	}
}
