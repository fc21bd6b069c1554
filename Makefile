# `make serve` and `make test` are all that most people need; each installs what it needs first.

PYTHON ?= python3
BIN = .venv/bin

.PHONY: install serve bench test check format lint types lock clean

install: .venv/installed

.venv/installed: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/developing: .venv/installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@

serve: install ## the library's pages at http://127.0.0.1:8080/oai
	$(BIN)/oai serve

test: .venv/developing
	$(BIN)/python -m pytest

bench: .venv/developing ## measure, with RECORDS records; needs the yardsticks in ../shared/bench
	mkdir -p var
	$(BIN)/python -m tests.benchmarks --records $(or $(RECORDS),100000) --json var/benchmarks.json

check: format lint types test ## all that CI does, and the formatting besides

format: .venv/developing
	$(BIN)/ruff format
	$(BIN)/ruff check --fix --quiet || true

lint: .venv/developing
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: .venv/developing
	$(BIN)/mypy

lock: ## write the lock files anew; needs uv
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header \
	    --python-version 3.11 --extra postgresql --group build -o requirements.txt pyproject.toml
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header \
	    --python-version 3.11 --group dev -c requirements.txt -o requirements-dev.txt pyproject.toml

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
