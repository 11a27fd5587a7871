package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// statement is what the database can be asked: it answers these, over rows that it really has.
type statement struct {
	text, operation, table string
	cost                   time.Duration // median, with its index
	index                  string        // the index that it uses, dropped by the fault slow-database
	run                    func(*tables, []string) ([]any, int, error)
}

func (s *statement) name() string { return s.operation + " " + s.table }

// tables are the database's rows.
type tables struct {
	mu       sync.Mutex
	products []product
	byID     map[string]int
	orders   []string
	carts    map[string][]cartItem
	cartAge  []string // keys of carts, oldest first
}

type cartItem struct {
	Product  string `json:"product"`
	Quantity int    `json:"quantity"`
}

var (
	selectProduct = &statement{
		text: "SELECT id, name, category, price_cents, stock FROM products WHERE id = $1", operation: "SELECT", table: "products", cost: 900 * time.Microsecond, index: "idx_products_id",
		run: func(t *tables, args []string) ([]any, int, error) {
			if i, ok := t.byID[args[0]]; ok {
				return []any{t.products[i]}, 1, nil
			}
			return nil, 0, nil
		},
	}
	selectCategory = &statement{
		text: "SELECT id, name, category, price_cents, stock FROM products WHERE category = $1 ORDER BY sold DESC LIMIT 12", operation: "SELECT", table: "products", cost: 3 * time.Millisecond,
		run: func(t *tables, args []string) ([]any, int, error) {
			return t.first(12, func(p product) bool { return p.Category == args[0] }), 0, nil
		},
	}
	searchProducts = &statement{
		text: "SELECT id, name, category, price_cents, stock FROM products WHERE name ILIKE '%' || $1 || '%' ORDER BY sold DESC LIMIT 20", operation: "SELECT", table: "products", cost: 6 * time.Millisecond, index: "idx_products_name",
		run: func(t *tables, args []string) ([]any, int, error) {
			return t.first(20, func(p product) bool { return strings.Contains(p.Name, strings.ToLower(args[0])) }), 0, nil
		},
	}
	exportProducts = &statement{
		text: "SELECT p.*, sum(i.quantity) AS sold FROM products p LEFT JOIN order_items i ON i.product = p.id GROUP BY p.id ORDER BY p.id", operation: "SELECT", table: "products", cost: 380 * time.Millisecond,
		run: func(t *tables, _ []string) ([]any, int, error) {
			return t.first(len(t.products), func(product) bool { return true }), 0, nil
		},
	}
	selectRelated = &statement{
		text: "SELECT b.product FROM order_items a JOIN order_items b USING (order_id) WHERE a.product = $1 AND b.product <> $1 GROUP BY b.product ORDER BY count(*) DESC LIMIT 3", operation: "SELECT", table: "order_items", cost: 4 * time.Millisecond,
		run: func(t *tables, args []string) ([]any, int, error) {
			i := t.byID[args[0]]
			var ids []any
			for _, step := range []int{6, 13, 31} {
				ids = append(ids, t.products[(i+step)%len(t.products)].ID)
			}
			return ids, 0, nil
		},
	}
	insertOrder = &statement{
		text: "INSERT INTO orders (id, customer, tenant, total_cents, currency) VALUES ($1, $2, $3, $4, 'EUR')", operation: "INSERT", table: "orders", cost: 2 * time.Millisecond,
		run: func(t *tables, args []string) ([]any, int, error) {
			t.orders = append(t.orders[max(0, len(t.orders)+1-ordersKept):], args[0])
			return nil, 1, nil
		},
	}
	updateStock = &statement{
		text: "UPDATE products SET stock = stock - $1, sold = sold + $1 WHERE id = $2", operation: "UPDATE", table: "products", cost: 1500 * time.Microsecond, index: "idx_products_id",
		run: func(t *tables, args []string) ([]any, int, error) {
			n, err := strconv.Atoi(args[0])
			i, ok := t.byID[args[1]]
			if err != nil || !ok {
				return nil, 0, err
			}
			if t.products[i].Stock -= n; t.products[i].Stock < 0 {
				t.products[i].Stock += 5000 // a delivery has come
			}
			return nil, 1, nil
		},
	}
	insertPayment = &statement{
		text: "INSERT INTO payments (order_id, amount_cents, authorization_code) VALUES ($1, $2, $3)", operation: "INSERT", table: "payments", cost: 2 * time.Millisecond,
		run: func(*tables, []string) ([]any, int, error) { return nil, 1, nil },
	}
	selectCart = &statement{
		text: "SELECT product, quantity FROM cart_items WHERE session = $1", operation: "SELECT", table: "cart_items", cost: 700 * time.Microsecond,
		run: func(t *tables, args []string) ([]any, int, error) {
			var rows []any
			for _, i := range t.carts[args[0]] {
				rows = append(rows, i)
			}
			return rows, 0, nil
		},
	}
	insertCartItem = &statement{
		text: "INSERT INTO cart_items (session, product, quantity) VALUES ($1, $2, 1) ON CONFLICT (session, product) DO UPDATE SET quantity = cart_items.quantity + 1", operation: "INSERT", table: "cart_items", cost: 1200 * time.Microsecond,
		run: (*tables).addToCart,
	}
	deleteCart = &statement{
		text: "DELETE FROM cart_items WHERE session = $1", operation: "DELETE", table: "cart_items", cost: time.Millisecond,
		run: func(t *tables, args []string) ([]any, int, error) {
			n := len(t.carts[args[0]])
			t.carts[args[0]] = nil
			return nil, n, nil
		},
	}
	statements = []*statement{
		selectProduct, selectCategory, searchProducts, exportProducts, selectRelated, insertOrder, updateStock, insertPayment, selectCart, insertCartItem, deleteCart,
	}
)

