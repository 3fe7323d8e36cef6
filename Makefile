# Everything here works from a clean clone with Python >= 3.11 and its venv module: nothing else is installed by hand.
.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench dist lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Some environments switch byte code off; every start would then compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

# Half as many again as cores: much of a test of real programs is waiting for them.
WORKERS := $(shell cores=$$(nproc 2>/dev/null || echo 2); echo $$((cores * 3 / 2)))

help: ## what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: $(VENV)/demo.stamp ## run the main job with real clients and embedded issuers: no account, no network
	@$(BIN)/keywright demo

test: $(VENV)/lint.stamp ## set up and pass the tests; CI=true turns a skip into a failure
	@packaging/system_packages.sh
	$(BIN)/pytest -n $(WORKERS)

lint: $(VENV)/lint.stamp ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/lint.stamp ## put the code into its one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/bench.stamp dist ## measure against peers; the table goes to bench/
	@packaging/system_packages.sh --peers
	$(BIN)/python bench/run.py

dist: ## build what users download into dist/
	$(PYTHON) packaging/packages/make.py

lock: $(VENV)/bin/python ## lock what the bundle is made of anew, with hashes
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --no-header \
		--extra keyring --group dist pyproject.toml -o packaging/bundle/locked.txt

clean: ## remove what make made
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# The client executables are copied when they are installed: a changed one has to be installed anew.
SCRIPTS := $(wildcard helpers/keywright/bin/*.py)

$(VENV)/demo.stamp: pyproject.toml $(SCRIPTS) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable . --group demo
	@touch $@

$(VENV)/lint.stamp: pyproject.toml $(SCRIPTS) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable . --group lint
	@touch $@ $(VENV)/demo.stamp

$(VENV)/bench.stamp: pyproject.toml $(VENV)/lint.stamp
	$(BIN)/python -m pip install --quiet --group bench
	@touch $@
