# Everything a newcomer needs: `make run` sets up and watches ./sentinel.toml, `make test` sets up and runs the tests.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST := $(BIN)/python -m pytest
STAMP  := $(VENV)/.set-up
TORCH_STAMP := $(VENV)/.set-up-torch

.PHONY: run test test-torch setup demo check torture bench fuzz deb wheel docs clean help

help:            ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

run: setup       ## set up in .venv and watch the runs of ./sentinel.toml
	$(BIN)/sentinel run

test: setup      ## set up in .venv and run the tests (those that need torch are left out)
	$(PYTEST) -n 3 -m "not torch and not torture"

test-torch: $(TORCH_STAMP)  ## the tests that need gigabytes: torch, lightning, transformers, accelerate
	$(PYTEST) -m "torch and not torture" --timeout 600

demo: setup      ## five documented failures played live
	$(BIN)/sentinel demo

check: setup     ## everything that must be green: style, types, rooms, tests, rules and their trials
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/sentinel check
	$(BIN)/sentinel test
	$(MAKE) test

torture: setup   ## long: hundreds of kills at bad moments, ten thousand random steps
	$(PYTEST) -m torture --timeout 1500 -n 2

bench: setup     ## speed, weight and coverage, beside rivals where they are installed
	$(BIN)/python -m bench.reading
	$(BIN)/python -m bench.flat
	$(if $(CORPUS),$(BIN)/python -m bench.coverage.score $(CORPUS),@echo "coverage: make bench CORPUS=folder-of-logs")
	$(BIN)/python -m bench.judging
	$(BIN)/python -m bench.sweep 1000
	$(BIN)/python -m bench.idle
	$(BIN)/python -m bench.load
	$(BIN)/python -m bench.soak
	$(BIN)/python -m bench.own_rules

fuzz: setup      ## coverage-guided bytes against the readers, one minute
	@$(PIP) install atheris 2>/dev/null || echo "no atheris for this Python: the samples are damaged at random instead"
	$(BIN)/python -m bench.fuzz.readers -max_total_time=60

deb: setup       ## a Debian package in dist/
	PIP_PYTHON=$(BIN)/python packaging/deb.sh

wheel: setup     ## a wheel in dist/, for pipx and containers
	$(PIP) wheel --no-deps --wheel-dir dist .

docs: setup      ## write the pages that are made from code
	$(BIN)/python docs/contracts_page.py
	$(BIN)/python docs/rules/reference_page.py
	$(BIN)/python docs/rules/schema_page.py
	$(BIN)/python docs/signature_pages.py

setup: $(STAMP)  ## the virtual environment with everything but torch

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Sentinel needs Python 3.11 or newer: apt-get install python3 (Debian 12, Ubuntu 24.04)"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is missing: apt-get install python3-venv"; exit 2; }
	@echo "setting up $(VENV) (once, about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(TORCH_STAMP): $(STAMP)
	@echo "installing torch and the frameworks (once, some minutes) ..."
	@$(PIP) install torch==2.13.0
	@$(PIP) install --constraint constraints.txt --editable '.[dev,frameworks]'
	@touch $@

clean:           ## remove what `setup` and the tools made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
