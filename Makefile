# `make` alone lists what there is. Nothing here needs root or a running service.
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN       := bin/wardroom
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
# What is shipped is static: one binary, no C.
export CGO_ENABLED ?= 0
GOBUILD   := go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
PKGS      ?= ./...
TESTFLAGS ?=
FUZZTIME  ?= 10s
BENCHFLAGS ?=
SCRIPTS   := .ci/run e2e/run e2e/need e2e/k8sdev/build

# The race detector needs C. Where a compiler works the tests run under it.
HAVE_CC := $(shell echo 'int main(void){return 0;}' | $${CC:-cc} -x c -include stdlib.h - -o /dev/null 2>/dev/null && echo yes)
RACE    ?= $(if $(HAVE_CC),yes,no)
# Races are looked for in Go that people wrote. SQLite is C turned into Go, of which no
# two goroutines use one connection: to watch its every load and store takes longer than
# all else. A process that ends waits a moment, not a second, for races of the others.
RACEFLAGS := -race $(foreach p,modernc.org/sqlite/lib modernc.org/libc/... modernc.org/memory,-gcflags=$(p)=-race=false)
export GORACE ?= atexit_sleep_ms=20
# Thousands of small databases are made and flushed after each commit. Where /dev/shm is
# memory with room for them (and programs may run there) they are made in it; what has to
# be on a disk asks for one by itself. What Go builds stays where it was.
TESTTMP ?= $(shell awk '$$2 == "/dev/shm" && $$3 == "tmpfs" && $$4 !~ /noexec|^ro/ {ok = 1} END {exit !ok}' /proc/mounts 2>/dev/null \
  && [ -w /dev/shm ] && [ "$$(df -Pk /dev/shm | awk 'END {print $$4}')" -gt 2000000 ] && echo /dev/shm)
GOTEST   = $(if $(TESTTMP),GOTMPDIR=$${GOTMPDIR:-$${TMPDIR:-/tmp}} TMPDIR=$(TESTTMP)) CGO_ENABLED=$(if $(filter yes,$(RACE)),1,0) go test $(if $(filter yes,$(RACE)),$(RACEFLAGS)) -timeout 40m

.PHONY: help
help: ## this list
	@printf 'usage: make TARGET\n\n'
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## bin/wardroom, static
	@mkdir -p bin
	$(GOBUILD) -o $(BIN) ./cmd/wardroom

.PHONY: test
test: ## every test, under the race detector where a C compiler is there (RACE=no: without)
	@$(if $(filter yes,$(RACE)),,echo 'no race detector: RACE=no, or no C compiler')
	@mkdir -p .cache && go build -o .cache/report .ci/report.go
	@$(GOTEST) -json $(TESTFLAGS) $(PKGS) | .cache/report

.PHONY: race
race: ## the tests under the race detector, three times in random order
	@$(MAKE) --no-print-directory test RACE=yes TESTFLAGS='-count=3 -shuffle=on $(TESTFLAGS)'

.PHONY: mutants
mutants: ## plant defects in copies: each has to be found by the test that is named for it (RUN=…: only these)
	@mkdir -p .cache && go build -o .cache/mutants .ci/mutants.go
	@.cache/mutants -run '$(RUN)'

.PHONY: lint
lint: ## gofmt, go vet; golangci-lint and shellcheck where they are installed
	@bad=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$bad" ]; then printf 'not formatted (gofmt -w mends it):\n%s\n' "$$bad"; exit 1; fi
	go vet $(PKGS)
	go vet .ci/report.go && go vet .ci/mutants.go
	for script in $(SCRIPTS); do bash -n $$script; done
	@if command -v golangci-lint >/dev/null; then golangci-lint run; else echo 'golangci-lint is not installed: left out'; fi
	@if command -v shellcheck >/dev/null; then shellcheck $(SCRIPTS); else echo 'shellcheck is not installed: left out'; fi

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (10s)
	@grep -rlE --include='*_test.go' '^func Fuzz' . | while read -r file; do \
	  for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/p' "$$file"); do \
	    echo "$$(dirname "$$file") $$target"; \
	    go test "$$(dirname "$$file")" -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME); \
	  done; \
	done

.PHONY: bench
bench: build ## measure `serve` beside the disk's own rate; prints ratios
	go run ./cmd/bench -binary $(BIN) $(BENCHFLAGS)

.PHONY: demo
demo: ## the first night, replayed in about a minute
	go run ./cmd/wardroom demo

# e2e/need says which programs are missing; e2e/TESTS lists what has to run.
.PHONY: e2e
e2e: build ## the proof on real systems, a line each (TESTS='TestA TestB' or PARTS='cluster postgres': only those)
	@TESTS='$(TESTS)' e2e/run $(PARTS)

.PHONY: e2e-scale
e2e-scale: build ## a cluster of 1,000 nodes and 10,000 pods: how long a plan takes, and how much memory
	@e2e/run scale

.PHONY: e2e-postgres
e2e-postgres: ## what runs on real PostgreSQL: storage (under the race detector where it is there), and two Wardrooms
	@RACE=$(RACE) e2e/run postgres replicas

.PHONY: cover
cover: ## how much of each package the tests reach; .cache/cover.html
	@mkdir -p .cache
	go test -coverprofile=.cache/cover.out -coverpkg=./bot/...,./commands/...,./integrations/...,./storage/... $(PKGS)
	go tool cover -html=.cache/cover.out -o .cache/cover.html
	@go tool cover -func=.cache/cover.out | tail -1

.PHONY: docs
docs: ## write the generated references anew
	@grep -rl --include='*_test.go' -e '/docs/' -e 'deploy.*kubernetes' . | grep -v '^./layout_test.go' | xargs -n1 dirname | sort -u | while read -r p; do \
	  if grep -q 'flag.Bool("update"' "$$p"/*_test.go; then go test "$$p" -run 'Fresh' -update; fi; \
	done
	@go run .ci/mutants.go -update
	@git --no-pager diff --stat -- docs deploy

.PHONY: clean
clean: ## remove what was built
	rm -rf bin out .cache
