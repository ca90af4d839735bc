# Every target sets itself up from a fresh clone: Python 3.11+, git and make are enough.
SHELL := /bin/sh
.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH

VENV := .venv
BIN := $(VENV)/bin
HOME_DIR := $(CURDIR)/.dean
ENVIRONMENT := PATH="$(CURDIR)/$(BIN):$$PATH" AIRFLOW_HOME="$(HOME_DIR)/airflow" PYTHON="$(BIN)/python"

.PHONY: help setup demo test test-all check bench airflow lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

setup: $(VENV)/.ready ## a private environment in .venv, from requirements.lock

$(VENV)/.ready: requirements.lock setup.cfg setup.py pyproject.toml
	@sh scripts/setup-venv "$(VENV)"
	@touch $@

demo: setup ## improve a bundled example repository, then say where the report is
	@$(ENVIRONMENT) sh scripts/demo

test: setup ## the tests that take a few minutes in all
	@$(ENVIRONMENT) $(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

test-all: setup ## every test, the slow ones too
	@$(ENVIRONMENT) $(BIN)/python -m pytest $(PYTEST_ARGS)

check: setup ## style, types, import rules, lock file, descriptions of the contracts
	@$(BIN)/python .ci/lock_current.py
	@$(BIN)/python .ci/openapi_current.py
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/lint-imports --no-cache

bench: setup ## one benchmark: make bench BENCH=judge_rate
	@test -n "$(BENCH)" || { ls benchmarks/[a-z]*.py; echo "Name one: make bench BENCH=<name>" >&2; exit 2; }
	@$(ENVIRONMENT) $(BIN)/python -m benchmarks $(BENCH) $(if $(MINUTES),--minutes $(MINUTES))

airflow: setup ## a local Airflow with the UI, the DAGs and a printed login
	@$(ENVIRONMENT) sh scripts/local-airflow

lock: setup ## compile requirements.lock again from setup.cfg (needs the network)
	@cd . && PATH="$(CURDIR)/$(BIN):$$PATH" uv pip compile setup.cfg --all-extras --universal --python-version 3.11 \
		--no-annotate --no-header --no-emit-index-url --no-emit-find-links --quiet --output-file requirements.lock
	@$(BIN)/python .ci/lock_current.py --stamp

clean: ## remove the environment and everything the targets made
	rm -rf $(VENV) .dean build dist *.egg-info