func (t *tables) first(n int, where func(product) bool) []any {
	var rows []any
	for _, p := range t.products {
		if where(p) && len(rows) < n {
			rows = append(rows, p)
		}
	}
	return rows
}

func (t *tables) addToCart(args []string) ([]any, int, error) {
	items, known := t.carts[args[0]]
	if !known {
		t.cartAge = append(t.cartAge, args[0])
		if len(t.cartAge) > cartsKept {
			delete(t.carts, t.cartAge[0])
			t.cartAge = t.cartAge[1:]
		}
	}
	for i := range items {
		if items[i].Product == args[1] {
			items[i].Quantity++
			return nil, 1, nil
		}
	}
	t.carts[args[0]] = append(items, cartItem{args[1], 1})
	return nil, 1, nil
}

// database answers statements with a bounded number of workers, and speaks of what took long.
type database struct {
	*service
	tables  tables
	byText  map[string]*statement
	workers chan struct{}
}

func newDatabase(s *service) error {
	d := &database{service: s, byText: map[string]*statement{}, workers: make(chan struct{}, databaseWorkers)}
	d.tables = tables{products: stockShelves(s.dice), byID: map[string]int{}, carts: map[string][]cartItem{}}
	for i, p := range d.tables.products {
		d.tables.byID[p.ID] = i
	}
	for _, st := range statements {
		d.byText[st.text] = st
	}
	s.grpc = grpc.NewServer(grpc.ForceServerCodec(jsonCodec{}))
	query := method("Query", d.query)
	s.grpc.RegisterService(&grpc.ServiceDesc{ServiceName: "db.Postgres", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{query}}, struct{}{})
	s.background(d.checkpoints)
	return nil
}

func (d *database) query(ctx context.Context, req queryRequest) (queryResult, error) {
	st := d.byText[req.Text]
	if st == nil {
		return queryResult{}, status.Errorf(codes.InvalidArgument, "ERROR: syntax error at or near %q (SQLSTATE 42601)", req.Text)
	}
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		ctx = propagator.Extract(ctx, metadataCarrier{md})
	}
	ctx, span := d.tracer.Start(ctx, "execute "+st.name(), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		semconv.DBSystemNamePostgreSQL, semconv.DBNamespace("shop"), semconv.DBOperationName(st.operation), semconv.DBCollectionName(st.table), semconv.DBQueryText(st.text)))
	defer span.End()
	begin := time.Now()
	select {
	case d.workers <- struct{}{}:
		defer func() { <-d.workers }()
	case <-ctx.Done():
		return queryResult{}, failed(span, status.FromContextError(ctx.Err()).Err())
	}
	cost, plan, scanned := d.plan(st)
	if err := nap(ctx, cost); err != nil {
		d.log.ErrorContext(ctx, "ERROR:  canceling statement due to user request", "sqlstate", "57014")
		return queryResult{}, failed(span, status.Error(codes.Canceled, "ERROR: canceling statement due to user request (SQLSTATE 57014)"))
	}
	d.tables.mu.Lock()
	rows, affected, err := st.run(&d.tables, req.Args)
	d.tables.mu.Unlock()
	if err != nil {
		return queryResult{}, failed(span, status.Errorf(codes.InvalidArgument, "ERROR: %v (SQLSTATE 22P02)", err))
	}
	took := time.Since(begin)
	span.SetAttributes(attribute.String("db.postgresql.plan", plan), attribute.Int("db.postgresql.rows_scanned", scanned), attribute.Int("db.response.returned_rows", len(rows)))
	if took > 100*time.Millisecond {
		d.log.WarnContext(ctx, fmt.Sprintf("LOG:  duration: %.3f ms  statement: %s", float64(took.Microseconds())/1000, st.text), "plan", plan, "rows_scanned", scanned)
	} else {
		d.log.Log(ctx, levelTrace, fmt.Sprintf("LOG:  duration: %.3f ms  plan: %s", float64(took.Microseconds())/1000, plan))
	}
	return encodeRows(rows, affected)
}

func encodeRows(rows []any, affected int) (queryResult, error) {
	res := queryResult{Affected: affected}
	for _, r := range rows {
		data, err := json.Marshal(r)
		if err != nil {
			return res, err
		}
		res.Rows = append(res.Rows, data)
	}
	return res, nil
}

// plan says how a statement is run at the moment: by its index while there is one.
func (d *database) plan(st *statement) (cost time.Duration, plan string, scanned int) {
	if st.index == "" {
		return d.dice.about(st.cost), "Bitmap Heap Scan on " + st.table, 40 + d.dice.below(400)
	}
	if d.shop.faults.is(slowDatabase) {
		return d.dice.about(420 * time.Millisecond), "Seq Scan on " + st.table, 1_204_331
	}
	return d.dice.about(st.cost), "Index Scan using " + st.index, 1
}

// checkpoints are what a database says when nobody asks.
func (d *database) checkpoints(ctx context.Context) {
	for nap(ctx, d.dice.about(9*time.Second)) == nil {
		n := d.dice.below(900)
		d.log.InfoContext(ctx, fmt.Sprintf("LOG:  checkpoint complete: wrote %d buffers (%.1f%%); 0 WAL file(s) added, 0 removed, 1 recycled; write=%.3f s, sync=%.3f s", n, float64(n)/163.84, d.dice.between(0.1, 8), d.dice.between(0.001, 0.02)))
		if d.dice.chance(0.3) {
			d.log.Log(ctx, slog.LevelDebug, fmt.Sprintf(`DEBUG:  autovacuum: processing database "shop", table "public.%s", %d dead tuples`, statements[d.dice.below(len(statements))].table, d.dice.below(5000)))
		}
	}
}
