# From a fresh clone, with nothing but Python >= 3.11 and make:
#   make run     sets everything up and serves the desk with demo people and threads
#   make test    sets everything up and runs every test
# Both keep what they have set up in .venv/ and var/, so the next time is quick.

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11 python,\
	$(if $(shell $(name) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(name))))
PORT ?= 8000
SECONDS ?= 600
THREADS ?= 2500

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check
# `make run` needs the project alone, everything else the development set.
HAVE_PROJECT := $(VENV)/.project
HAVE_DEV := $(VENV)/.dev
DEVELOPMENT := DEBUG=1 HITL_DEMO=1

.DEFAULT_GOAL := help
.PHONY: help venv run test check format texts soak chaos bench lock clean

help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(HAVE_PROJECT) ## Serve the desk with demo people on http://127.0.0.1:8000/ (PORT= to change)
	@$(DEVELOPMENT) $(BIN)/python manage.py migrate --verbosity 0
	@$(DEVELOPMENT) LOG_LEVEL=WARNING $(BIN)/python manage.py demo --port $(PORT)
	@exec env $(DEVELOPMENT) $(BIN)/python manage.py serve --port $(PORT)

venv: $(HAVE_DEV) ## Set up .venv with the development set

test: $(HAVE_DEV) ## Run every test: SQLite, PostgreSQL, Redis, Chromium, the wheel, crashes
	@$(BIN)/python -m tests.run

check: $(HAVE_DEV) ## Format, lint, types, import direction, Django's checks, missing migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_imports.py
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py check --fail-level WARNING
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py makemigrations --check --dry-run

format: $(HAVE_DEV) ## Put the code into its form
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

texts: $(HAVE_DEV) ## Bring the catalogues of translations up to date with code and templates
	@$(BIN)/python -m tests.catalogues

soak: $(HAVE_DEV) ## Work for SECONDS= (600) and look for anything that grows
	@HITL_SOAK_SECONDS=$(SECONDS) $(BIN)/python -m tests.run soak

chaos: $(HAVE_DEV) ## Kill and cut all there is while THREADS= (2500) start within SECONDS= (600), and audit
	@HITL_CHAOS_SECONDS=$(SECONDS) HITL_CHAOS_THREADS=$(THREADS) $(BIN)/python -m tests.run chaos chaos-postgres chaos-redis

bench: $(HAVE_DEV) ## Measure, side by side with peers (SUBJECT= for one, see bench/__init__.py)
	$(PIP) install --constraint requirements-dev.lock --editable '.[bench]'
	$(BIN)/python -m bench $(SUBJECT)

lock: $(HAVE_DEV) ## Write what .venv holds into requirements-dev.lock
	@{ sed -n 1p requirements-dev.lock; $(BIN)/pip freeze | grep -v -i -E '^(-e|#|hitl)'; } > requirements-dev.new
	@mv requirements-dev.new requirements-dev.lock

clean: ## Remove .venv, var (with its database) and every cache
	rm -rf $(VENV) var dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis test-results
	find . -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it with PYTHON=."; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(HAVE_PROJECT): pyproject.toml requirements-dev.lock | $(BIN)/python
	@echo "Installing the project"
	@$(PIP) install --constraint requirements-dev.lock --editable .
	@touch $@

$(HAVE_DEV): pyproject.toml requirements-dev.lock | $(BIN)/python
	@echo "Installing the development set"
	@$(PIP) install --requirement requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(HAVE_PROJECT)
