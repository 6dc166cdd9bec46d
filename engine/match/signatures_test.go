package match_test

import (
	"regexp"
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/match"
)

// signatureLines stand for a real catalogue: the literals between tabs, then after " ~ " the regular expression,
// if any, then after " !~ " what must not match. A literal that begins with (?i) makes the line ignore case.
const signatureLines = `OutOfMemoryError ~ java\.lang\.OutOfMemoryError: (?P<area>[A-Za-z ]+)
GC overhead limit exceeded
Terminating due to java.lang.OutOfMemoryError
JavaScript heap out of memory ~ FATAL ERROR: (?P<what>.+) - JavaScript heap out of memory
Last few GCs
fatal error: ~ ^fatal error: (?P<what>.+)
runtime: out of memory
cannot allocate memory	Cannot allocate memory ~ (?i)(?P<call>\w+): cannot allocate memory
MemoryError ~ ^(numpy\..*)?MemoryError
System.OutOfMemoryException
Allowed memory size of ~ Allowed memory size of (?P<bytes>\d+) bytes exhausted
std::bad_alloc
unable to allocate
memory allocation of ~ memory allocation of (?P<bytes>\d+) bytes failed
panic: ~ ^panic: (?P<what>.+) !~ test panic
goroutine 1 [running]
signal SIGSEGV ~ \[signal SIGSEGV: segmentation violation code=(?P<code>\S+)
(?i)segmentation fault ~ (?i)segmentation fault( \(core dumped\))?
SIGABRT	Aborted (core dumped)
nil pointer dereference
index out of range ~ index out of range \[(?P<index>-?\d+)\] with length (?P<length>\d+)
concurrent map writes	concurrent map read and map write
all goroutines are asleep
thread 'main' panicked ~ thread 'main' panicked at (?P<where>[^:]+:\d+)
Traceback (most recent call last)
ModuleNotFoundError ~ ModuleNotFoundError: No module named '(?P<module>[^']+)'
ImportError: ~ ImportError: (?P<what>cannot import name .+|lib\S+: cannot open shared object file)
SyntaxError: ~ ^SyntaxError: (?P<what>.+)
IndentationError:
KeyError: ~ ^KeyError: '(?P<key>[A-Z_]+)'
AttributeError: ~ ^AttributeError: (?P<what>.+)
TypeError: ~ ^(Uncaught )?TypeError: (?P<what>.+)
ValueError: ~ ^ValueError: (?P<what>.+)
FileNotFoundError: ~ FileNotFoundError: \[Errno 2\] No such file or directory: '(?P<path>[^']+)'
PermissionError: ~ PermissionError: \[Errno 13\] Permission denied: '(?P<path>[^']+)'
RecursionError:
Error: Cannot find module ~ Error: Cannot find module '(?P<module>[^']+)'
ERR_MODULE_NOT_FOUND
UnhandledPromiseRejection ~ UnhandledPromiseRejection(Warning)?: (?P<what>.+)
ReferenceError: ~ ReferenceError: (?P<name>\w+) is not defined
npm ERR! ~ npm ERR! (missing script: (?P<script>\S+)|code (?P<code>E\w+))
npm error Missing script
ECONNREFUSED ~ connect ECONNREFUSED (?P<address>[0-9a-f.:]+:\d+)
ENOTFOUND ~ getaddrinfo ENOTFOUND (?P<host>\S+)
EAI_AGAIN ~ getaddrinfo EAI_AGAIN (?P<host>\S+)
ETIMEDOUT ~ (connect|read) ETIMEDOUT (?P<address>\S+)
ECONNRESET
EADDRINUSE ~ listen EADDRINUSE: address already in use (?P<address>\S+)
EACCES ~ EACCES: permission denied, (?P<call>\w+) '(?P<path>[^']+)'
ENOENT ~ ENOENT: no such file or directory, (?P<call>\w+) '(?P<path>[^']+)'
EROFS ~ EROFS: read-only file system, (?P<call>\w+) '(?P<path>[^']+)'
ENOSPC ~ ENOSPC: (?P<what>.+)
EMFILE ~ EMFILE: too many open files
(?i)connection refused ~ (?i)(dial tcp |connect to |to )?(?P<address>[\w.\-]+:\d+)?.*connection refused
no such host ~ lookup (?P<host>\S+?)( on \S+)?: no such host
Temporary failure in name resolution
Name or service not known
UnknownHostException ~ java\.net\.UnknownHostException: (?P<host>[\w.\-]+)
could not translate host name ~ could not translate host name "(?P<host>[^"]+)" to address
(?i)connection timed out
i/o timeout ~ dial tcp (?P<address>\S+): i/o timeout
context deadline exceeded
(?i)no route to host
network is unreachable
connection reset by peer
broken pipe ~ (?i)write: broken pipe
java.net.ConnectException ~ java\.net\.ConnectException: (?P<what>.+)
SocketTimeoutException ~ java\.net\.SocketTimeoutException: (?P<what>.+)
NoRouteToHostException
(?i)address already in use ~ (?i)(bind|listen)[^\n]*?(?P<port>\d+)?[^\n]*address already in use
java.net.BindException ~ java\.net\.BindException: (?P<what>.+)
Port already in use
port is already allocated
was already in use ~ Web server failed to start\. Port (?P<port>\d+) was already in use
bind: permission denied ~ listen tcp (?P<address>\S*:\d+): bind: permission denied
(?i)permission denied ~ (?i)(open |stat |mkdir |'|")?(?P<path>/[^'": ]+)['"]?: permission denied
(?i)read-only file system ~ (?i)(?P<path>/[^'": ]+)['"]?: read-only file system
(?i)no such file or directory ~ (?i)(?P<path>/[^'": ]+)['"]?: no such file or directory
(?i)no space left on device
(?i)too many open files
Operation not permitted
exec format error ~ exec (?P<path>\S+): exec format error
executable file not found ~ exec: "(?P<command>[^"]+)": executable file not found in \$PATH
command not found ~ (?P<command>[\w./-]+): (command )?not found
bad interpreter ~ (?P<path>\S+): bad interpreter
cannot execute: required file not found
error while loading shared libraries ~ error while loading shared libraries: (?P<library>\S+): cannot open shared object file
version 'GLIBC_ ~ version 'GLIBC_(?P<version>[\d.]+)' not found
undefined symbol: ~ undefined symbol: (?P<symbol>\S+)
ClassNotFoundException ~ java\.lang\.ClassNotFoundException: (?P<class>[\w.$]+)
NoClassDefFoundError ~ java\.lang\.NoClassDefFoundError: (?P<class>[\w/$]+)
NoSuchMethodError
UnsupportedClassVersionError ~ class file version (?P<version>[\d.]+)
Could not find or load main class ~ Could not find or load main class (?P<class>\S+)
Unable to access jarfile ~ Unable to access jarfile (?P<path>\S+)
no main manifest attribute
Unrecognized VM option ~ Unrecognized VM option '(?P<option>[^']+)'
Invalid maximum heap size ~ Invalid maximum heap size: (?P<option>\S+)
Could not create the Java Virtual Machine
Exception in thread "main" ~ Exception in thread "main" (?P<class>[\w.$]+)(: (?P<what>.+))?
Application run failed
APPLICATION FAILED TO START
BeanCreationException ~ Error creating bean with name '(?P<bean>[^']+)'
Could not resolve placeholder ~ Could not resolve placeholder '(?P<name>[^']+)'
UnsatisfiedDependencyException
Failed to configure a DataSource
HikariPool-1 - Exception during pool initialization
FlywayException	Migration checksum mismatch
liquibase.exception ~ liquibase\.exception\.(?P<class>\w+): (?P<what>.+)
relation " ~ relation "(?P<relation>[^"]+)" does not exist
database " ~ database "(?P<database>[^"]+)" does not exist
role " ~ role "(?P<role>[^"]+)" does not exist
password authentication failed ~ password authentication failed for user "(?P<user>[^"]+)"
Access denied for user ~ Access denied for user '(?P<user>[^']+)'@'(?P<host>[^']+)'
Unknown database ~ Unknown database '(?P<database>[^']+)'
Can't connect to MySQL server ~ Can't connect to (local )?MySQL server (on|through) '(?P<host>[^']+)'
Communications link failure
too many connections	Too many connections
the database system is starting up
database files are incompatible with server ~ initialized by PostgreSQL version (?P<version>\d+)
data directory " ~ data directory "(?P<path>[^"]+)" has (wrong ownership|invalid permissions)
lock file "postmaster.pid" already exists
FATAL: ~ ^(\S+ \S+ \S+ )?(\[\d+\] )?FATAL:  (?P<what>.+)
PANIC: ~ PANIC:  (?P<what>.+)
could not connect to server ~ could not connect to server: (?P<what>.+)
MongoServerSelectionError ~ MongoServerSelectionError: (?P<what>.+)
MongoNetworkError
NOAUTH Authentication required
WRONGPASS
MISCONF Redis is configured
LOADING Redis is loading
Error connecting to Redis
Broker may not be available ~ Connection to node (?P<node>-?\d+) \((?P<host>[^)]+)\) could not be established
Failed to update metadata after
TimeoutException: Timed out waiting for a node assignment
ACCESS_REFUSED ~ ACCESS_REFUSED - (?P<what>.+)
max virtual memory areas vm.max_map_count ~ vm\.max_map_count \[(?P<value>\d+)\] is too low
failed to obtain node locks
master not discovered
x509: ~ x509: (?P<what>certificate (signed by unknown authority|has expired or is not yet valid|is valid for .+))
certificate has expired
certificate verify failed ~ certificate verify failed: (?P<what>[^(]+)
PKIX path building failed
SSLHandshakeException
self signed certificate	self-signed certificate
unable to get local issuer certificate
tls: ~ tls: (?P<what>handshake failure|bad certificate|first record does not look like a TLS handshake)
SSL routines
unable to load ~ (?i)unable to load (?P<what>\S+)
unable to read ~ unable to read (?P<what>.+)
unable to parse ~ unable to parse (?P<what>.+)
failed to load config ~ (?i)failed to load config(uration)?:? (?P<what>.+)
failed to parse ~ failed to parse (?P<what>.+)
invalid configuration
yaml: line ~ yaml: line (?P<line>\d+): (?P<what>.+)
error converting YAML to JSON
invalid character ~ invalid character '(?P<character>.)' (?P<what>.+)
json: cannot unmarshal ~ json: cannot unmarshal (?P<kind>\w+) into Go (struct field|value)
missing required ~ missing required (?P<what>.+)
environment variable ~ (?i)(required )?environment variable "?(?P<name>[A-Z][A-Z0-9_]+)"?.*(not set|missing|required|undefined)
is not set ~ (?P<name>[A-Z][A-Z0-9_]{2,}) is not set
parameter not set ~ (?P<name>\w+): parameter not set
unbound variable ~ (?P<name>\w+): unbound variable
flag provided but not defined ~ flag provided but not defined: (?P<flag>-\S+)
unknown flag ~ unknown flag: (?P<flag>--\S+)
unknown shorthand flag
unrecognized arguments ~ error: unrecognized arguments: (?P<arguments>.+)
unknown command ~ unknown command "?(?P<command>[^" ]+)
invalid option ~ invalid option (--|:) ?'?(?P<option>\S+)
unrecognized option ~ unrecognized option:? '?(?P<option>[^' ]+)
nginx: [emerg] ~ nginx: \[emerg\] (?P<what>.+)
host not found in upstream ~ host not found in upstream "(?P<host>[^"]+)"
AH00558 ~ AH00558: (?P<what>.+)
no listening sockets available
PHP Fatal error ~ PHP Fatal error:  (?P<what>.+?) in (?P<file>\S+)
Class " ~ Class "(?P<class>[^"]+)" not found
SQLSTATE[ ~ SQLSTATE\[(?P<state>\w+)\]
Could not open input file
Unhandled exception. ~ Unhandled exception\. (?P<class>[\w.]+): (?P<what>.+)
System.IO.FileNotFoundException
You must install or update .NET
Could not load file or assembly ~ Could not load file or assembly '(?P<assembly>[^',]+)
(LoadError) ~ cannot load such file -- (?P<file>\S+) \(LoadError\)
Bundler::GemNotFound	Could not find gem
A server is already running ~ A server is already running( \(pid: (?P<pid>\d+)|\. Check (?P<path>\S+))
PG::ConnectionBad
ActiveRecord::NoDatabaseError
django.db.utils.OperationalError ~ django\.db\.utils\.OperationalError: (?P<what>.+)
ImproperlyConfigured ~ ImproperlyConfigured: (?P<what>.+)
Worker failed to boot
Worker (pid: ~ Worker \(pid:(?P<pid>\d+)\) was sent (?P<signal>SIG\w+)!
WORKER TIMEOUT
is forbidden: ~ (?P<resource>\S+) is forbidden: User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource
Unauthorized ~ (?i)error.*: Unauthorized$
leaderelection lost	leader election lost ~ (?i)leader ?election lost
failed to acquire lease ~ failed to acquire lease (?P<lease>\S+)
no matches for kind ~ no matches for kind "(?P<kind>[^"]+)" in version "(?P<version>[^"]+)"
unable to load in-cluster configuration
inotify_init	inotify instances
seccomp ~ (?i)seccomp.*(killed|blocked|denied)
(?i)oom-kill ~ (?i)oom-kill(er)?[: ]
Killed process ~ Killed process (?P<pid>\d+) \((?P<name>[^)]+)\)
(?i)listening on ~ (?i)listening (on|at) \S*?:?(?P<port>\d{2,5})\b
Started Application in ~ Started \w+ in (?P<seconds>[\d.]+) seconds
Tomcat started on port ~ Tomcat started on ports?(\(s\):)? (?P<port>\d+)
ready to accept connections
Ready to accept connections
(?i)server started
(?i)successfully connected
start worker processes
Watching for file changes`

func signatures() []match.Pattern {
	var patterns []match.Pattern
	for _, line := range strings.Split(signatureLines, "\n") {
		var p match.Pattern
		line, not, ok := strings.Cut(line, " !~ ")
		if ok {
			p.Not = regexp.MustCompile(not)
		}
		texts, expression, ok := strings.Cut(line, " ~ ")
		if ok {
			p.Regexp = regexp.MustCompile(expression)
		}
		texts, p.IgnoreCase = strings.CutPrefix(texts, "(?i)")
		p.Literals = strings.Split(texts, "\t")
		patterns = append(patterns, p)
	}
	return patterns
}
