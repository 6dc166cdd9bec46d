package redact_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/internal/redact"
)

// changed are lines of the catalogue's cases and rules that may change, with the reason.
var changed = map[string]string{}

// TestTheTextsThatDiagnosesAreMadeFromStayAsTheyAre protects the diagnoses: every case and every sample of a rule.
func TestTheTextsThatDiagnosesAreMadeFromStayAsTheyAre(t *testing.T) {
	read := 0
	for _, pattern := range []string{
		"../../engine/catalog/cases/*/*.txt", "../../engine/catalog/rules/*/*.yaml",
		"../../engine/evidence/text/testdata/*", "../../docs/*.md", "../../docs/*/*.md",
	} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			read++
			requireSameLines(t, file, text, redact.Text(text))
			for line := range bytes.Lines(text) { // an event's message stands alone
				requireSameLines(t, file, line, redact.Text(line))
			}
		}
	}
	require.Greater(t, read, 800)
}

func requireSameLines(t *testing.T, file string, before, after []byte) {
	t.Helper()
	if bytes.Equal(before, after) {
		return
	}
	was, is := bytes.Split(before, []byte("\n")), bytes.Split(after, []byte("\n"))
	for i := range min(len(was), len(is)) {
		if _, ok := changed[string(bytes.TrimSpace(was[i]))]; !ok && !bytes.Equal(was[i], is[i]) {
			t.Errorf("%s:%d\n was %s\n is  %s", file, i+1, was[i], is[i])
		}
	}
}

