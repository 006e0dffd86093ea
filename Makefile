# Everything a developer types. `make` alone lists it.
# PYTHON chooses the interpreter for .venv; ARGS is handed to pytest: make test ARGS="-k saga -x"

PYTHON ?= python3
ARGS ?=
JVM ?=
VENV := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo up test soak lint format lock clean

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

setup: ## make .venv from dev/requirements.lock (at once when nothing changed)
	@$(PYTHON) dev/bootstrap.py

demo: setup ## run the whole product on this machine and show a saga
	@$(VENV)/python -m dev.demo $(ARGS)

up: setup ## run Temporal, a worker and the API, JVM=1: and the JVM worker; data is kept in .chainsaga/
	@$(VENV)/python -m dev.up $(if $(filter-out 0,$(JVM)),--jvm) $(ARGS)

test: setup ## run all tests against real servers
	@$(VENV)/python -m dev.tools
	@$(VENV)/python -m dev.run_pytest $(ARGS)

soak: setup ## run the tests that take many minutes, such as all short chains against their model
	@$(VENV)/python -m dev.tools
	@$(VENV)/python -m dev.run_pytest -m soak $(ARGS)

lint: setup ## check style, types and import contracts
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy
	@$(VENV)/lint-imports

format: setup ## rewrite the files in the project's style
	@$(VENV)/ruff check --fix .
	@$(VENV)/ruff format .

lock: setup ## choose the newest allowed versions anew and write dev/requirements.lock
	@$(VENV)/uv pip compile pyproject.toml --all-extras --universal --upgrade --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --system-certs --quiet -o dev/requirements.lock
	@echo "Wrote dev/requirements.lock; 'make setup' installs it."

clean: ## remove what was built and what servers stored; sources and .venv stay
	@rm -rf .chainsaga .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
	  build dist ./*.egg-info activities/scripts/jvm/target
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
