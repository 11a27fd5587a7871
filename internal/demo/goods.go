package demo

import "fmt"

// product is a row of the table products, and what the shop sells.
type product struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Category string `json:"category"`
	Price    int    `json:"price_cents"`
	Stock    int    `json:"stock"`
}

const goodsCount = 240

// productID is the id of the i-th most popular product.
func productID(i int) string { return fmt.Sprintf("p-%04d", 1000+i) }

var (
	categories = []string{"yarn", "needles", "looms", "dyes", "books", "kits"}
	materials  = []string{"merino", "alpaca", "linen", "cotton", "silk", "mohair", "bamboo", "hemp", "cashmere", "nettle"}
	nouns      = map[string][]string{
		"yarn": {"yarn", "skein", "ball of thread", "roving"}, "needles": {"circular needle", "crochet hook", "darning set"}, "looms": {"table loom", "shuttle", "heddle"},
		"dyes": {"indigo", "madder", "weld"}, "books": {"pattern book", "stitch atlas"}, "kits": {"scarf kit", "mitten kit", "labyrinth blanket kit"},
	}
	searches = []string{
		"merino", "alpaca yarn", "loom", "indigo", "linen thread", "scarf kit", "circular needle", "silk", "pattern book", "mohair skein", "crochet hook",
		"ball of thread", "cashmere", "hemp", "labyrinth", "unobtainium",
	}
	tenants = []string{"acme", "globex", "initech", "umbrella"}
	cities  = []string{"Berlin", "Lyon", "Porto", "Gdańsk", "東京", "Oslo", "Zürich", "São Paulo"}
	agents  = []string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", "shop-app/7.2 (Android 16)",
	}
)

// stockShelves makes the goods, the most popular first.
func stockShelves(d *dice) []product {
	var goods []product
	for i := range goodsCount {
		c := categories[i%len(categories)]
		goods = append(goods, product{
			ID: productID(i), Category: c, Price: 190 + 10*d.below(900), Stock: 500 + d.below(5000),
			Name: materials[d.below(len(materials))] + " " + nouns[c][d.below(len(nouns[c]))],
		})
	}
	return goods
}