// kept are lines that speak of secrets and tell none, or that have what looks like one.
var kept = []string{
	`password authentication failed for user "shop"`,
	`FATAL:  password authentication failed for user "shop" (SQLSTATE 28P01)`,
	`Access denied for user 'shop'@'10.0.0.7' (using password: YES)`,
	`secret "web-login" not found`,
	`reflector.go:205] failed to list *v1.Secret: Get "https://10.9.0.5:6443/api/v1/secrets": dial tcp 10.9.0.5:6443: i/o timeout`,
	`Failed to watch *v1.Secret: secrets is forbidden`,
	`Error: secret "default-token-x81kd" not found`,
	`couldn't find key tokn in Secret shop/web-login`,
	`MountVolume.SetUp failed for volume "tls" : secret "vault-tls" not found`,
	`MountVolume.SetUp failed for volume "kube-api-access-9ttn2" : failed to fetch token: pod "web-7d9c8b6f5-x2x9z" not found`,
	`FATAL: password is required`,
	`fe_sendauth: no password supplied`,
	`SASL authentication failed`,
	`org.apache.kafka.common.errors.SaslAuthenticationException: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512`,
	`token expired`,
	`jwt: token is expired by 5m0s`,
	`invalid_token: authorization failed`,
	`failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3Aacme%2Fapi%3Apull&service=ghcr.io: 403 Forbidden`,
	`failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized`,
	`Failed to pull image "ghcr.io/acme/auth@sha256:c8ff911f2f0e2f077424dac6f7c9eb0b47d795dcd3de5a2f385ebd5decacdafd": no basic auth credentials`,
	`docker-pullable://nest:v4@sha256:c8ff911f2f0e2f077424dac6f7c9eb0b47d795dcd3de5a2f385ebd5decacdafd`,
	`containerd://762164c0b2792b672e87803af2284d83c4165c549eb892943dded14b40bc4d4a`,
	`762164c0b2792b672e87803af2284d83c4165c549eb892943dded14b40bc4d4a`,
	`failed to get sandbox container 762164c0b2792b672e87803af2284d83c4165c549eb892943dded14b40bc4d4a`,
	`HEAD is now at 009e025ad4106ab333aa0b9dc4f2a884390d134c`,
	`uid=c5a7ca73-673e-401b-a89c-8e852ba15d27`,
	`pod web-7d9c8b6f5-x2x9z is in CrashLoopBackOff`,
	`key not found: foo`,
	`KeyError: 'DB_PASSWORD'`,
	`environment variable DB_PASSWORD is not set`,
	`env: required environment variable "PAYMENT_TOKEN" is not set`,
	`missing required env JWT_SECRET`,
	`Error: Missing environment variable: SESSION_SECRET`,
	`Error: Config validation error: "SESSION_SECRET" is required`,
	`Invalid environment variables: { SESSION_SECRET: [ 'Required' ] }`,
	`RELAY_TOKEN: environment variable not found`,
	`You must specify POSTGRES_PASSWORD to a non-empty value for the superuser.`,
	`superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".`,
	`PGPASSWORD:  <set to the key 'password' in secret 'auth-db'>  Optional: false`,
	`SecretName:  default-token-2rtbj`,
	`TokenExpirationSeconds:  3607`,
	`password:  16 bytes`,
	`    at com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException.from(UnrecognizedPropertyException.java:61)`,
	`    at org.springframework.security.authentication.dao.DaoAuthenticationProvider.authenticate(DaoAuthenticationProvider.java:133)`,
	`Caused by: java.sql.SQLException: Access denied for user 'shop'@'%' (using password: NO)`,
	`  File "/usr/lib/python3.12/site-packages/sqlalchemy/engine/base.py", line 145, in __init__`,
	`    password = os.environ["DB_PASSWORD"]`,
	`    token = get_token(request)`,
	`    self.password = config.password`,
	`    raise ImproperlyConfigured("The SECRET_KEY setting must not be empty.")`,
	`goroutine 1 [running]: main.main() /app/cmd/token/main.go:42 +0x1d`,
	`open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file or directory`,
	`open /etc/shop/db-password: permission denied`,
	`mount /etc/passwd: not a directory`,
	`token=/var/run/secrets/kubernetes.io/serviceaccount/token`,
	`"Secret not found" secret="shop/web-login" key="password"`,
	`"Reconciler error" err="boom" key="shop/web-7d9c8b6f5" token="<nil>"`,
	`kubelet: E0222 04:49:51.262099    2252 controller.go:145] "Failed to ensure lease exists, will retry" err="Unauthorized" interval="7s"`,
	`authorization.go:146] No authorization-kubeconfig provided, so SubjectAccessReview of authorization tokens won't work.`,
	`pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`,
	`rpc error: code = Unauthenticated desc = missing bearer token`,
	`www-authenticate: Bearer realm="https://auth.docker.io/token",service="registry.docker.io"`,
	`SyntaxError: Unexpected token: } in JSON at position 41`,
	`SyntaxError: Invalid or unexpected token`,
	`unknown flag: --password`,
	`flag needs an argument: --token`,
	`Usage: shopd --token-file FILE --password-file FILE`,
	`the flags --user and --password are required`,
	`mysql: [Warning] Using a password on the command line interface can be insecure.`,
	`--- PASS: TestPanicsOnNil (0.00s)`,
	`redis.exceptions.AuthenticationError: NOAUTH Authentication required.`,
	`ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?`,
	`Keystore was tampered with, or password was incorrect`,
	`Could not load file or assembly 'Billing.Core, Version=2.1.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089'`,
	`DB_PASSWORD=${DB_PASSWORD}`,
	`DB_PASSWORD=`,
	`password: null`,
	`password=****`,
	`Error: password: must be at least 8 characters`,
	`{"password":["This field is required."],"token":null}`,
	`{"level":"error","msg":"invalid password","user":"shop","host":"db.shop:5432"}`,
	`Authorization header is missing`,
	`Authorization: Bearer <token>`,
	`dial tcp 10.0.0.7:5432: connect: connection refused`,
	`connect to postgres://shop@db.shop:5432/orders: timeout`,
	`GET http://registry.npmjs.org:4873/@babel/core 404`,
	`ssh://git@github.com/acme/web.git: Permission denied (publickey).`,
	`image: registry.acme.example/apps/auth:1`,
	`image: registry.acme.example/apps/token:1.4.2`,
	`arn:aws:secretsmanager:eu-west-3:551290447716:secret:web-login-AbCdEf`,
	`secrets "tls" is forbidden: User "system:serviceaccount:web:front" cannot get resource "secrets" in API group ""`,
	`imagePullSecrets: [{name: registry-login}]`,
	`        secretKeyRef: {name: web-login, key: tokn}`,
	`-----BEGIN CERTIFICATE-----`,
	`duplicate key value violates unique constraint "users_pkey"`,
	`Key (email)=(bob@example.com) already exists.`,
	`cache key=3f786850e387550fdab836ed7e6dc881de23001b miss`,
	`trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7`,
	`PWD=/app`,
	`session 42 closed, code=137, state=exited`,
	`max_tokens=4096 tokens: 128`,
	`github.com/stretchr/testify v1.9.0 h1:HtqpIVDClZ4nwg75+f6Lvsy/wHu+3BoSGCbBAiTpTsg=`,
	`npm error code E401 Incorrect or missing password.`,
	`npm_config_registry=https://registry.npmjs.org npm_package_name=web`,
	`ECONNREFUSED 10.0.0.7:6379 AKIA is no key`,
	`{"msg":"apply request took too long","request":"key:\\"/registry/leases/kube-system/apiserver-wlv32tlttr4jl3gtroqexyxapa\\" limit:1"}`,
	`r.Header.RCode = dnsmessage.RCodeNameError, code = AADSTS700082NotFound, state = CrashLoopBackOff`,
	`gpg: recv-keys 5BE8A3F6C8A5C01D106C0AD820B1A390B168D356`,
	`openssl x509 -req -signkey ryans-key.pem: No such file`,
	`tls: private key server.key does not match, privateKey=/etc/tls/tls.key clientKey: client.pem`,
	`    const pass = new PassThrough()`,
	`    client = Client(password=c.password, token=self.settings.token)`,
	`PWD=/go/src/xqzw OLDPWD=/`,
	`the model sk-learn`,
	`price $1$ and $2a$ are odd`,
}

func TestALineThatTellsNoSecretStaysAsItIs(t *testing.T) {
	for _, line := range kept {
		t.Run(line, func(t *testing.T) {
			require.Equal(t, line, string(redact.Text([]byte(line))))
			log := []byte("started\n" + line + "\nstopped\n")
			require.Same(t, &log[0], &redact.Text(log)[0])
			require.Contains(t, string(redact.Cut(log, true, true)), line)
		})
	}
}
