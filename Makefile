# What a developer of clew runs. Plain `make` prints the targets.
SHELL := /bin/bash
GO ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
DATA ?= clew-data
FUZZTIME ?= 20s
TOOL := $(GO) tool -modfile=tools/go.mod

.PHONY: help run build test race lint fuzz bench e2e ui demo soak deps

help: ## print the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-7s %s\n", $$1, $$2}'

run: build ## build clew and run it on loopback: UI and API on :7400, OTLP on :4317 and :4318
	./bin/clew run --data $(DATA)

build: ## build bin/clew
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/clew ./cmd/clew

test: deps ## pass all tests (under 25 minutes cold on 2 cores)
	$(GO) vet ./...
	$(GO) test -timeout 20m ./...

race: ## the tests under the race detector
	$(GO) test -race -short -timeout 60m ./...

lint: ## golangci-lint with the import directions (depguard), gofumpt
	$(TOOL) golangci-lint run ./...

fuzz: ## every fuzz target for FUZZTIME (20s)
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep ^Fuzz || true); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg; done; done

bench: build ## ingest, size, memory and query figures against a real clew (bench/README.md)
	$(GO) run ./bench -clew bin/clew

e2e: build ## the tests that drive real clew processes, alone
	$(GO) test -timeout 30m -count 1 ./internal/e2e/...

soak: build ## the long forms of the crash tests
	CLEW_SOAK=1 $(GO) test -timeout 120m -count 1 -v ./internal/e2e/...

# DuckDB reads our Parquet files in a test; without Node that test says that it is skipped.
deps:
	@if command -v npm >/dev/null && [ ! -d index/segment/duckdb/node_modules ]; then \
	  npm ci --prefix index/segment/duckdb --no-audit --no-fund --loglevel=error; fi
