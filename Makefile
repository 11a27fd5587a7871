# What a developer of clew runs. Plain `make` prints the targets.
SHELL := /bin/bash
GO ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
DATA ?= clew-data
FUZZTIME ?= 20s
CASES ?= 350000
RECORDS ?= 1000000
TOOL := $(GO) tool -modfile=tools/go.mod

.PHONY: help run build test race lint fuzz bench e2e ui demo soak deps

help: ## print the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-7s %s\n", $$1, $$2}'

run: build ## build clew and run it on loopback: UI and API on :7400, OTLP on :4317 and :4318
	./bin/clew run --data $(DATA)

demo: build ## clew and a shop of thirteen services with faults in it, together (docs/demo.md)
	@./bin/clew demo --run --data $(DATA)

# Without Node clew builds too: a placeholder page stands in for the application.
NPM := $(shell command -v npm 2>/dev/null)
TAGS := $(if $(NPM),-tags ui,)

# No -trimpath here: with it every package would be compiled once for the binary and once more for the tests. Releases have it (deploy/agent/Dockerfile).
build: $(if $(NPM),ui,) ## build bin/clew, with the application where npm is there
	$(GO) build $(TAGS) -ldflags '$(LDFLAGS)' -o bin/clew ./cmd/clew

ui: ui/node_modules/.package-lock.json ## build the application into ui/dist (needs Node)
	npm --prefix ui run --silent build

# `npm ci` would refuse a lock file without the packages of platforms that a registry lacks; `npm install` keeps to its versions all the same.
ui/node_modules/.package-lock.json: ui/package-lock.json
	npm install --prefix ui --no-audit --no-fund --loglevel=error
	@touch $@

test: deps testui ## pass all tests (under 25 minutes cold on 2 cores)
	$(GO) vet -stdmethods=false ./... # Prometheus' iterators have a Seek that is not io.Seeker's
	$(GO) test -timeout 20m ./...
	cd internal/receivers/clients && $(GO) test ./...
	cd deploy/check && $(GO) test -count 1 ./... # Helm, Kubernetes' types, compose, BuildKit, systemd and NATS read what clew is deployed with

.PHONY: testui
testui: $(if $(NPM),ui,)
	@if [ -n "$(NPM)" ]; then \
	  npm --prefix ui run --silent check && npm --prefix ui run --silent test && $(GO) test -tags ui ./ui && \
	  npm --prefix ui run --silent e2e; \
	else echo "without npm the application is neither built nor tested"; fi

race: ## the tests under the race detector
	$(GO) test -race -short -timeout 60m ./...

lint: ## golangci-lint with the import directions (depguard), gofumpt
	$(TOOL) golangci-lint run ./...

fuzz: ## every fuzz target for FUZZTIME (20s), and CASES (350,000) random queries over three layouts against a plain scan
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep ^Fuzz || true); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg; done; done
	$(GO) test ./query/engine -run TestDifferentialText -timeout 60m -v -cases $(CASES) -seed $$(date +%s)

bench: build ## ingest, size, memory and query figures against a real clew (docs/benchmarks.md)
	$(GO) run ./bench -clew bin/clew

e2e: build ## the tests that drive real clew processes, alone
	$(GO) test -timeout 30m -count 1 ./internal/e2e/...

soak: build ## the long forms of the crash tests, and a cluster broken in every way (docs/reliability.md)
	CLEW_SOAK=1 $(GO) test -timeout 120m -count 1 -v ./internal/e2e/...
	before=$$(mktemp -d) && git worktree add -q --detach $$before/tree HEAD~1 && (cd $$before/tree && $(GO) build -o $$before/clew ./cmd/clew); \
	  git worktree remove --force $$before/tree; \
	  CLEW_SOAK=1 $(GO) test -timeout 60m -count 1 -v ./internal/clustertest -clew $(CURDIR)/bin/clew -before $$before/clew; \
	  code=$$?; rm -rf $$before; exit $$code
	$(GO) test -timeout 90m -count 1 -v ./internal/faults -clew $(CURDIR)/bin/clew -records $(RECORDS) -rate 38000 -table $(CURDIR)/docs/reliability.md

# DuckDB reads our Parquet files in a test, Azurite is an Azure Blob Storage to test against, clients for Node send to clew, and people log in at a real OpenID Connect provider; without Node those tests say that they are skipped.
deps:
	@if command -v npm >/dev/null; then for dir in index/segment/duckdb internal/access/login/testdata/provider internal/cloudtest internal/receivers/clients/node; do \
	  [ -d $$dir/node_modules ] || npm install --prefix $$dir --no-audit --no-fund --loglevel=error || exit 1; done; fi
