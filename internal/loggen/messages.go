package loggen

import "fmt"

const (
	severityDebug = 5
	severityInfo  = 9
	severityWarn  = 13
	severityError = 17
)

// message is a kind of log line.
type message struct {
	severity int
	write    func(g *Generator)
}

var (
	methods  = []string{"GET", "GET", "GET", "GET", "POST", "PUT", "DELETE"}
	statuses = []string{"200", "200", "200", "200", "200", "201", "204", "301", "304", "400", "401", "404", "429"}
	tables   = []string{"orders", "order_items", "users", "carts", "payments", "products", "stock", "shipments", "sessions"}
	topics   = []string{"orders.placed", "orders.paid", "stock.changed", "mail.outbox", "search.updates"}
	agents   = []string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15", "curl/8.5.0", "Go-http-client/2.0",
	}
	words = []string{"red", "shoes", "lamp", "winter", "jacket", "phone", "case", "garden", "table", "book", "coffee", "mug", "bike", "tent"}
)

// path writes a request path.
func (g *Generator) path() *Generator {
	switch g.rnd.IntN(8) {
	case 0:
		return g.s("/")
	case 1:
		return g.s("/api/v1/products/").int(50_000)
	case 2:
		return g.s("/api/v1/cart/").uuid().s("/items")
	case 3:
		return g.s("/api/v1/orders/").int(10_000_000)
	case 4:
		return g.s("/search?q=").one(words).s("+").one(words).s("&page=").int(20)
	case 5:
		return g.s("/users/").user().s("/profile")
	case 6:
		return g.s("/static/app.").hex(8).s(".js")
	}
	return g.s("/healthz")
}

