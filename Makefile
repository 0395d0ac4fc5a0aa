# On a new machine `make demo` and `make test` make the environment, too.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
export PIP_DISABLE_PIP_VERSION_CHECK := 1

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made
# The first Python of version 3.11 or later that runs. A version manager may have a shim for a version that is not installed.
FIND_PYTHON := for python in "$${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do \
	[ -n "$$python" ] && "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done
PYTHON_SOURCES := worker deploy tests hatch_build.py
# Tests run in two processes with servers of their own; `-n 0` in ARGS runs them in one process.
PARALLEL := -n 2 --no-loadscope-reorder
RUST_SOURCES := $(wildcard worker/native/Cargo.* worker/native/src/*.rs)
export CARGO_TARGET_DIR ?= $(CURDIR)/build/native

# All targets with a help text are phony: none of them makes a file.
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' $(firstword $(MAKEFILE_LIST)))

help:  ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo 'STACK=containers|jvm|embedded make ...   selects the Kafka and Redis of demo and test'
	@echo 'ARGS="-k name" make test                 passes arguments to pytest'

demo: $(STAMP)  ## start Kafka and Redis, run the worker on a sample crawl, print its decisions
	@$(BIN)/python -m deploy.local.demo $(ARGS)

test: $(STAMP)  ## run all tests but those of the deployment and of faults, with a real Kafka and a real Redis
	@$(BIN)/python -m deploy.local.stack prepare
	@$(BIN)/python -m pytest $(PARALLEL) --ignore tests/deploy $(ARGS)

test-redis: $(STAMP)  ## test the index on Redis 6.2, Redis 7.0 and Valkey 9 (ARGS=--others: without the one of `make test`)
	@$(BIN)/python -m tests.redis_versions $(ARGS)

test-deploy: $(STAMP)  ## test image, chart and dashboard with the tools and the API server of Kubernetes, built with Go
	@$(BIN)/pip install --quiet --constraint constraints.txt --group deploy
	@$(BIN)/python -m pytest tests/deploy $(ARGS)

fuzz: $(STAMP)  ## process 10,000 random and mutated messages, and print the cost of the most expensive hostile ones
	@FUZZ_MESSAGES=$${FUZZ_MESSAGES:-10000} $(BIN)/python -m pytest tests/fuzz $(ARGS)
	@MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072 $(BIN)/python -m tests.fuzz.cost

test-faults: $(STAMP)  ## break workers, Redis and Kafka under load and check the topics, in the short form
	@$(BIN)/python -m deploy.local.stack prepare
	@$(BIN)/python -m pytest $(PARALLEL) tests/faults $(ARGS)

faults: export REPRISE_FAULTS := long
faults: test-faults  ## the same in the long form: more kills, longer outages, both delivery modes; about an hour

check: $(STAMP)  ## check lint, formatting, types and the direction of imports
	$(BIN)/ruff check $(PYTHON_SOURCES)
	$(BIN)/ruff format --check $(PYTHON_SOURCES)
	$(BIN)/mypy --strict -p reprise -p deploy -p tests
	PYTHONPATH=worker $(BIN)/lint-imports
	@$(MAKE) check-native

check-native: export PYO3_NO_PYTHON := 1  # as in hatch_build.py
check-native: export PYO3_BUILD_EXTENSION_MODULE := 1
check-native:  ## lint and test the native text step, if the Rust tools are installed
	@cd worker/native; \
	for tool in fmt clippy; do \
		cargo $$tool --version >/dev/null 2>&1 || { echo "worker/native is not checked: no cargo $$tool"; exit 0; }; \
	done; set -x; \
	cargo fmt --check; \
	cargo clippy --quiet --locked --all-targets -- --deny warnings; \
	cargo test --quiet --locked --no-default-features

audit: $(STAMP)  ## check the code with bandit and the pinned packages for known vulnerabilities
	@$(BIN)/pip install --quiet --constraint constraints.txt --group audit
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive worker deploy
	$(BIN)/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip

image: VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
image:  ## build the container image reprise:VERSION with docker (ENGINE=podman for another client)
	@$(or $(ENGINE),docker) build -f deploy/docker/Dockerfile --build-arg VERSION=$(VERSION) \
		--build-arg REVISION=$$(git rev-parse HEAD) --tag reprise:$(VERSION) $(ARGS) .

chart: $(STAMP)  ## write the worker's settings into the Helm chart, and its alerts into deploy/prometheus
	@$(BIN)/python -m deploy.helm.chart_settings
	@$(BIN)/python -m deploy.helm.alert_rules

docs: $(STAMP)  ## write the reference pages from the code, and build the documentation into build/docs
	@$(BIN)/pip install --quiet --constraint constraints.txt --group docs
	@$(BIN)/python -m deploy.docs_pages
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet $(ARGS)

format: $(STAMP)  ## sort imports and format the code
	$(BIN)/ruff check --fix $(PYTHON_SOURCES)
	$(BIN)/ruff format $(PYTHON_SOURCES)

bench: $(STAMP)  ## measure every goal, and a naive pipeline for comparison; ten minutes; writes docs/internals/benchmark/results.md
	@$(BIN)/pip install --quiet --constraint constraints.txt --group bench
	@$(BIN)/python -m deploy.local.stack prepare
	@$(BIN)/python -m tests.bench.goals $(ARGS)

bench-full: $(STAMP)  ## the same with more rounds and an index of three million articles; some hours
	@$(MAKE) bench ARGS='--profile full $(ARGS)'

bench-detection: $(STAMP)  ## measure every goal of detection by set and order (ARGS="--only saudi-dev --set copied_words=30")
	@$(BIN)/python -m tests.bench.detection $(ARGS)

bench-hashes: $(STAMP)  ## score the development set and the seed articles with several hash functions
	@$(BIN)/python -m tests.bench.hashes $(ARGS)

bench-memory: $(STAMP)  ## measure the index's bytes per article in a real Redis
	@$(BIN)/python -m tests.bench.memory $(ARGS)

bench-moves: $(STAMP)  ## measure how long a namespace waits while its slot of a Redis Cluster moves
	@$(BIN)/python -m tests.bench.moves $(ARGS)

bench-text: $(STAMP)  ## measure the CPU time of the text step per article, in total and by stage
	@$(BIN)/python -m tests.bench.text $(ARGS)

bench-generate: $(STAMP)  ## measure the speed and memory of `reprise generate` (ARGS="--articles 2000000")
	@$(BIN)/python -m tests.bench.generate $(ARGS)

bench-mixed: $(STAMP)  ## score the development set among Reuters articles and 100,000 synthetic ones
	@$(BIN)/python -m tests.bench.mixed $(ARGS)

bench-noise: $(STAMP)  ## measure recall by corruption of a reprint, and the errors of the stated similarities
	@$(BIN)/python -m tests.bench.noise $(ARGS)

bench-soak: $(STAMP)  ## soak test: eight windows of steady load, with constant memory in Redis; five minutes
	@$(BIN)/pip install --quiet --constraint constraints.txt --group bench
	@$(BIN)/python -m deploy.local.stack prepare
	@$(BIN)/python -m tests.bench.soak $(ARGS)

crossvalidate: $(STAMP)  ## choose the rule's thresholds on some sets or stories, score them on the others (ARGS=FILE.jsonl.gz)
	@$(BIN)/python -m tests.bench.crossvalidate $(ARGS)

clean:  ## remove the environment, the fetched broker, logs and caches
	rm -rf $(VENV) .stack build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find worker deploy tests -type d -name __pycache__ -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt hatch_build.py $(RUST_SOURCES)
	@python=$$($(FIND_PYTHON)) || { echo 'Python 3.11 or later is needed; PYTHON=/path/to/python make ... names one' >&2; exit 1; }; \
	[ -x $(BIN)/pip ] || "$$python" -m venv --clear $(VENV) || \
		{ echo "$$python cannot make an environment; on Debian: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@echo 'making the environment in $(VENV)'
	@$(BIN)/pip install --quiet --upgrade 'pip>=25.1'  # the first that knows dependency groups
	@$(BIN)/pip install --quiet --constraint constraints.txt --editable . --group dev
	@touch $@
