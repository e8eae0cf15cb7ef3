# `make search` and `make test` set everything up by themselves, in .venv, from the lock of tested versions.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
ORACLES := .venv/oracles
DOCS := .venv/docs
RELEASE := .venv-release/ready
TORCH ?= 2.8.0
PYTEST := $(BIN)/pytest -n 2
export OMP_NUM_THREADS ?= 1
# tests start many processes, and compile their modules anew in each where bytecode is not kept
export PYTHONDONTWRITEBYTECODE :=

.PHONY: search test faults oracle quick lower wheel audit release fixtures tables docs format clean

search: $(READY)  ## a real search on synthetic data, ending in runs/first/best and a comparison
	$(BIN)/mtl-search run synthetic-funnel --time 90s --seed 0 --folder runs/first

test: $(READY)  ## every check, the same in CI
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST) --dist worksteal -m "not ray and not faults"
	$(PYTEST) --dist loadscope --no-loadscope-reorder -m ray --durations=10
	$(PYTEST) --dist worksteal tests/faults

faults: $(READY)  ## every fault at every point of a search, every damaged file, 100,000 mutated inputs; an hour
	$(PYTEST) --dist worksteal tests/faults --every-fault --durations=10

oracle: $(ORACLES)  ## our networks and gradients against independent libraries
	$(BIN)/pytest -m oracle tests

quick: $(READY)  ## the tests that run in seconds
	$(PYTEST) --dist worksteal -m "not slow and not oracle"

lower:  ## the quick tests at the lower bounds of pyproject.toml, on Python 3.11
	$(PYTHON) -m venv .venv-lower
	sed 's/^torch==.*/torch==$(TORCH)/' requirements-lower.lock > .venv-lower/requirements.txt
	.venv-lower/bin/python -m pip install --quiet --requirement .venv-lower/requirements.txt
	.venv-lower/bin/python -m pip install --quiet --constraint .venv-lower/requirements.txt --no-build-isolation --editable '.[onnx,gradients,excel,sql,trees,report,sklearn]'
	.venv-lower/bin/pytest -n 2 --dist worksteal -m "not slow and not oracle"
	.venv-lower/bin/pytest -n 2 tests/exports/test_onnx.py

wheel: $(READY)  ## the wheel and the sdist, installed and used away from the checkout
	tests/installed/run

audit: $(RELEASE)  ## advisories about locked dependencies; a line where they cannot be read
	.venv-release/bin/python .ci/audit.py requirements.lock requirements-release.lock

release: $(READY) $(RELEASE)  ## wheel, sdist, lock with hashes, SBOM and SHA256SUMS in dist/; see CONTRIBUTING.md
	.ci/release $(RELEASE_OPTIONS)

fixtures: $(READY)  ## files of a version for the tests of later ones: make fixtures VERSION=0.2.0
	$(BIN)/python tests/fixtures/write.py $(VERSION)

tables: $(READY)  ## the tables of docs/reference, written anew from the code
	$(BIN)/python docs/_generate/tables.py

docs: tables $(DOCS)  ## the documentation as a site, into site/; every warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# $(PYTHON) must be 3.11 to 3.13
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "mtl_nas needs Python 3.11 to 3.13; set PYTHON=python3.12, say")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(READY)

# the constraint keeps torch and the rest at the versions that everything else is tested with
$(ORACLES): $(READY) requirements-oracle.lock
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --requirement requirements-oracle.lock
	touch $(ORACLES)

$(DOCS): $(READY) requirements-docs.lock
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --requirement requirements-docs.lock
	touch $(DOCS)

# an environment of its own: these tools need versions that nothing else is tested with
$(RELEASE): requirements-release.lock
	$(PYTHON) -m venv .venv-release
	.venv-release/bin/python -m pip install --quiet --requirement requirements-release.lock
	touch $(RELEASE)

clean:
	rm -rf .venv .venv-release site build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
