# Headwater's commands; `make` alone lists them. Each installs what is missing first.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help install up doctor test test-slow check fix bench lock clean

SYSTEM_PYTHON ?= $(shell command -v python3.11 || command -v python3)
PY := .venv/bin/python
ARGS ?=
WORKERS ?= 2

ifneq ($(wildcard ../shared/corpora),)
export HEADWATER_CORPORA ?= $(abspath ../shared/corpora)
endif

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## install the locked versions into .venv
	@$(SYSTEM_PYTHON) scripts/install.py

up: install ## run everything until Ctrl-C (state in HEADWATER_HOME, default .headwater)
	@exec $(PY) -m headwater.up

doctor: ## say what is wrong with this installation, and what to do (ARGS=--json for programs)
	@test -x $(PY) || { echo "Nothing is installed yet: run \`make install\`."; exit 1; }
	@$(PY) -m headwater.doctor $(ARGS)

test: install ## run the tests in WORKERS processes (ARGS="tests/api -k tus" to choose)
	@$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not slow" $(ARGS)

test-slow: install ## run the tests with large files and long faults
	@$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m slow $(ARGS)

check: install ## lint, format, types, import rules, contract, docs
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports
	@$(PY) -m pytest -m "not slow" tests/contract tests/docs --ignore tests/contract/test_running.py --ignore tests/docs/test_client_pages.py

fix: install ## repair what ruff can repair, and write anew what is made from other files
	@$(PY) -m scripts.client_models
	@$(PY) -m scripts.settings_doc
	@$(PY) -m scripts.performance_doc
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: install ## measure, and write docs/performance.md (ARGS="--help" says what)
	@$(PY) -m bench $(ARGS)

lock: install ## resolve pyproject.toml into requirements.lock
	@$(PY) -m uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-header --no-annotate --quiet -o requirements.lock

clean: ## remove what was installed and made, never the state in HEADWATER_HOME
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis bench/data
	@find . -name __pycache__ -type d -not -path './.git/*' -not -path './node_modules/*' -prune -exec rm -rf {} +
