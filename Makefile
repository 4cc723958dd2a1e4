# One verb per need. Everything is installed under .venv and .venvs, and everything that runs keeps its state in .infolens.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3.11
UV_VERSION := 0.13.8
# Plain pip picks the build that its configured index offers (a CPU one where there is no GPU); see README, "Requirements".
TORCH := torch==2.13.0
UV := .venv/bin/uv
STAMPS := .venvs/stamps
# Asked for when a recipe runs: before setup there is no Python to ask.
PURELIB := $$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# uv brings its own certificates; behind a company's proxy only the system's know who answers.
export UV_SYSTEM_CERTS := 1
# Byte code is compiled once, not again by every worker and command.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(STAMPS)/dev $(STAMPS)/kernels $(STAMPS)/rows $(STAMPS)/cloud $(STAMPS)/lambda $(STAMPS)/sam ## Install everything the other verbs need

$(STAMPS)/uv:
	@mkdir -p $(STAMPS)
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet uv==$(UV_VERSION) $(TORCH)
	@touch $@

$(STAMPS)/dev: $(STAMPS)/uv pyproject.toml infra/environments/dev.txt
	$(UV) pip install --quiet --python .venv/bin/python --requirement infra/environments/dev.txt
	$(UV) pip install --quiet --python .venv/bin/python --no-deps --editable .
	@touch $@

# What serving has beside onnxruntime's own kernels, for the processors that it is built for; others do without.
$(STAMPS)/kernels: $(STAMPS)/dev layers/inference/Makefile $(wildcard layers/inference/kernels/* layers/inference/kernels/*/*.py)
ifeq ($(shell uname -sm),Linux x86_64)
	$(MAKE) --no-print-directory -C layers/inference kernels UV="$(CURDIR)/$(UV)" \
		SITE="$(PURELIB)"
endif
	@touch $@

# What ingest splits and cleans rows with; on other systems it does without, and takes seven times as long.
$(STAMPS)/rows: $(STAMPS)/dev layers/columnar/Makefile $(wildcard layers/columnar/rows/* layers/columnar/rows/*/*.py)
ifeq ($(shell uname -s),Linux)
	$(MAKE) --no-print-directory -C layers/columnar rows UV="$(CURDIR)/$(UV)" \
		ARCHITECTURE="$$(uname -m | sed s/aarch64/arm64/)" \
		SITE="$(PURELIB)"
endif
	@touch $@

# LocalStack bundles a fork of moto that collides with moto itself, hence an environment of its own.
$(STAMPS)/cloud: $(STAMPS)/uv infra/localstack/requirements.lock infra/localstack/pyproject.toml
	$(UV) venv --quiet --allow-existing --python .venv/bin/python .venvs/cloud
	$(UV) pip sync --quiet --python .venvs/cloud/bin/python infra/localstack/requirements.lock
	$(UV) pip install --quiet --python .venvs/cloud/bin/python --no-deps --editable infra/localstack
	@touch $@

# Only what AWS's own Lambda runtime has: a layer that is not complete fails here too.
$(STAMPS)/lambda: $(STAMPS)/uv infra/localstack/lambda-runtime.lock
	$(UV) venv --quiet --allow-existing --python .venv/bin/python .venvs/lambda
	$(UV) pip sync --quiet --python .venvs/lambda/bin/python infra/localstack/lambda-runtime.lock
	@touch $@

# SAM CLI caps libraries that the project wants newer.
$(STAMPS)/sam: $(STAMPS)/uv infra/environments/sam.txt
	$(UV) venv --quiet --allow-existing --python .venv/bin/python .venvs/sam
	$(UV) pip sync --quiet --python .venvs/sam/bin/python infra/environments/sam.txt
	@touch $@

# Locust, for infra/benchmarks/load.
$(STAMPS)/bench-load: $(STAMPS)/uv infra/benchmarks/load/load.lock
	$(UV) venv --quiet --allow-existing --python .venv/bin/python .venvs/bench-load
	$(UV) pip sync --quiet --python .venvs/bench-load/bin/python infra/benchmarks/load/load.lock
	@touch $@

.PHONY: check
check: setup ## Lint, types, import contracts, unit and contract tests (three to five minutes)
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	.venvs/sam/bin/sam validate --lint --region us-east-1
	pytest tests/unit tests/contract -q -n 2 --dist loadgroup

# Three workers for two cores, one thread each: the embedded cloud's tests wait much, and others use what they leave
# (tests/conftest.py says which begin).
.PHONY: test
test: export OMP_NUM_THREADS := 1
test: setup ## All tests, those against the embedded cloud included
	pytest -n 3 --dist loadgroup

# The date is the seed, so that each night looks elsewhere and can be repeated.
.PHONY: nightly
nightly: NIGHT ?= $(shell date +%Y%m%d)
nightly: setup ## Fuzz the reading of dropped files for ten minutes
	python tests/fuzz/fuzz_csv_reading.py --seconds 600 --seed $(NIGHT)

.PHONY: demo
demo: setup ## The main job before your eyes: CSV in, answers out, a bad successor taken back
	infolens demo

.PHONY: up
up: setup ## Start the embedded cloud
	infolens up

.PHONY: down
down: ## Stop the embedded cloud; nothing is left running
	@if [ -x .venv/bin/infolens ]; then .venv/bin/infolens down; else echo "nothing is installed, so nothing runs"; fi

.PHONY: deploy
deploy: setup ## Build and deploy template.yaml (to AWS with credentials, else to the embedded cloud)
	infolens deploy

.PHONY: task
task: setup ## Stamp a new task folder: make task NAME=toxicity
	python infra/scaffold/new_task.py "$(NAME)"

# Each peer in an environment of its own: some cap what others need. torch comes first and by plain pip, as in setup.
$(STAMPS)/bench-%: infra/benchmarks/serving/peers/%.lock $(STAMPS)/uv
	$(PYTHON) -m venv .venvs/bench-$*
	.venvs/bench-$*/bin/python -m pip install --quiet $(TORCH)
	$(UV) pip install --quiet --no-deps --python .venvs/bench-$*/bin/python --requirement $<
	@touch $@

.PHONY: bench-peers
bench-peers: $(addprefix $(STAMPS)/bench-,ctranslate2 optimum openvino)

.PHONY: bench
bench: THREADS ?= 2
bench: AMX ?= as it is
bench: setup bench-peers ## Serving beside its peers: ONLY=distilbert,xlnet,bart,task for parts, THREADS=1, AMX= to hide it
	python infra/benchmarks/serving/measure.py --only "$(ONLY)" --threads $(THREADS) $(if $(AMX),,--without-amx)

.PHONY: locks
locks: $(STAMPS)/uv ## Resolve the locked environments anew
	$(UV) pip compile --quiet --no-header --python-version 3.11 pyproject.toml \
		--group cli --group training --group test --group lint \
		--override infra/environments/without-torch.txt --output-file infra/environments/dev.txt
	$(UV) pip compile --quiet --no-header --python-version 3.11 infra/environments/sam.in --output-file infra/environments/sam.txt
	cd infra/benchmarks/serving/peers && for peer in ctranslate2 optimum openvino; do \
		$(CURDIR)/$(UV) pip compile --quiet --no-header --python-version 3.11 --override without-torch.txt \
			$$peer.in --output-file $$peer.lock; done
