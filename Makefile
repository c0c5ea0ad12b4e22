# `make` installs once, runs every notebook and writes the pages. `make help` lists the rest.
#
# PYTHON     the interpreter to build .venv with (3.11 or newer)
# INSTALLER  uv (the default: found on PATH, else put into .venv) or pip (slower, needs no uv)

PYTHON ?= python3
INSTALLER ?= uv
SHELL := bash
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url
NOTEBOOKS := $(wildcard notebooks/*.ipynb)

.DEFAULT_GOAL := all
.PHONY: all install test test-runner lint check verdicts lab lock readme clean help

all: install  ## install once, run all notebooks, write figures, pages and verdicts into output/
	$(BIN)/musan run

install: $(STAMP)  ## build .venv from the lock files; does nothing when they have not changed

$(STAMP): requirements.lock requirements-uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "musan needs Python 3.11 or newer; '$(PYTHON)' is not: make PYTHON=python3.12" >&2; exit 1; }
ifeq ($(INSTALLER),pip)
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
else
	test -x $(BIN)/python || { test -x "$(UV)" && $(UV) venv --quiet --python "$$(command -v $(PYTHON))" $(VENV); } \
	  || $(PYTHON) -m venv $(VENV)
	test -x "$(UV)" || $(BIN)/python -m pip install --quiet --require-hashes -r requirements-uv.lock
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock  # as pip does
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
endif
	@touch $@

test: install  ## the unit tests
	$(BIN)/pytest -n auto --dist loadfile

test-runner: install  ## the tests of runs and sweeps: real processes, kernels, kills and a cluster of two
	$(BIN)/pytest -n auto --dist loadfile tests/runner

lint: install  ## style, types, stripped notebooks, the catalogue of tables
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m musan.collection.strip --check $(NOTEBOOKS)
	$(BIN)/python -m musan.catalogue --check

check: install  ## test what `make` has written: pages in a browser, figures, verdicts, README
	$(BIN)/pytest tests/outputs

verdicts: install  ## all analyses of every claim (a quarter of an hour on two cores), then the page of verdicts
	$(BIN)/musan run
	$(BIN)/musan sweep --all-claims
	$(BIN)/musan run 10

lab: install  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=. notebooks

lock: install  ## renew both lock files from pyproject.toml
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(COMPILE) --upgrade --all-extras pyproject.toml -o requirements.lock
	echo uv | UV_CUSTOM_COMPILE_COMMAND="make lock" $(COMPILE) --upgrade --python-version 3.11 - -o requirements-uv.lock

readme: install  ## put the verdicts of the last run into README.md
	$(BIN)/musan verdicts --readme README.md

clean:  ## remove what `make` and the tests have written, but not .venv
	rm -rf output dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find lib tests -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22
