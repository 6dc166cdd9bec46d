package match_test

import (
	"fmt"
	"math/rand/v2"
)

const logSize = 16 << 20

// logOf returns logSize bytes or a line more of a log that four programs wrote: JSON lines, Java, Go (klog) and
// nginx access. It is always the same. Every failEvery-th line tells of a failure; none does if it is 0.
func logOf(failEvery int) []byte {
	w := &logWriter{random: rand.New(rand.NewPCG(7, 11)), log: make([]byte, 0, logSize+1000)}
	for n := 1; len(w.log) < logSize; n++ {
		w.second += w.random.IntN(2)
		if failEvery > 0 && n%failEvery == 0 {
			w.fail()
			continue
		}
		switch n / 200 % 4 { // some time each, as logs that were put together have it
		case 0:
			w.json()
		case 1:
			w.java()
		case 2:
			w.klog()
		case 3:
			w.nginx()
		}
	}
	return w.log
}

type logWriter struct {
	random *rand.Rand
	second int
	log    []byte
}

func (w *logWriter) one(of ...string) string {
	return of[w.random.IntN(len(of))]
}

func (w *logWriter) printf(format string, args ...any) {
	w.log = fmt.Appendf(w.log, format+"\n", args...)
}

func (w *logWriter) clock() string {
	return fmt.Sprintf("%02d:%02d:%02d", w.second/3600%24, w.second/60%60, w.second%60)
}

func (w *logWriter) json() {
	w.printf(`{"level":"%s","ts":"2031-05-17T%s.%03dZ","logger":"%s","caller":"%s/%s.go:%d","msg":"%s","order":"%08x","customer":%d,"duration_ms":%d.%d,"trace":"%016x%016x"}`,
		w.one("info", "info", "info", "debug", "warn"), w.clock(), w.random.IntN(1000), w.one("checkout", "stock", "billing", "mail"),
		w.one("checkout", "basket", "price"), w.one("handler", "store", "worker"), 10+w.random.IntN(400),
		w.one("order accepted", "payment captured", "cache miss, reading from the store", "stock reserved", "retrying delivery of notification", "request finished"),
		w.random.Uint32(), w.random.IntN(100_000), w.random.IntN(900), w.random.IntN(10), w.random.Uint64(), w.random.Uint64())
}

func (w *logWriter) java() {
	w.printf("2031-05-17 %s.%03d %5s %d --- [%s-%d] %-40s : %s", w.clock(), w.random.IntN(1000), w.one("INFO", "INFO", "DEBUG", "WARN"), 1,
		w.one("nio-8080-exec", "scheduling", "kafka-consumer"), w.random.IntN(20),
		w.one("o.e.shop.basket.BasketController", "o.e.shop.price.PriceService", "org.hibernate.SQL", "o.s.web.servlet.DispatcherServlet"),
		w.one("Completed initialization in 412 ms", "select b.id, b.owner, b.updated_at from basket b where b.owner = ? and b.closed = false order by b.updated_at desc",
			"Computed 18 prices for basket 77120 in 3 ms", "Received message from partition 4 at offset 8823192", "Transaction committed, 4 rows written"))
}

func (w *logWriter) klog() {
	w.printf(`%s0517 %s.%06d       1 %s.go:%d] "%s" namespace="%s" name="%s-%05x" attempts=%d elapsed="%dms"`, w.one("I", "I", "W"), w.clock(), w.random.IntN(1_000_000),
		w.one("controller", "reflector", "sync", "garbagecollector", "event"), 50+w.random.IntN(900),
		w.one("Finished syncing", "Reconciling object", "Watch closed, starting again", "Updated status of resource", "Queue drained"),
		w.one("shop", "billing", "kube-system", "observability"), w.one("web", "stock-api", "ledger", "mailer"), w.random.IntN(1<<20), w.random.IntN(4), w.random.IntN(800))
}

func (w *logWriter) nginx() {
	w.printf(`10.%d.%d.%d - - [17/May/2031:%s +0000] "%s /%s/%d?page=%d HTTP/1.1" %s %d "https://shop.example.org/%s" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36" rt=0.%03d`,
		w.random.IntN(256), w.random.IntN(256), w.random.IntN(256), w.clock(), w.one("GET", "GET", "GET", "POST"), w.one("articles", "basket", "search", "static/img"), w.random.IntN(100_000), w.random.IntN(20),
		w.one("200", "200", "200", "304", "404"), w.random.IntN(60_000), w.one("", "articles", "offers"), 120+w.random.IntN(20), w.random.IntN(1000))
}

func (w *logWriter) fail() {
	switch w.random.IntN(6) {
	case 0:
		w.printf(`{"level":"error","ts":"2031-05-17T%s.%03dZ","msg":"cannot reach ledger","error":"dial tcp 10.96.%d.%d:5432: connect: connection refused"}`, w.clock(), w.random.IntN(1000), w.random.IntN(256), w.random.IntN(256))
	case 1:
		w.printf("java.lang.OutOfMemoryError: Java heap space\n\tat org.example.shop.price.PriceService.load(PriceService.java:%d)", w.random.IntN(500))
	case 2:
		w.printf(`E0517 %s.%06d       1 reflector.go:%d] Failed to watch: dial tcp: lookup stock.shop.svc on 10.96.0.10:53: no such host`, w.clock(), w.random.IntN(1_000_000), w.random.IntN(500))
	case 3:
		w.printf("panic: runtime error: index out of range [%d] with length %d", 5+w.random.IntN(5), w.random.IntN(5))
	case 4:
		w.printf("open /var/lib/ledger/%d.db: permission denied", w.random.IntN(1000))
	case 5:
		w.printf("KeyError: 'LEDGER_URL'")
	}
}