var (
	access = message{severityInfo, func(g *Generator) {
		g.ip().s(" - - \"").one(methods).s(" ").path().s(" HTTP/1.1\" ").one(statuses).s(" ").int(90_000).s(" \"").one(agents).s("\" ").ms()
	}}
	request = message{severityInfo, func(g *Generator) {
		g.s("request completed method=").one(methods).s(" path=").path().s(" status=").one(statuses).s(" duration=").ms().s("ms request_id=").uuid()
	}}
	statement = message{severityDebug, func(g *Generator) {
		g.s("SELECT * FROM ").one(tables).s(" WHERE id = ").int(10_000_000).s(" AND tenant = 'shop' -- rows=").int(50).s(" took ").ms().s(" ms")
	}}
	slowQuery = message{severityWarn, func(g *Generator) {
		g.s("slow query on table ").one(tables).s(": ").ms().s(" ms, plan ").hex(16).s(", rows examined ").int(5_000_000)
	}}
	cache = message{severityDebug, func(g *Generator) {
		g.s("cache ").one([]string{"hit", "hit", "hit", "miss"}).s(" key=product:").int(50_000).s(" ttl=").int(3600).s("s")
	}}
	pool = message{severityInfo, func(g *Generator) {
		g.s("connection pool: active=").int(50).s(" idle=").int(50).s(" waiting=").int(5).s(" max=50")
	}}
	produced = message{severityInfo, func(g *Generator) {
		g.s("produced message to topic ").one(topics).s(" partition ").int(24).s(" offset ").int(2_000_000_000)
	}}
	consumed = message{severityInfo, func(g *Generator) {
		g.s("consumer group ").one(Services).s("-workers: committed offset ").int(2_000_000_000).s(" lag ").int(500)
	}}
	collection = message{severityDebug, func(g *Generator) {
		g.s("[").timestamp().s("][gc] Pause Young (Normal) ").int(900).s("M->").int(300).s("M(1024M) ").ms().s("ms")
	}}
	retry = message{severityWarn, func(g *Generator) {
		g.s("retrying call to ").one(Services).s(" (attempt ").int(5).s(" of 5): rpc error: code = Unavailable desc = connection refused")
	}}
	logIn = message{severityInfo, func(g *Generator) {
		g.s("user ").user().s(" logged in from ").ip().s(" session ").hex(32)
	}}
	logInFailed = message{severityWarn, func(g *Generator) {
		g.s("failed password for user ").user().s(" from ").ip().s(" port ").int(65536)
	}}
	ordered = message{severityInfo, func(g *Generator) {
		g.s("order ").int(10_000_000).s(" placed by ").user().s(": ").int(9).s(" items, total ").int(900).s(".").padded(g.rnd.IntN(100), 2).s(" EUR")
	}}
	structured = message{severityInfo, func(g *Generator) {
		g.s(`{"level":"info","ts":"`).timestamp().s(`","msg":"payment authorized","amount":`).int(100_000).s(`,"currency":"EUR","card":"****`).
			padded(g.rnd.IntN(10_000), 4).s(`","provider":"`).one([]string{"adyen", "stripe", "paypal"}).s(`","id":"pay_`).hex(16).s(`"}`)
	}}
	scheduled = message{severityInfo, func(g *Generator) {
		g.s("Successfully assigned shop/").pod().s(" to node-").int(12)
	}}
	pulled = message{severityInfo, func(g *Generator) {
		g.s(`Successfully pulled image "registry.local/shop/`).one(Services).s(":v1.").int(40).s(".").int(9).s(`" in `).ms().s("ms")
	}}
	backOff = message{severityWarn, func(g *Generator) {
		service := g.rnd.IntN(len(Services))
		g.s("Back-off restarting failed container ").s(Services[service]).s(" in pod ").one(g.instances[service]).s("_shop(").uuid().s(")")
	}}
	probe = message{severityWarn, func(g *Generator) {
		g.s("Readiness probe failed: Get \"http://").ip().s(":8080/healthz\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
	}}
	mailed = message{severityInfo, func(g *Generator) {
		g.s("mail to ").user().s("@example.com accepted by mx").int(4).s(".example.com: 250 2.0.0 Ok: queued as ").hex(10)
	}}
	indexed = message{severityInfo, func(g *Generator) {
		g.s("indexed ").int(5000).s(" documents in ").ms().s(" ms, refresh took ").ms().s(" ms, segments ").int(60)
	}}
)

// messages are what each service says, by its place in Services; repeated kinds are frequent.
var messages = [][]message{
	{request, request, request, cache, retry, logIn, pool},       // frontend
	{request, request, ordered, produced, retry, statement},      // checkout
	{request, request, cache, cache, statement, collection},      // cart
	{request, structured, structured, statement, pool},           // payment
	{request, cache, cache, statement, statement, slowQuery},     // catalog
	{request, produced, consumed, statement},                     // shipping
	{request, logIn, logIn, logInFailed, statement, pool},        // accounts
	{request, request, indexed, consumed, slowQuery, collection}, // search
	{mailed, mailed, consumed, retry},                            // email
	{request, statement, consumed, produced, cache},              // inventory
	{access, access, access, access, access, probe},              // ingress
	{scheduled, pulled, backOff, probe, scheduled},               // scheduler
}

// failures are what any service says when something breaks.
var failures = []func(g *Generator){
	func(g *Generator) {
		g.s("connection timeout after ").int(30_000).s("ms to ").one(Services).s(".shop.svc:8080 trace=").hex(32)
	},
	func(g *Generator) {
		g.s("deadlock detected: process ").int(60_000).s(" waits for ShareLock on transaction ").int(900_000_000).s("; blocked by process ").int(60_000)
	},
	func(g *Generator) {
		g.s("panic: runtime error: index out of range [").int(100).s("] with length ").int(100).s("\n\ngoroutine ").int(5000).s(" [running]:")
		for _, frame := range g.goStacks[g.rnd.IntN(len(g.goStacks))] {
			g.s("\n").s(frame).s("(0xc000").hex(6).s(")\n\t/src/").s(frame[:len(frame)/2]).s(".go:").int(900).s(" +0x").hex(3)
		}
	},
	func(g *Generator) {
		g.s("java.lang.IllegalStateException: order ").int(10_000_000).s(" is already paid")
		for _, frame := range g.javaStacks[g.rnd.IntN(len(g.javaStacks))] {
			g.s("\n\tat ").s(frame)
		}
	},
}

// stacks are the call stacks in which things break: few, and always the same.
func (g *Generator) stacks(frame func() string) (all [][]string) {
	for range 40 {
		var frames []string
		for range 4 + g.rnd.IntN(12) {
			frames = append(frames, frame())
		}
		all = append(all, frames)
	}
	return all
}

func (g *Generator) goFrame() string {
	return "shop/" + g.pick(Services) + "/internal/" + g.pick(tables) + ".(*Store)." + g.pick([]string{"Get", "Put", "List", "Update"})
}

func (g *Generator) javaFrame() string {
	method := g.pick([]string{"Handler.handle", "Service.apply", "Store.load", "Client.call"})
	return fmt.Sprintf("shop.%s.%s.%s(Source.java:%d)", g.pick(Services), g.pick(tables), method, 1+g.rnd.IntN(900))
}

func (g *Generator) pick(of []string) string { return of[g.rnd.IntN(len(of))] }
