# The whole product with nothing but Python 3.11+ and make. `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
HAVE_PIP = $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
STACK := $(BIN)/python -m stack

# Tests mostly wait. Each worker has a Kafka and a PostgreSQL of its own, about 2 GB in all; a file stays with one worker.
WORKERS ?= 4
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help up down status restart logs psql dlq backfill customer retention doctor backup restore topics send test test-all test-brokers faults faults-long faults-brokers fuzz soak check format audit sbom bench scale picture model lock clean-data clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

up: $(VENV)/.stack  ## start everything, send a sample file through, say where the page is
	@$(STACK) up

down:  ## stop everything, keep the data
	@test ! -x $(BIN)/python || $(STACK) down

status:  ## what runs
	@if test -x $(BIN)/python; then $(STACK) status || true; else echo "nothing is installed yet: make up"; fi

restart: $(VENV)/.stack  ## end a service and start it again: SERVICE=sink
	@test -n "$(SERVICE)" || { echo "say which service: make restart SERVICE=sink" >&2; exit 2; }
	@$(STACK) restart $(SERVICE)

logs: $(VENV)/.stack  ## the end of the logs; SERVICE=scorer for one, FOLLOW=1 to go on
	@$(STACK) logs $(SERVICE) $(if $(FOLLOW),--follow)

psql: $(VENV)/.stack  ## psql on the database; ARGS='-c "select 1"' for one query
	@$(STACK) psql $(ARGS)

dlq: $(VENV)/.stack  ## rejected records: ARGS=inspect, ARGS=replay, ARGS='replay --go'; ARGS=--help says more
	@$(STACK) dlq $(ARGS)

backfill: $(VENV)/.stack  ## score again with another model and compare: ARGS=FOLDER; ARGS=--help says more
	@$(STACK) backfill $(ARGS)

customer: $(VENV)/.stack  ## one customer: ARGS='export "name|name|street"', ARGS='erase "…"' (a dry run; --go does it)
	@$(STACK) customer $(ARGS)

retention: $(VENV)/.stack  ## delete what is older than RETENTION_DAYS; ARGS=--dry-run only counts
	@$(STACK) retention $(ARGS)

doctor: $(VENV)/.stack  ## what is wrong with this installation, and how to mend it
	@$(STACK) doctor $(ARGS)

backup: $(VENV)/.stack  ## the database to a file: FILE=fraud.dump
	@test -n "$(FILE)" || { echo "say which file: make backup FILE=fraud.dump" >&2; exit 2; }
	@$(STACK) pg_dump --format=custom --file="$(FILE)" fraud

restore: $(VENV)/.stack  ## the database from such a file; safe while all runs: FILE=fraud.dump
	@test -n "$(FILE)" || { echo "say which file: make restore FILE=fraud.dump" >&2; exit 2; }
	@$(STACK) pg_restore --clean --if-exists --single-transaction --dbname=fraud "$(FILE)"

topics: $(VENV)/.stack  ## the topics that are missing; ARGS=--grow raises their partitions, see docs/operations.md
	@$(STACK) topics $(ARGS)

send: $(VENV)/.stack  ## send payments through: FILE=payments.csv
	@test -n "$(FILE)" || { echo "say which file: make send FILE=payments.csv" >&2; exit 2; }
	@$(STACK) send "$(FILE)"

test: $(VENV)/.dev  ## the tests: every promise once, in 5 minutes; ARGS='-k name' for some
	@$(PYTEST) --session-timeout 900 -m "not slow" $(ARGS)

test-all: $(VENV)/.dev  ## all tests, in 12 minutes
	@$(PYTEST) --session-timeout 1800 $(ARGS)

test-brokers: $(VENV)/.dev  ## three brokers in Docker, killed in turn under load; some minutes
	@$(BIN)/python -m pytest tests/brokers --timeout 1800 $(ARGS)

faults: $(VENV)/.dev  ## exactly once, whatever is killed; ARGS='-k broker' for some, FAULTS_SEED=7 for the same draws again
	@$(PYTEST) --dist load --session-timeout 1800 --timeout 600 tests/faults/cases $(ARGS)

