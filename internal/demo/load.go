package demo

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Users come as they please, at a rate that rises and falls as days do, in minutes. They look around, think, put things into the cart, and some buy.
// They are not instrumented: a trace begins at the shop's edge, as it does where no browser reports.
const (
	viewsPerVisit = 8
	thinkTime     = 1500 * time.Millisecond
)

// user is one visit.
type user struct {
	shop   *shop
	dice   *dice
	client *http.Client
	header http.Header
}

func (s *shop) newUser(client *http.Client, number int) *user {
	d := newDice(s.options.Seed, fmt.Sprintf("user %d", number))
	h := http.Header{}
	h.Set("X-Session", fmt.Sprintf("s-%08x", d.below(1<<31)))
	h.Set("X-User", fmt.Sprintf("u-%d", 1000+d.below(400)))
	h.Set("X-Tenant", pick(d, tenants))
	h.Set("X-Forwarded-For", fmt.Sprintf("198.51.%d.%d", d.below(256), 1+d.below(254)))
	h.Set("User-Agent", pick(d, agents))
	return &user{shop: s, dice: d, client: client, header: h}
}

// haveUsers lets users in until ctx ends, and waits until they have left.
func (s *shop) haveUsers(ctx context.Context) {
	base := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 10 * time.Second}
	defer base.CloseIdleConnections()
	client := &http.Client{Transport: base, Timeout: requestTimeout}
	places := make(chan struct{}, int(math.Ceil(sessionsPerRate*s.options.Rate))+2)
	var visits sync.WaitGroup
	defer visits.Wait()
	number, door, begin := 0, newDice(s.options.Seed, "door"), time.Now()
	enter := func(already int) {
		select {
		case places <- struct{}{}:
		default:
			return // the shop is full
		}
		number++
		u := s.newUser(client, number)
		visits.Go(func() {
			defer func() { <-places }()
			u.visit(ctx, already)
		})
	}
	// The shop has been open for a while: users are there already, in the middle of what they do.
	for range int(math.Ceil(s.options.Rate * thinkTime.Seconds())) {
		enter(door.below(viewsPerVisit))
	}
	for {
		t := time.Since(begin).Seconds()
		rate := s.options.Rate * (1 + 0.35*math.Sin(2*math.Pi*t/300) + 0.1*math.Sin(2*math.Pi*t/37))
		if nap(ctx, door.until(time.Duration(viewsPerVisit/rate*float64(time.Second)))) != nil {
			return
		}
		enter(0)
	}
}

// visit looks around and perhaps buys; already is how many pages the user has seen.
func (u *user) visit(ctx context.Context, already int) {
	goods := productIDs
	if already == 0 {
		u.view(ctx, http.MethodGet, "/", nil)
	}
	inCart := 0
	for page := already; page < viewsPerVisit-3 && u.think(ctx); page++ {
		id := pick(u.dice, goods)
		switch {
		case u.dice.chance(0.3):
			u.view(ctx, http.MethodGet, "/search?q="+url.QueryEscape(pick(u.dice, searches)), nil)
		case u.dice.chance(0.45):
			u.view(ctx, http.MethodPost, "/cart", url.Values{"product": {id}})
			inCart++
		case u.dice.chance(0.01):
			u.view(ctx, http.MethodGet, "/product/p-9999", nil) // an old link
		default:
			u.view(ctx, http.MethodGet, "/product/"+id, nil)
		}
	}
	if inCart == 0 {
		if !u.dice.chance(0.6) || !u.think(ctx) {
			return
		}
		u.view(ctx, http.MethodPost, "/cart", url.Values{"product": {pick(u.dice, goods)}})
	}
	if !u.think(ctx) {
		return
	}
	u.view(ctx, http.MethodGet, "/cart", nil)
	if u.dice.chance(0.8) && u.think(ctx) {
		u.view(ctx, http.MethodPost, "/checkout", url.Values{})
	}
}

var productIDs = func() []string {
	ids := make([]string, goodsCount)
	for i := range ids {
		ids[i] = productID(i)
	}
	return ids
}()

// think is the time between two pages; false: the shop closes.
func (u *user) think(ctx context.Context) bool {
	return nap(ctx, min(u.dice.until(thinkTime), 4*thinkTime)) == nil
}

// view asks for a page. A request under way is finished when the shop closes; what it answers is the user's business.
func (u *user) view(ctx context.Context, verb, path string, form url.Values) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, verb, "http://"+u.shop.addresses["web"]+path, body)
	if err != nil {
		return
	}
	req.Header = u.header.Clone()
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := u.client.Do(req)
	if err != nil {
		return
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body) // so that the connection is used again
}

// haveNeighbour is the tenant of the fault noisy-neighbour: machines that do not think between two requests.
func (s *shop) haveNeighbour(ctx context.Context) {
	client := &http.Client{Timeout: requestTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: neighbourClients}}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	for i := range neighbourClients {
		u := s.newUser(client, -1-i)
		u.header.Set("X-Tenant", "globex-import")
		u.header.Set("X-User", "svc-import")
		u.header.Set("User-Agent", "globex-import/0.3 python-requests/2.32")
		all.Go(func() {
			for nap(ctx, 100*time.Millisecond) == nil {
				if s.faults.is(noisyNeighbour) {
					u.view(ctx, http.MethodGet, "/export", nil)
				}
			}
		})
	}
	all.Wait()
}
