# Carina. `make help` lists the targets; nothing has to be installed by hand.

PYTHON ?= python3
VENV := .venv
TRITON_VENV := .venv-triton
BIN := $(VENV)/bin
TRAINING_VENV := .venv-training
DATA ?= .carina
MINUTES ?= 2
HTTP_PORT ?= 8080
GRPC_PORT ?= 50051
METRICS_PORT ?= 0
# Quick tests keep a core 60 % busy, so there are three workers for two cores. Tests on servers mostly
# wait, so there are four; each may have a whole stack of about 1 GB, and eight are as many as ever
# have one.
CORES := $(shell nproc)
WORKERS ?= $(shell n=$$((2 * $(CORES))); echo $$((n < 8 ? n : 8)))
THREE_FOR_TWO := $(shell echo $$(((3 * $(CORES) + 1) / 2)))
QUICK_TESTS = $(BIN)/python -m pytest -m 'not servers' -n $(THREE_FOR_TWO) --dist worksteal
# By file, in order: a module shares its stack, and the longest modules come first.
BY_FILE = --dist loadfile --no-loadscope-reorder
SERVER_TESTS = $(BIN)/python -m pytest -m servers --ignore tests/chaos -n $(WORKERS) $(BY_FILE)
# Faults strike a whole stack under load, which keeps a core 60 % busy as well.
STACKS ?= $(THREE_FOR_TWO)
FAULT_TESTS = $(BIN)/python -m pytest tests/chaos -n $(STACKS) $(BY_FILE)
# pip shows its progress on a terminal; a log gets one line for each step.
PIP_OPTIONS := --disable-pip-version-check $$(test -t 1 || echo --quiet)
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup up demo test test-quick test-chaos chaos recovery check fix proto docs lock bench model model-eval clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: $(BIN)/carina $(TRITON_VENV)/.done ## Create both environments from the hashed locks

up: setup ## Run the whole stack in the foreground: HTTP_PORT=8080 GRPC_PORT=50051 METRICS_PORT=0 DATA=.carina
	@exec $(BIN)/python -m deploy.local up --data $(DATA) --http-port $(HTTP_PORT) --grpc-port $(GRPC_PORT) --metrics-port $(METRICS_PORT)

demo: setup ## Send a batch of real films through a fresh stack and check the result
	@$(BIN)/python -m deploy.local demo

test: setup ## Run every test: the quick ones, then those on real servers, with the faults
	$(QUICK_TESTS)
	$(SERVER_TESTS)
	$(FAULT_TESTS)

test-quick: setup ## Run the tests that start no server
	$(QUICK_TESTS)

test-chaos: setup ## Run the faults: processes killed, lines cut, brokers wiped
	$(FAULT_TESTS)

chaos: setup ## Faults one by one, then at random under load, compared with a ledger: MINUTES=2 SEED=...
	$(if $(SEED),,$(FAULT_TESTS) --ignore tests/chaos/random_test.py)
	$(BIN)/python -m tests.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

recovery: setup ## Measure recovery times with production settings against their targets
	$(BIN)/python -m tests.chaos.recovery

check: $(VENV)/.done ## Check format, lint, types, import rules and contract; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	proto/check.sh

fix: $(VENV)/.done ## Format, and fix what can be fixed automatically
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

proto: $(VENV)/.done ## Regenerate the stubs from the contract
	proto/generate.sh

docs: $(VENV)/.done ## Regenerate docs/settings.md from the settings
	$(BIN)/python -m deploy.settings_page

lock: ## Regenerate the locks (needs uv)
	requirements/compile.sh

bench: setup ## Measure throughput and latency; the report goes to bench/
	$(BIN)/python -m bench

model: $(TRAINING_VENV)/.done ## Train the reference model: DATA=folder with a manifest.csv
	$(TRAINING_VENV)/bin/python -m models.training.train --data "$(DATA)"

model-eval: $(TRAINING_VENV)/.done ## Evaluate the model on labelled films: DATA=folder
	$(TRAINING_VENV)/bin/python -m models.training.evaluate --data "$(DATA)"

clean: ## Remove the environments, the data of the local stack and what it left in /tmp
	$(PYTHON) -m deploy.local.scratch
	rm -rf $(VENV) $(TRITON_VENV) $(TRAINING_VENV) .carina .mypy_cache .ruff_cache .pytest_cache

$(TRAINING_VENV)/.done: requirements/training.txt
	@echo "setup: the libraries for training, in $(TRAINING_VENV)"
	@$(PYTHON) -m venv $(TRAINING_VENV)
	@$(TRAINING_VENV)/bin/python -m pip install $(PIP_OPTIONS) --require-hashes -r $<
	@touch $@

$(VENV)/.done: requirements/dev.txt
	@$(PYTHON) -m deploy.local.preflight
	@echo "setup: PostgreSQL, NATS and the libraries of Carina, 1.2 GB in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install $(PIP_OPTIONS) --require-hashes -r $<
	@touch $@

$(BIN)/carina: $(VENV)/.done pyproject.toml carina/pyproject.toml
	@echo "setup: Carina itself"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-index --no-build-isolation --editable . --editable carina
	@touch $@

$(TRITON_VENV)/.done: requirements/triton.txt
	@$(PYTHON) -m deploy.local.preflight
	@echo "setup: Triton, 0.5 GB in $(TRITON_VENV)"
	@$(PYTHON) -m venv $(TRITON_VENV)
	@$(TRITON_VENV)/bin/python -m pip install $(PIP_OPTIONS) --require-hashes -r $<
	@touch $@
