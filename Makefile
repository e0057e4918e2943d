# Each target installs what it needs; only Python 3.11 to 3.13 and make must be there.
# `make PYTHON=/path/to/python3.12 test` takes a Python of your choice, `make VENV=.venv-3.12 …` another environment;
# `make test ARGS="tests/core -n0"` some tests.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CHALLENGERS := $(VENV)/.challengers
# The first of these that starts and has a supported version; a shim of a version manager may exist and not start.
PYTHON ?= python3.13 python3.12 python3.11 python3 python
ARGS ?=

# uv compiles to bytecode only with this setting; imports take twice as long without.
export UV_COMPILE_BYTECODE := 1
export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_PYTHON_DOWNLOADS := never
# Compiled kernels are kept between runs, out of the sources.
export NUMBA_CACHE_DIR := $(CURDIR)/.cache/numba

.PHONY: help setup demo up lab test check audit licences sbom wheel docs reference clients screenshots bench chaos fuzz security mutation clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(READY) ## Install everything into .venv (or VENV)

demo: $(READY) ## Run the whole platform once: simulate, train, serve, decide, fail, recover
	@$(BIN)/ginja demo $(ARGS)

up: $(READY) ## Start the platform and keep it running until Ctrl-C
	@$(BIN)/ginja up $(ARGS)

lab: $(READY) ## Open the notebooks in JupyterLab, on the data and models of GINJA_HOME (default .ginja)
	$(BIN)/uv sync --frozen --inexact --quiet --group lab
	@GINJA_HOME="$${GINJA_HOME:-$(CURDIR)/.ginja}" $(BIN)/jupyter lab --notebook-dir notebooks \
		--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate $(ARGS)

# Three workers keep two cores busy: many tests wait for servers and child processes. Each takes up to 1.7 GB.
test: check $(CHALLENGERS) ## Style, types, import rules, and every test
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true $(ARGS)

check: $(READY) ## Style, types, import rules and words alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive api claims cli core features formats models pipelines serving
	$(BIN)/python -m benchmarks.supply_chain.secret_scan
	$(BIN)/python -m benchmarks.supply_chain.licences
	$(BIN)/python -m benchmarks.supply_chain.audit

audit: $(READY) ## Known vulnerabilities of what uv.lock names, with ten minutes for the answers
	$(BIN)/python -m benchmarks.supply_chain.audit --within 600

licences: $(READY) $(CHALLENGERS) ## Licences of all that the product installs, against the allow-list, in dist
	@$(BIN)/python -m benchmarks.supply_chain.licences --report dist/licences.json

# Both say when the commit was made: a build of the same sources has the same bytes.
sbom: $(READY) ## Bill of materials (CycloneDX 1.5) of what uv.lock installs, in dist
	@SOURCE_DATE_EPOCH="$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)}" $(BIN)/python -m benchmarks.supply_chain.sbom dist/sbom.cdx.json

wheel: $(READY) ## The wheel, in dist
	@SOURCE_DATE_EPOCH="$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)}" $(BIN)/hatchling build --target wheel --directory dist

docs: $(READY) ## The documentation site, in .cache/docs; a broken link fails
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --jobs auto docs .cache/docs
	@echo "Open .cache/docs/index.html"

reference: $(READY) ## Write the generated pages of docs/reference
	@$(BIN)/python -m cli.reference
	@$(BIN)/ginja features docs

clients: $(READY) ## Write the generated files of clients/: the Python client and the Postman collection
	@$(BIN)/python -m cli.clients

screenshots: $(READY) ## Take the pictures of the investigator's guide in Chromium, in docs/images
	@$(BIN)/python -m cli.screenshots

bench: $(READY) ## Measure features and scoring
	@$(BIN)/ginja bench features $(ARGS)
	@$(BIN)/ginja bench score $(ARGS)

chaos: $(READY) ## Cause faults between API, scorer and Valkey
	@$(BIN)/ginja bench chaos $(ARGS)

fuzz: $(READY) ## Generated requests to every route, alone and in sequence, checked against the description of the API
	$(BIN)/uv sync --frozen --inexact --quiet --group fuzz
	$(BIN)/python -m benchmarks.fuzz $(ARGS)

security: $(READY) ## Requirements, the matrix of routes and roles, and attacks on a running platform
	$(BIN)/pytest -q -n 2 --dist loadfile tests/security tests/api/test_role_matrix.py
	@$(BIN)/python -m benchmarks.security --json $(ARGS)

mutation: $(READY) ## Mutation score of the rules: claims, promotion, identity
	$(BIN)/python -m benchmarks.mutation $(ARGS)

clean: ## Stop the embedded servers of this folder and remove what was built
	@test ! -x $(BIN)/ginja || $(BIN)/ginja servers stop
	rm -rf .ginja .cache mutants .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache $(READY)

$(READY): uv.lock pyproject.toml
	@if ! test -x $(BIN)/python; then \
		for python in $(PYTHON); do \
			if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
				echo "Making $(VENV) with $$($$python -V)"; \
				$$python -m venv $(VENV) || { echo "On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }; \
				break; \
			fi; \
		done; \
	fi
	@test -x $(BIN)/python || { echo "Ginja needs Python 3.11, 3.12 or 3.13; none of these is: $(PYTHON)."; \
		echo "Install one, or name yours: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@echo "Installing what uv.lock names (about 1.4 GB the first time)"
	$(BIN)/uv sync --frozen --inexact --quiet
	@touch $(READY)

# The libraries of other families of models: 0.4 GB that only their tests and their trainings need.
$(CHALLENGERS): $(READY)
	$(BIN)/uv sync --frozen --inexact --quiet --extra challengers
	@touch $(CHALLENGERS)
