# Verbs of this repository; `make` alone lists them. Needs Python 3.11 or later, make and git; everything else comes into .venv
# from the hash-pinned lock files.

SHELL := /bin/sh
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,\
	$(shell $(name) -c 'import sys; print("$(name)" if sys.version_info >= (3, 11) else "")' 2>/dev/null)))
JOBS ?= 2
ARGS ?=

BIN := .venv/bin
CORE := .venv/core.stamp
TEST := .venv/test.stamp
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PROTOS := protos/onecard/gateway/v1
RELEASED := protos/released.binpb
CHECKS := format lint types imports wire-lint wire-format wire-breaking generated house
UV := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header $(if $(UPGRADE),--upgrade,)

export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help sandbox demo test check bench crash generate lock format clean release-wire $(addprefix check-,$(CHECKS))

help: ## list the verbs
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r verb text; do printf '  make %-14s %s\n' "$$verb" "$$text"; done

sandbox: $(CORE) ## run the whole federation on this machine (ARGS="--keep" goes on where it stopped)
	@exec $(BIN)/onecard sandbox $(ARGS)

demo: $(CORE) ## play the story through real calls and print one table
	@exec $(BIN)/onecard demo $(ARGS)

test: $(TEST) ## run all tests with branch coverage (ARGS="-k words" for some)
	$(BIN)/pytest -n $(JOBS) --dist loadgroup $(if $(ARGS),,--cov --cov-report=term) $(ARGS)

check: $(TEST) ## format, lint, types, import contracts, wire and house rules; says which failed
	@failed=; for step in $(CHECKS); do \
		start=$$(date +%s); \
		if $(MAKE) --silent --no-print-directory check-$$step; then verdict=ok; else verdict=FAILED; failed="$$failed $$step"; fi; \
		printf '%-14s %-6s %3ss\n' "$$step" "$$verdict" "$$(($$(date +%s) - start))"; \
	done; \
	if [ -n "$$failed" ]; then echo "make check failed at:$$failed" >&2; exit 1; fi

bench: $(TEST) ## measure calls beside bare references; prints a table and JSON
	@exec $(BIN)/python -m bench $(ARGS)

crash: $(TEST) ## kill gateways 500 times at random and 20 times at each named point, on each engine, and databases; checks that nothing is lost
	ONECARD_CRASH_KILLS=$${ONECARD_CRASH_KILLS:-500} ONECARD_CRASH_EACH=$${ONECARD_CRASH_EACH:-20} \
		ONECARD_TRACED_SUBMITS=$${ONECARD_TRACED_SUBMITS:-10000} ONECARD_OUTAGES=$${ONECARD_OUTAGES:-10} $(BIN)/pytest -q -s -p no:cacheprovider --timeout 36000 -o session_timeout=36000 -o faulthandler_timeout=0 tests/gateway/crash $(ARGS)

generate: $(TEST) ## generate the Python code of the wire
	@$(call generate_into,protos)

lock: $(TEST) ## resolve the lock files anew (UPGRADE=1 takes newer releases)
	@$(call locked,requirements-build.lock,builds an editable install of this repository,--group build)
	@$(call locked,requirements.lock,runs the gateway with its web pages,pyproject.toml --extra web)
	@$(call locked,deploy/requirements.lock,runs the gateway in a container,pyproject.toml --extra web --extra postgres --extra otel -c requirements.lock)
	@$(call locked,requirements-test.lock,runs the tests and checks,pyproject.toml --extra test --group build -c requirements.lock -c requirements-build.lock)

format: $(TEST) ## put code and wire into the one format
	$(BIN)/ruff check --select I --fix-only --quiet
	$(BIN)/ruff format --quiet
	$(BIN)/buf format -w --path protos/onecard

release-wire: $(TEST) ## keep today's wire as the one that must not break; part of a release
	$(BIN)/buf build --exclude-source-info --path protos/onecard -o $(RELEASED)

clean: ## remove the environment, the sandbox and all caches
	rm -rf .venv .sandbox .sandbox-demo bench/results .*_cache .hypothesis .coverage* dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

check-format: $(TEST)
	$(BIN)/ruff format --check --quiet --diff

check-lint: $(TEST)
	$(BIN)/ruff check --quiet

check-types: $(TEST)
	$(BIN)/mypy --no-error-summary

check-imports: $(TEST)
	$(call quietly,$(BIN)/lint-imports)

check-wire-lint: $(TEST)
	$(BIN)/buf lint

check-wire-format: $(TEST)
	$(BIN)/buf format -d --exit-code --path protos/onecard

check-wire-breaking: $(TEST)
	now=$$(mktemp -d) && trap 'rm -rf "$$now"' EXIT && \
		$(BIN)/buf build --exclude-source-info --path protos/onecard -o "$$now/now.binpb" && \
		$(BIN)/buf breaking "$$now/now.binpb" --against $(RELEASED) --config '{"version":"v2","breaking":{"use":["FILE"]}}'

check-generated: $(TEST)
	fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && $(call generate_into,$$fresh) && \
		diff -r -x '*.proto' -x __pycache__ "$$fresh/onecard" protos/onecard

check-house: $(TEST)
	$(call quietly,$(BIN)/pytest -q tests/house)

# Prints what a command said only when it fails.
quietly = said=$$($(1) 2>&1) || { printf '%s\n' "$$said"; exit 1; }

generate_into = $(BIN)/python -m grpc_tools.protoc -Iprotos -Iprotos/vendor --python_out="$(1)" --mypy_out=quiet:"$(1)" $(PROTOS)/*.proto && \
	$(BIN)/python -m grpc_tools.protoc -Iprotos -Iprotos/vendor --grpc_python_out="$(1)" --mypy_grpc_out=quiet:"$(1)" $(PROTOS)/*_service.proto

# Resolves one lock: pins stay unless UPGRADE is set, the first line says what it is for, and a lock that stays the same is not touched.
locked = fresh=$$(mktemp) && { cp $(1) "$$fresh" 2>/dev/null || true; } && $(UV) $(3) -o "$$fresh" && \
	{ echo '\# What $(2), pinned by hash. Made by `make lock`; not edited by hand.'; cat "$$fresh"; } > "$$fresh.told" && \
	{ cmp -s "$$fresh.told" $(1) || cp "$$fresh.told" $(1); } && rm -f "$$fresh" "$$fresh.told"

$(CORE): requirements.lock requirements-build.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@echo "making .venv with $$($(PYTHON) --version)"
	@rm -f $(CORE) $(TEST) && $(PYTHON) -m venv --clear .venv
	@$(PIP) install --require-hashes -r requirements.lock -r requirements-build.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(TEST): $(CORE) requirements-test.lock
	@echo "installing the tools for tests and checks"
	@$(PIP) install --require-hashes -r requirements-test.lock
	@touch $@
