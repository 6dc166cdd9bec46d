package redact_test

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
)

// form is a way in which secrets are written. In its text § stands for the secret.
type form struct {
	name   string
	text   string
	secret func(*rand.Rand) string
	keeps  []string // what must stay
	// whole says that broken over two lines it is not tested: then it is not recognisable, or something else.
	whole bool
	// front says that with its front cut off it is not tested, as back does for its back.
	front, back bool
}

const (
	small   = "abcdefghijklmnopqrstuvwxyz"
	capital = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	alnum   = small + capital + digits
)

func of(alphabet string, length int, prefix ...string) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		text := []byte(strings.Join(prefix, ""))
		for range length {
			text = append(text, alphabet[r.IntN(len(alphabet))])
		}
		return string(text)
	}
}

func base62(length int, prefix ...string) func(*rand.Rand) string {
	return of(alnum, length, prefix...)
}

func url64(length int) func(*rand.Rand) string {
	return of(alnum+"-_", length)
}

func hexa(length int) func(*rand.Rand) string {
	return of("0123456789abcdef", length)
}

// base64ed is standard base64 of random bytes.
func base64ed(length int) func(*rand.Rand) string {
	return func(r *rand.Rand) string { return base64.StdEncoding.EncodeToString(randomBytes(r, length)) }
}

// login is user:password in base64.
func login(r *rand.Rand) string {
	return base64.StdEncoding.EncodeToString([]byte("shop:" + base62(18)(r)))
}

func randomBytes(r *rand.Rand, length int) []byte {
	bytes := make([]byte, length)
	for i := range bytes {
		bytes[i] = byte(r.Uint32())
	}
	return bytes
}

// jwt is a header, claims and a signature.
func jwt(r *rand.Rand) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","kid":"`+base62(10)(r)+`"}`)) + "." + encode([]byte(`{"iss":"kubernetes/serviceaccount","sub":"`+base62(24)(r)+`"}`)) + "." + encode(randomBytes(r, 64))
}

// typed is a password of a person who likes marks.
func typed(r *rand.Rand) string { return base62(9)(r) + of("!#$%^*+-_~", 2)(r) + base62(9)(r) }

