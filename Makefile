# The same commands for hand, hook and CI. `make` alone lists them.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
STAMP := .venv/.installed
KERNEL := .venv/.native
TOOLS := .venv/.tools
KERNEL_TESTS := if command -v cargo > /dev/null; then cd native && CARGO_TARGET_DIR=target cargo test --locked --quiet; fi
COMPILE = CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes \
	--allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	--no-emit-options $(ARGS)
# The base interpreter, as hatch_build.py: so one compilation serves both.
MATURIN = $(BIN)/maturin build --quiet --release --locked --manifest-path native/Cargo.toml \
	--interpreter "$$(readlink -f $(BIN)/python)"
DIST ?= dist
# Twice the cores of a small machine: many tests wait. Each worker takes whole files.
WORKERS ?= 4
PYTEST = $(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder
SERVICES := $(PYTHON) deploy/services/services.py
MAKEFLAGS += --no-print-directory

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help install native demo test nightly fuzz check lint format types arch audit schema measured picture bench chaos notebooks services services-identity services-otel services-stop \
	services-status lock wheel clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv with everything in it, pinned by requirements.lock

$(STAMP): requirements.lock pyproject.toml native/Cargo.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is \
	needed, this is " + sys.version.split()[0] + "; name another: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv (once; a few minutes)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(TOOLS): requirements-tools.lock | $(STAMP)
	@echo "installing tools into .venv/tools (once)"
	@$(BIN)/python -m venv --clear .venv/tools
	@.venv/tools/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

native: $(KERNEL) ## build and install the compiled kernel (needs Rust; without it Python does the work)

$(KERNEL): $(wildcard native/src/*.rs native/src/*/*.rs native/src/*/*/*.rs) native/build.rs native/Cargo.toml native/Cargo.lock | $(STAMP)
	@if command -v cargo > /dev/null; then \
	  echo "compiling the kernel (half a minute)" && \
	  rm -rf build/native && $(MATURIN) --out build/native && \
	  $(BIN)/python -m pip install --quiet --no-deps --force-reinstall build/native/*.whl; \
	elif [ "$$CI" = true ]; then echo "no Rust compiler, which CI needs"; exit 1; \
	else echo "no Rust compiler: Python judges, several times slower"; fi
	@touch $@

demo: $(KERNEL) ## the bundled sample through the real path, then API and console (ARGS=--once ends)
	@$(BIN)/habitus demo $(ARGS)

test: $(KERNEL) $(TOOLS) services ## start what the tests need, then all daily tests (ARGS=-k WORD for some)
	@$(if $(ARGS),,$(KERNEL_TESTS))
	@$(PYTEST) $(ARGS)

nightly: $(KERNEL) $(TOOLS) services ## the long draws that `make test` leaves out, one after the other
	@$(BIN)/python -m pytest -m "nightly or drawn" $(ARGS)

fuzz: $(KERNEL) ## a million mutated inputs of all formats, 20 minutes (ARGS="--inputs 100000", --guided)
	@$(BIN)/python -m tests.fuzz $(ARGS)

check: lint types arch test ## everything that must be green before a commit

lint: $(STAMP) ## style and likely mistakes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@if command -v cargo > /dev/null; then cd native && cargo fmt --check && \
	  CARGO_TARGET_DIR=target cargo clippy --locked --quiet -- -D warnings; fi

format: $(STAMP) ## rewrite the code in the one format, and mend what can be mended
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

types: $(STAMP) ## mypy, strict
	@$(BIN)/mypy

arch: $(STAMP) ## who may import whom
	@$(BIN)/lint-imports

audit: $(TOOLS) ## known vulnerabilities and licences of all that is locked (says what it cannot check)
	@$(BIN)/python deploy/audit/audit.py $(ARGS)

notebooks: $(KERNEL) ## execute the notebooks
	@$(BIN)/python -m pytest tests/notebooks $(ARGS)

schema: $(STAMP) ## remake the published schemas (data/schema/), docs/settings.md, detectors.md and integrations.md
	@$(BIN)/python -m pipeline.events.schema
	@$(BIN)/python -m pipeline.configuration.settings_page
	@$(BIN)/python -m pipeline.publishing.asyncapi
	@$(BIN)/python -m pipeline.publishing.detectors_page
	@$(BIN)/python -m pipeline.publishing.integrations_page

measured: $(STAMP) ## write docs/measured.md from benchmarks/results/
	@$(BIN)/python -m benchmarks.page

bench: $(KERNEL) ## measure the promises about speed on this machine
	@$(BIN)/python -m benchmarks $(ARGS)

services: ## start the components that tests use (never fails; says what is absent and why)
	@$(SERVICES) up

services-otel: ## compile the OpenTelemetry Collector, and install LiteLLM and the Agents SDK (minutes; once)
	@$(SERVICES) up collector litellm

services-identity: ## fetch and start Keycloak, and compile SPIRE (minutes; later, make services starts them)
	@$(SERVICES) up keycloak spire

services-stop: ## end what `make services` started
	@$(SERVICES) down

services-status: ## which components are up, and where
	@$(SERVICES) status

picture: $(KERNEL) ## take the picture of the console in README.md again (needs Chromium)
	@$(BIN)/python -m lab.demo.screenshot docs/images/console.png

chaos: $(KERNEL) services ## workers, broker and database that die; is anything lost? (minutes; ARGS="--kills 50")
	@$(BIN)/python -m chaos $(ARGS)

lock: $(STAMP) ## remake both requirements*.lock from pyproject.toml (ARGS=--upgrade for newer versions)
	@mkdir -p build
	@$(BIN)/python -c 'import tomllib, pathlib; \
	groups = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["dependency-groups"]; \
	[pathlib.Path(f"build/{name}.in").write_text("\n".join(groups[name])) for name in groups]'
	@$(COMPILE) --output-file requirements.lock pyproject.toml build/dev.in
	@$(COMPILE) --output-file requirements-tools.lock build/tools.in

wheel: $(STAMP) ## build both wheels into dist/: habitus, and the kernel it is pinned to where Rust is found
	@rm -f $(DIST)/habitus*.whl
	@if command -v cargo > /dev/null; then $(MATURIN) --out $(DIST); \
	else echo "no Rust compiler: the wheel is pure Python"; fi
	@HABITUS_BUILD_KERNEL="$$(ls $(DIST)/habitus_native-*.whl 2> /dev/null || echo none)" \
	  $(BIN)/python -m build --wheel --no-isolation --outdir $(DIST) . > /dev/null
	@ls $(DIST)/*.whl

clean: ## remove caches and builds; .venv and .services stay
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
