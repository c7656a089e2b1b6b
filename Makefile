# Two commands do everything: `make shadow` plays the shipped tape, `make test` proves the code.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TAPE ?= data/samples/tape_hockey.jsonl.gz
SPEED ?= 10
PURE := polyarb/domain/*,polyarb/engine/*,polyarb/ledger/*,polyarb/reports/*,polyarb/rollout/*,polyarb/alerts/*,polyarb/venue/sandbox/chain/*,polyarb/venue/sandbox/exchange/*

.PHONY: shadow test test-slow lint coverage bench docs clean

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "polyarb needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

$(VENV)/.developed: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

shadow: $(VENV)/.installed
	$(BIN)/polyarb start --phase shadow --tape $(TAPE) --speed $(SPEED)
	$(BIN)/polyarb report daily

lint: $(VENV)/.developed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(VENV)/.developed
	$(BIN)/python -m pytest -n 2 -m 'not slow'

coverage: $(VENV)/.developed
	$(BIN)/coverage erase
	$(BIN)/python -m pytest -n 2 -m 'not slow' --cov --cov-report=
	$(BIN)/coverage report --fail-under=90
	$(BIN)/coverage report --fail-under=95 --omit='polyarb/alerts/notifiers*' --include='$(PURE)'

test-slow: $(VENV)/.developed
	$(BIN)/python -m pytest -n 2 -m slow

bench: $(VENV)/.developed
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
