# Each target sets itself up: nothing but Python 3.11 to 3.13 and make need be there before.
# `make PYTHON=/path/to/python3.12 test` takes a Python of your choice; `make test ARGS="tests/core -n0"` some tests.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHON ?= $(firstword $(foreach version,3.13 3.12 3.11,$(shell command -v python$(version) 2>/dev/null)) \
	$(shell command -v python3 2>/dev/null) python3)
ARGS ?=

# uv writes no bytecode unless asked, and importing without it takes twice as long.
export UV_COMPILE_BYTECODE := 1
export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_PYTHON_DOWNLOADS := never
# Compiled kernels are kept between runs, out of the sources.
export NUMBA_CACHE_DIR := $(CURDIR)/.cache/numba

.PHONY: help setup demo up test check bench chaos clean

help: ## What there is to make
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(READY) ## Install everything into .venv

demo: $(READY) ## The whole platform once: simulate, train, serve, decide, break, recover
	@$(BIN)/ginja demo $(ARGS)

up: $(READY) ## The platform, left running until Ctrl-C
	@$(BIN)/ginja up $(ARGS)

test: check ## Style, types, import rules, and every test
	$(BIN)/pytest -n 2 $(ARGS)

check: $(READY) ## Style, types and import rules alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) ## Features and scoring, measured
	@$(BIN)/ginja bench features $(ARGS)
	@$(BIN)/ginja bench score $(ARGS)

chaos: $(READY) ## Faults between API, scorer and Valkey, on loopback
	@$(BIN)/ginja bench chaos $(ARGS)

clean: ## Stop the embedded servers of this folder and remove what was built
	@test ! -x $(BIN)/ginja || $(BIN)/ginja servers stop
	rm -rf .ginja .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache $(READY)

$(READY): uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo "Ginja wants Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) -V 2>&1 || echo not there)."; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv sync --frozen --inexact --quiet
	@touch $(READY)