faults-long: $(VENV)/.dev  ## the same for an hour and harder, seed after seed; ARGS='--seconds 28800' for a night
	@$(BIN)/python -m tests.faults $(ARGS)

faults-brokers: $(VENV)/.dev  ## the same with three brokers, each of them killed in turn
	@$(BIN)/python -m pytest tests/faults/brokers --timeout 900 $(ARGS)

soak: $(VENV)/.dev  ## two hours under load, the page open: does anything grow? ARGS='--seconds 600' for less
	@$(BIN)/python -m tests.soak $(ARGS)

fuzz: $(VENV)/.fuzz  ## over a million bad inputs; ARGS='--times 10' for more, ARGS='--seed 7' for the same again
	@$(BIN)/python -m tests.fuzz $(ARGS)

check: $(VENV)/.dev  ## lint, format, types, layers, unused code and undeclared requirements
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/vulture
	@$(BIN)/deptry services ui stack db bench onnx tests --config requirements/deptry.toml

format: $(VENV)/.dev  ## put the code in its format
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

audit: $(VENV)/.audit  ## risky code and known holes of what is built in
	@$(BIN)/python .ci/audit

sbom: $(VENV)/.audit  ## what each image is built from, as CycloneDX: build/sbom
	@mkdir -p build/sbom
	@for image in scorer sink ui simulator migrate tools; do \
	    $(BIN)/cyclonedx-py requirements requirements/$$image.txt --of JSON -o build/sbom/$$image.cdx.json || exit 1; \
	done
	@ls build/sbom/*.json

bench: $(VENV)/.bench  ## measure the figures of the README; ARGS=--quick to try it, ARGS='--only latency' for some
	@$(BIN)/python -m bench $(ARGS)

scale: $(VENV)/.bench  ## reckon docs/scale.md anew from the newest figures of make bench
	@$(BIN)/python -m bench.scale $(ARGS)

picture: $(VENV)/.dev  ## docs/page.png anew, from the page that runs
	@$(BIN)/python -m tests.picture

model: $(VENV)/.dev  ## train and export the model: DATA=path of the training data
	@test -n "$(DATA)" || { echo "say which data: make model DATA=path" >&2; exit 2; }
	@$(BIN)/python onnx/train.py "$(DATA)"

lock: $(VENV)/.dev  ## lock the requirements and Kafka's jars anew
	@PATH="$(CURDIR)/$(BIN):$$PATH" requirements/lock
	@$(BIN)/python -m stack.jars
	@$(BIN)/python -m bench.java

clean-data:  ## stop everything and remove the data
	@test ! -x $(BIN)/python || $(STACK) down --volumes

clean: clean-data  ## stop everything and remove all that was made here
	@rm -rf $(VENV) .stack .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or later is needed: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV) || \
	    { rm -rf $(VENV); echo "Python's venv module is needed (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }

# A stamp is newer than the lock it was made from: nothing is installed until the lock changes.
$(VENV)/.stack: requirements/stack.txt | $(BIN)/python
	@echo "installing requirements/stack.txt"
	@$(HAVE_PIP)
	@$(PIP) install --require-hashes -r $<
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(BIN)/python
	@echo "installing requirements/dev.txt"
	@$(HAVE_PIP)
	@$(PIP) install --require-hashes -r $<
	@touch $@ $(VENV)/.stack

$(VENV)/.bench: requirements/bench.txt $(VENV)/.dev
	@echo "installing requirements/bench.txt"
	@$(PIP) install --require-hashes -r $<
	@touch $@

$(VENV)/.audit: requirements/audit.txt $(VENV)/.dev
	@echo "installing requirements/audit.txt"
	@$(PIP) install --require-hashes -r $<
	@touch $@

$(VENV)/.fuzz: requirements/fuzz.txt $(VENV)/.dev
	@echo "installing requirements/fuzz.txt"
	@$(PIP) install --require-hashes -r $<
	@touch $@
