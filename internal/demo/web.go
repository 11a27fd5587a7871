package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
)

// web is the edge: it knows the user, puts who asks into the baggage, and makes pages of what the others answer.
type web struct {
	*service
	carts, recommendations *grpc.ClientConn
}

func newWeb(s *service) error {
	w := &web{service: s}
	var errs [2]error
	w.carts, errs[0] = s.dial("cart", nil)
	w.recommendations, errs[1] = s.dial("recommendations", nil)
	s.serveHTTP()
	s.who = known
	s.handle("GET /{$}", w.home)
	s.handle("GET /search", w.search)
	s.handle("GET /product/{id}", w.product)
	s.handle("GET /cart", w.cart)
	s.handle("POST /cart", w.addToCart)
	s.handle("POST /checkout", w.checkout)
	s.handle("GET /export", w.export)
	return errors.Join(errs[:]...)
}

// known puts the user's tenant and session into the baggage, which the services behind the edge copy to their spans and log records.
func known(ctx context.Context, r *http.Request) (context.Context, error) {
	span := trace.SpanFromContext(ctx)
	var members []baggage.Member
	for _, h := range [][2]string{{"tenant.id", "X-Tenant"}, {"session.id", "X-Session"}, {"user.id", "X-User"}} {
		m, err := baggage.NewMemberRaw(h[0], r.Header.Get(h[1]))
		if err != nil {
			return ctx, refuse(http.StatusBadRequest, "header %s: %v", h[1], err)
		}
		members = append(members, m)
		span.SetAttributes(attribute.String(h[0], m.Value()))
	}
	b, err := baggage.New(members...)
	if err != nil {
		return ctx, refuse(http.StatusBadRequest, "who asks: %v", err)
	}
	return baggage.ContextWithBaggage(ctx, b), nil
}

func (w *web) home(ctx context.Context, _ *http.Request) (any, error) {
	var page struct{ Featured, ForYou []product }
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		return w.ask(ctx, http.MethodGet, "catalog", "/products?category="+pick(w.dice, categories), nil, &page.Featured)
	})
	both.Go(func() error {
		page.ForYou = w.related(ctx, "p-1000")
		return nil
	})
	return page, both.Wait()
}

func (w *web) search(ctx context.Context, r *http.Request) (any, error) {
	var found []product
	err := w.ask(ctx, http.MethodGet, "search", "/search?q="+url.QueryEscape(r.FormValue("q")), nil, &found)
	return found, err
}

func (w *web) product(ctx context.Context, r *http.Request) (any, error) {
	var page struct {
		Product product
		Related []product
	}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		return w.ask(ctx, http.MethodGet, "catalog", "/products/"+r.PathValue("id"), nil, &page.Product)
	})
	both.Go(func() error {
		page.Related = w.related(ctx, r.PathValue("id"))
		return nil
	})
	return page, both.Wait()
}

// related may fail: a page without recommendations is a page.
func (w *web) related(ctx context.Context, id string) []product {
	res, err := call[relatedResult](ctx, w.recommendations, "/shop.Recommendations/Related", relatedRequest{id})
	if err != nil && ctx.Err() == nil {
		w.log.WarnContext(ctx, "page without recommendations", "product", id, "error", wordsOf(err))
	}
	return res.Products
}

func (w *web) cart(ctx context.Context, r *http.Request) (any, error) {
	return call[cart](ctx, w.carts, "/shop.Cart/Get", cartRequest{Session: r.Header.Get("X-Session")})
}

func (w *web) addToCart(ctx context.Context, r *http.Request) (any, error) {
	var p product
	if err := w.ask(ctx, http.MethodGet, "catalog", "/products/"+url.PathEscape(r.FormValue("product")), nil, &p); err != nil {
		return nil, err
	}
	return call[cart](ctx, w.carts, "/shop.Cart/Add", cartRequest{Session: r.Header.Get("X-Session"), Product: p.ID})
}

// checkout is repeated once when it is refused for want of capacity: the order has a key, so it cannot be placed twice.
func (w *web) checkout(ctx context.Context, r *http.Request) (any, error) {
	o := order{
		ID: fmt.Sprintf("ord-%08x", w.dice.below(1<<31)), Session: r.Header.Get("X-Session"), Customer: r.Header.Get("X-User"), Tenant: r.Header.Get("X-Tenant"),
		City: pick(w.dice, cities), Card: fmt.Sprintf("%04d", w.dice.below(10000)),
	}
	err := w.ask(ctx, http.MethodPost, "checkout", "/orders", o, &o)
	if codeOf(err) == http.StatusServiceUnavailable {
		w.log.WarnContext(ctx, fmt.Sprintf("checkout of %s was refused, trying again: %v", o.ID, err), "order_id", o.ID)
		err = w.ask(ctx, http.MethodPost, "checkout", "/orders", o, &o)
	}
	if err != nil {
		w.log.ErrorContext(ctx, fmt.Sprintf("order %s of %s was not placed", o.ID, o.Customer), "order_id", o.ID, "error", err.Error())
		return nil, err
	}
	return o, nil
}

func (w *web) export(ctx context.Context, _ *http.Request) (any, error) {
	var all []product
	err := w.ask(ctx, http.MethodGet, "catalog", "/export", nil, &all)
	return map[string]int{"products": len(all)}, err
}
