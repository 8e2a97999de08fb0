# make demo    the whole road on this machine: embedded broker and store, real pictures, live lists
# make test    linters, types, unit and integration tests
# make fuzz    hostile input against the real agents: CASES=N, SEED=S for the same ones again
# make bench   throughput and latency against baselines of the same run
# make chaos   real workers under seeded faults, and a verdict: FAULTS=n SEED=s, ARGS=--frozen
# make overload  backlogs of the full sizes, worked off in bounded memory (CI runs smaller ones)
# make docs    write the generated pages again
# make clean   remove what these made

PYTHON ?= python3
VENV ?= .venv
FOR ?= 60
CASES ?= 10000
FAULTS ?= 100
SEED ?=
ARGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: demo test lint fuzz bench docs clean
.DELETE_ON_ERROR:

demo: $(VENV)/.demo
	@$(BIN)/lookstream demo --for $(FOR) $(ARGS)

test: lint models
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: models
models: $(VENV)/.dev
	$(BIN)/lookstream export resnet50-thin
	$(BIN)/lookstream export efficientnet-lite0

fuzz: $(VENV)/.dev
	$(BIN)/python -m tests.fuzz --cases $(CASES) $(if $(SEED),--seed $(SEED))

bench: models
	$(BIN)/python -m tests.bench $(ARGS)

.PHONY: chaos
chaos: models
	$(BIN)/python -m tests.chaos --faults $(FAULTS) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: overload
overload: models
	OVERLOAD=full $(BIN)/python -m pytest tests/overload -q $(ARGS)

docs: $(VENV)/.dev
	$(BIN)/python -m streams.topics_reference --write
	$(BIN)/python -m streams.settings_reference --write
	$(BIN)/python -m streams.metrics_reference --write

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "lookstream needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing lookstream with its demo parts into $(VENV) (once) …"
	@$(PIP) --editable '.[cpu,demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing lookstream with its test tools into $(VENV) (once) …"
	@$(PIP) --editable '.[cpu,demo,dev]'
	@touch $@

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f exported_models/*/*.onnx