func forms() []form {
	return []form{
		// RFC 6750, RFC 7617, RFC 9110: credentials in headers, as curl, HTTP dumps and programs print them.
		{name: "bearer authorization", text: "Authorization: Bearer §", secret: url64(40), keeps: []string{"Authorization: Bearer"}},
		{name: "bearer authorization of HTTP/2", text: "< authorization: bearer §", secret: base62(32), keeps: []string{"authorization: bearer"}},
		{name: "basic authorization of curl", text: `curl -sS -H "Authorization: Basic §" https://api.shop:8443/v1`, secret: login, keeps: []string{"https://api.shop:8443/v1"}},
		{name: "authorization in Go's map of headers", text: "map[Accept:[*/*] Authorization:[Bearer §] Host:[api.shop]]", secret: url64(36), keeps: []string{"Host:[api.shop]"}},
		{name: "authorization in JSON", text: `{"headers":{"Authorization":"Bearer §","Host":"api.shop"}}`, secret: url64(36), keeps: []string{`"Host":"api.shop"`}},
		{name: "authorization with a scheme of a service", text: "Authorization: token §", secret: base62(24)},
		{name: "authorization without a scheme", text: "authorization: §", secret: base62(32)},
		{name: "proxy authorization", text: "Proxy-Authorization: Basic §", secret: login, keeps: []string{"Proxy-Authorization: Basic"}},
		{name: "digest authorization", text: `Authorization: Digest username="shop", realm="api", response="§"`, secret: hexa(32), whole: true, front: true},
		{name: "signature of AWS", text: "Authorization: AWS4-HMAC-SHA256 Credential=x/20260102/eu-west-3/s3/aws4_request, SignedHeaders=host, Signature=§", secret: hexa(64), whole: true, front: true},
		{name: "a bearer in a sentence", text: "request with Bearer § was refused by api.shop", secret: url64(40), keeps: []string{"was refused by api.shop"}},
		{name: "header of an API key", text: "X-Api-Key: §", secret: base62(32), keeps: []string{"X-Api-Key"}},
		{name: "header of Vault", text: "X-Vault-Token: §", secret: base62(24, "s.")},
		// RFC 6265.
		{name: "cookies", text: "Cookie: theme=dark; sid=§; lang=en", secret: base62(32), keeps: []string{"sid="}},
		{name: "cookie that is set", text: "Set-Cookie: session=§; Path=/shop; Expires=Wed, 21 Oct 2026 07:28:00 GMT; HttpOnly", secret: url64(40), keeps: []string{"session=", "Path=/shop", "Expires=Wed, 21 Oct 2026 07:28:00 GMT", "HttpOnly"}},
		{name: "cookies in a list", text: "headers: { 'set-cookie': [ 'theme=dark; Path=/', 'sid=§; Path=/' ], host: 'shop' }", secret: base62(32), keeps: []string{"host: 'shop'"}},
		{name: "cookies in Go's map of headers", text: "map[Set-Cookie:[theme=dark; Path=/ sid=§; Path=/] Host:[shop]]", secret: base62(32), keeps: []string{"Host:[shop]"}},
		// RFC 3986; the connection strings of PostgreSQL, MongoDB, Redis, RabbitMQ, Oracle and Go's MySQL driver.
		{name: "password in the URL of PostgreSQL", text: "dial postgres://shop:§@db.shop:5432/orders?sslmode=disable failed", secret: base62(20), keeps: []string{"postgres://shop:", "@db.shop:5432/orders?sslmode=disable failed"}},
		{name: "password in the URL of MongoDB", text: "mongodb+srv://root:§@cluster0.example.net,b.example.net/orders", secret: base62(20), keeps: []string{"@cluster0.example.net,b.example.net/orders"}},
		{name: "password without a user", text: "redis://:§@cache.shop:6379/0", secret: base62(20), keeps: []string{"@cache.shop:6379/0"}},
		{name: "password with percent encoding", text: "amqp://shop:§@mq.shop:5672/%2f", secret: func(r *rand.Rand) string { return base62(8)(r) + "%40%2F" + base62(8)(r) }, keeps: []string{"@mq.shop:5672"}},
		{name: "password with marks that should be encoded", text: "postgres://shop:§@db.shop:5432/orders", secret: func(r *rand.Rand) string { return base62(8, "x")(r) + "/#?" + base62(8)(r) }, keeps: []string{"@db.shop:5432/orders"}, whole: true, front: true, back: true},
		{name: "token as a user of a URL", text: "git clone https://§@git.example.com/shop/web.git", secret: base62(40), keeps: []string{"@git.example.com/shop/web.git"}, whole: true, back: true},
		{name: "password of Go's MySQL driver", text: "open shop:§@tcp(db.shop:3306)/orders", secret: base62(20), keeps: []string{"shop:", "@tcp(db.shop:3306)/orders"}, whole: true, back: true},
		{name: "password of Oracle's thin driver", text: "jdbc:oracle:thin:shop/§@//db.shop:1521/orders", secret: base62(20), keeps: []string{"@//db.shop:1521/orders"}, whole: true, back: true},
		{name: "password that was taken for a port", text: `parse "postgres://shop": invalid port ":§" after host`, secret: base62(16), keeps: []string{"invalid port", "after host"}, whole: true},
		// JDBC, ADO.NET, ODBC, libpq.
		{name: "parameter of JDBC", text: "jdbc:postgresql://db.shop:5432/orders?user=shop&password=§&ssl=true", secret: base62(20), keeps: []string{"db.shop:5432", "user=shop", "&ssl=true"}},
		{name: "connection string of ADO.NET", text: "Server=db.shop,1433;Database=orders;User Id=shop;Password=§;Encrypt=True", secret: typed, keeps: []string{"Server=db.shop,1433", "User Id=shop", ";Encrypt=True"}},
		{name: "connection string of ODBC", text: "Driver=x;Server=db.shop;Uid=shop;Pwd=§;", secret: typed, keeps: []string{"Uid=shop"}},
		{name: "connection string of libpq", text: "host=db.shop port=5432 user=shop password=§ dbname=orders", secret: typed, keeps: []string{"host=db.shop port=5432 user=shop", "dbname=orders"}},
		// Environment, JSON, YAML, properties, programs' own dumps.
		{name: "environment variable", text: "FOO_PASSWORD=§", secret: typed, keeps: []string{"FOO_PASSWORD="}},
		{name: "environment variable that is exported", text: "export DEPLOY_TOKEN=§", secret: typed, keeps: []string{"export DEPLOY_TOKEN="}},
		{name: "environment variable with a number", text: "DB_PASS_2: §", secret: base62(20), keeps: []string{"DB_PASS_2"}},
		{name: "environment variable of a pod", text: "    - name: DB_PASSWORD\n      value: §", secret: base62(20), keeps: []string{"DB_PASSWORD", "value:"}},
		{name: "environment variable of a pod in JSON", text: `{"name": "DB_PASSWORD", "value": "§"}`, secret: base62(20), keeps: []string{"DB_PASSWORD"}},
		{name: "JSON", text: `{"user": "shop", "apiKey": "§", "host": "db.shop"}`, secret: base62(24), keeps: []string{`"user": "shop"`, `"apiKey"`, `"host": "db.shop"`}},
		{name: "JSON in JSON", text: `{"log":"{\"user\":\"shop\",\"password\":\"§\",\"host\":\"db.shop\"}"}`, secret: base62(24), keeps: []string{"db.shop"}},
		{name: "list in JSON", text: `{"tokens_secret": ["§", "x"], "host": "db.shop"}`, secret: base62(24), keeps: []string{"db.shop"}},
		{name: "YAML", text: "  secretKey: §", secret: base62(24), keeps: []string{"secretKey:"}},
		{name: "YAML in quotes", text: "  db-password: '§' # of the shop", secret: typed, keeps: []string{"db-password:", "of the shop"}},
		{name: "block of YAML", text: "  password: |\n    §\n  host: db.shop", secret: typed, keeps: []string{"host: db.shop"}, whole: true, back: true},
		{name: "properties", text: "spring.datasource.password = §", secret: typed, keeps: []string{"spring.datasource.password"}},
		{name: "camelCase", text: "dbPassword=§", secret: typed, keeps: []string{"dbPassword="}},
		{name: "kebab-case", text: "client-secret: §", secret: base62(24), keeps: []string{"client-secret"}},
		{name: "Go's structs", text: "{Host:db.shop Port:5432 Password:§ User:shop}", secret: base62(20), keeps: []string{"Host:db.shop Port:5432", "User:shop"}},
		{name: "Java's objects", text: "Config(host=db.shop, password=§, user=shop)", secret: base62(20), keeps: []string{"host=db.shop", "user=shop"}},
		{name: "Python's dictionaries", text: "{'host': 'db.shop', 'password': b'§', 'user': 'shop'}", secret: base62(20), keeps: []string{"db.shop", "'user': 'shop'"}},
		{name: "Ruby's hashes", text: `{:host=>"db.shop", :password=>"§"}`, secret: base62(20), keeps: []string{"db.shop"}},
		{name: "XML", text: "<host>db.shop</host><password>§</password>", secret: base62(20), keeps: []string{"db.shop"}},
		{name: "settings of .NET", text: `<add key="DbPassword" value="§" />`, secret: base62(20), keeps: []string{"DbPassword"}},
		{name: "form", text: "POST /login body user%3Dshop%26password%3D§%26x%3D1", secret: base62(20), keeps: []string{"user%3Dshop", "%26x%3D1"}, whole: true, front: true},
		{name: "colours", text: "\x1b[36mpassword=\x1b[0m§\x1b[0m host=db.shop", secret: base62(20), keeps: []string{"host=db.shop"}, whole: true},
		// Command lines.
		{name: "flag", text: "exec: shopd --password=§ --host=db.shop", secret: base62(20), keeps: []string{"--password=", "--host=db.shop"}},
		{name: "flag and argument", text: "exec: shopd --password § --host db.shop", secret: base62(20), keeps: []string{"--password", "--host db.shop"}},
		{name: "flag of a token", text: "exec: shopd -v --api-token § serve", secret: base62(20), keeps: []string{"--api-token", "serve"}},
		{name: "flag in a list", text: `args: ["shopd", "--password", "§", "--host", "db.shop"]`, secret: base62(20), keeps: []string{"db.shop"}},
		{name: "flag of MySQL's programs", text: "mysqldump -h db.shop -u root -p§ orders", secret: base62(20), keeps: []string{"-h db.shop -u root", "orders"}},
		{name: "flag of curl", text: "curl -u shop:§ https://api.shop/", secret: base62(20), keeps: []string{"-u shop:", "https://api.shop/"}},
		{name: "flag of Redis", text: "redis-cli -h cache.shop -a § ping", secret: base62(20), keeps: []string{"cache.shop", "ping"}},
		// Cloud providers: see shapes.go.
		{name: "access key ID of AWS", text: "used AKIA§ in eu-west-3", secret: of(capital+"234567", 16), keeps: []string{"in eu-west-3"}, front: true, back: true},
		{name: "secret key of AWS", text: "aws_secret_access_key = §", secret: base64ed(30), keeps: []string{"aws_secret_access_key"}},
		{name: "secret key of AWS in JSON", text: `{"SecretAccessKey": "§", "Region": "eu-west-3"}`, secret: base64ed(30), keeps: []string{"eu-west-3"}},
		{name: "secret key of AWS beside its ID", text: "login AKIAABCDEFGHIJKLMNOP:§ in eu-west-3", secret: base64ed(30), keeps: []string{"in eu-west-3"}, whole: true, back: true},
		{name: "session token of AWS", text: "AWS_SESSION_TOKEN=IQoJb3JpZ2luX2Vj§", secret: base64ed(90), keeps: []string{"AWS_SESSION_TOKEN="}},
		{name: "signed URL of S3", text: "GET https://s3.example.com/x?X-Amz-Credential=y&X-Amz-Signature=§&x=1", secret: hexa(64), keeps: []string{"https://s3.example.com/x"}, whole: true},
		{name: "API key of Google", text: "GET https://maps.example.com/?key=AIza§", secret: url64(35), keeps: []string{"maps.example.com"}},
		{name: "client secret of Google", text: "client GOCSPX-§", secret: url64(28)},
		{name: "key of a storage account of Azure", text: "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=§;EndpointSuffix=core.windows.net", secret: base64ed(64), keeps: []string{"AccountName=shop", "EndpointSuffix=core.windows.net"}},
		{name: "shared access signature of Azure", text: "https://shop.blob.core.windows.net/c?sv=2024-01-01&sig=§&se=2026", secret: base62(43), keeps: []string{"shop.blob.core.windows.net", "&se=2026"}},
		{name: "client secret of Azure", text: "client abc8Q~§", secret: url64(34), front: true},
		// Tokens of services: see shapes.go.
		{name: "GitHub, personal", text: "token ghp_§", secret: base62(36)},
		{name: "GitHub, OAuth", text: "got gho_§.", secret: base62(36)},
		{name: "GitHub, server", text: "got ghs_§ for shop/web", secret: base62(36), keeps: []string{"for shop/web"}},
		{name: "GitHub, fine-grained", text: "got github_pat_§ for shop/web", secret: of(alnum+"_", 82), keeps: []string{"for shop/web"}},
		{name: "GitLab", text: "clone with glpat-§", secret: url64(20)},
		{name: "Slack", text: "slack: xoxb-123456789012-§ is not in channel", secret: base62(24), keeps: []string{"is not in channel"}},
		{name: "webhook of Slack", text: "POST https://hooks.slack.com/services/T0AAAAAAA/B0AAAAAAA/§: 404", secret: base62(24), keeps: []string{"https://hooks.slack.com/services/"}, whole: true},
		{name: "Stripe", text: "stripe: sk_live_§", secret: base62(24)},
		{name: "npm", text: "//registry.npmjs.org/:_authToken=npm_§", secret: base62(36), keeps: []string{"registry.npmjs.org"}},
		{name: "npm without a key", text: "got npm_§ of ci", secret: base62(36), keeps: []string{"of ci"}, whole: true},
		{name: "PyPI", text: "upload with pypi-AgEIcHlwaS5vcmc§", secret: url64(80)},
		{name: "DigitalOcean", text: "doctl: dop_v1_§ is revoked", secret: hexa(64), keeps: []string{"is revoked"}},
		{name: "Twilio", text: "account AC0 key SK§", secret: hexa(32), whole: true, front: true, back: true},
		{name: "Twilio's auth token", text: "TWILIO_AUTH_TOKEN=§", secret: hexa(32)},
		{name: "SendGrid", text: "sendgrid: SG.§", secret: func(r *rand.Rand) string { return url64(22)(r) + "." + url64(43)(r) }, whole: true},
		{name: "OpenAI", text: "Incorrect API key provided: sk-proj-§. You can find it", secret: base62(48), keeps: []string{"Incorrect API key provided", "You can find it"}, whole: true},
		{name: "Vault", text: "vault: hvs.§ is expired", secret: url64(90), keeps: []string{"is expired"}},
		{name: "Docker Hub", text: "login dckr_pat_§", secret: url64(27)},
		{name: "Grafana", text: "glsa_§", secret: base62(41)},
		// RFC 7519 and Kubernetes' service account tokens.
		{name: "JWT", text: "invalid JWT § for api.shop", secret: jwt, keeps: []string{"for api.shop"}},
		{name: "JWT that is cut off", text: "token eyJhbGciOiJSUzI1NiJ9.§", secret: url64(60)},
		{name: "kubeconfig", text: "    client-key-data: §", secret: base64ed(120), keeps: []string{"client-key-data"}},
		// Hashes of passwords: crypt(5), Apache, PHC, Django, PostgreSQL, LDAP.
		{name: "bcrypt", text: "admin:$2y$10$§", secret: of(alnum+"./", 53), keeps: []string{"admin:"}},
		{name: "SHA-512 of crypt", text: "root:$6$saltsalt$§", secret: of(alnum+"./", 86), keeps: []string{"root:"}},
		{name: "htpasswd", text: "shop:$apr1$saltsalt$§", secret: of(alnum+"./", 22), keeps: []string{"shop:"}},
		{name: "argon2", text: "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$§", secret: base62(43)},
		{name: "Django's hash", text: "pbkdf2_sha256$260000$saltsaltsalt$§", secret: base64ed(32)},
		{name: "LDAP's hash", text: "userPassword: {SSHA}§", secret: base64ed(24)},
		// Docker: config.json, and as a Secret of Kubernetes.
		{name: "docker config", text: `{"auths":{"ghcr.io":{"auth":"§"}}}`, secret: login, keeps: []string{"ghcr.io"}, whole: true, back: true},
		{name: "docker config of a Secret", text: "  .dockerconfigjson: §", secret: func(r *rand.Rand) string {
			return base64.StdEncoding.EncodeToString([]byte(`{"auths":{"ghcr.io":{"auth":"` + login(r) + `"}}}`))
		}, keeps: []string{".dockerconfigjson"}},
		// core/v1 Secret.
		{name: "Secret in YAML", text: "apiVersion: v1\ndata:\n  greeting: §\nkind: Secret\nmetadata:\n  name: web-login", secret: base64ed(24), keeps: []string{"greeting:", "name: web-login"}, front: true, back: true},
		{name: "Secret in a list", text: "items:\n- apiVersion: v1\n  kind: Secret\n  stringData:\n    greeting: §\n  metadata:\n    name: web-login", secret: typed, keeps: []string{"name: web-login"}, whole: true, front: true, back: true},
		{name: "Secret in JSON", text: `{"apiVersion":"v1","data":{"a":"x","greeting":"§"},"kind":"Secret","metadata":{"name":"web-login"}}`, secret: base64ed(24), keeps: []string{`"name":"web-login"`}, front: true, back: true},
		// Whatever it is, behind a word that says what it is.
		{name: "password in a sentence", text: "the generated admin password is § for shop", secret: base62(20), keeps: []string{"for shop"}, whole: true, back: true},
		{name: "token in a sentence", text: `invalid token "§" of shop`, secret: base62(32), keeps: []string{"of shop"}, whole: true, back: true},
	}
}
