# Each target sets itself up; `make demo` on a machine with Python 3.11 or 3.12 needs nothing before it.
FITS := -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))'
PYTHON ?= $(or $(shell for p in python3 python3.11 python3.12; do \
  $$p $(FITS) 2>/dev/null && echo $$p && break; done),python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 3
PLAN ?= plans/shop.yaml
SPEED ?= 1
SEEDS ?= 100
EVENTS ?= 100000
CASES ?= 1000
# The last one that runs on Node.js 20, with what it needs as it was on that day; for tests and local development alone.
AZURITE_AS_OF := 2026-11-22
AZURITE := .azurite/node_modules/azurite-3.35.0

.PHONY: help setup demo up test check format bench chaos fuzz decisions interleavings storm ship audit lock azurite clean

help:
	@echo "make demo    watch a region outage handled, from the first event to the evidence"
	@echo "make up      the host and the simulated Azure on http://127.0.0.1:7071 until Ctrl-C"
	@echo "make test    the whole test suite"
	@echo "make check   format, lint, types, import rules"
	@echo "make bench   benchmarks, to out/bench.json"
	@echo "make chaos   seeded nights and drills of random trouble, SEEDS=1000 of each; the invariants judge"
	@echo "make decisions   labelled outages and non-outages; fails on a false alarm or a late detection"
	@echo "make storm   EVENTS=100000 events, doubled, shuffled, poisoned; fails unless each outage opens one run"
	@echo "make fuzz    CASES=1000 generated requests to every operation of the API, good and bad, to out/fuzz.json"
	@echo "make ship    the zip for Azure, installed alone and indexed, with its bill of materials"
	@echo "make audit   what ships, held against the database of known vulnerabilities"
	@echo "make interleavings   every order in which decisions can come, for four people"
	@echo "make azurite Azure Storage's emulator, for the tests of what is kept in containers; needs npm"
	@echo "make setup   the virtual environment, with the leeward command"

setup: $(READY)

$(READY): requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 13) else \
	  f"Leeward needs Python 3.11 or 3.12, {sys.executable} is {v.major}.{v.minor}; run: make PYTHON=python3.11 ...")'
	@echo "setting up $(VENV) (once, about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: $(READY)
	@$(BIN)/python -m local demo --out out/demo
	@$(BIN)/leeward verify out/demo/evidence.json

up: $(READY) $(if $(CONTAINERS),$(AZURITE))
	@$(BIN)/python -m local up --plan $(PLAN) --speed $(SPEED) $(if $(CONTAINERS),--containers)

test: $(READY)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q

check: $(READY)
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(READY)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(READY)
	@$(BIN)/python -m tests.bench

chaos: $(READY)
	@$(BIN)/python -m tests.chaos --seeds $(SEEDS)

decisions: $(READY)
	@$(BIN)/python -m tests.decisions

storm: $(READY)
	@$(BIN)/python -m tests.decisions.storm --events $(EVENTS)

fuzz: $(READY)
	@$(BIN)/python -m tests.fuzz --cases $(CASES)

ship: $(READY)
	@$(BIN)/python -m local ship --out out

audit: $(READY)
	@$(BIN)/python -m local audit

interleavings: $(READY)
	@$(BIN)/python -m tests.orchestrators.interleavings

azurite: $(AZURITE)

$(AZURITE):
	@echo "installing Azurite (once, about a minute) ..."
	@npm install --prefix .azurite --before $(AZURITE_AS_OF) --no-save --no-audit --no-fund --no-update-notifier --ignore-scripts --silent \
	  azurite@$(patsubst .azurite/node_modules/azurite-%,%,$@)
	@touch $@

lock: $(READY)
	@$(BIN)/pip-compile --quiet --upgrade --strip-extras --no-emit-index-url --no-emit-find-links \
	  --no-emit-trusted-host --no-header --output-file requirements.txt pyproject.toml
	@$(BIN)/pip-compile --quiet --upgrade --strip-extras --no-emit-index-url --no-emit-find-links \
	  --no-emit-trusted-host --no-header --no-annotate --extra dev --constraint requirements.txt \
	  --output-file requirements-dev.txt pyproject.toml

clean:
	rm -rf $(VENV) .azurite out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
