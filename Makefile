# The whole product with only Python 3.11+ and make. `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LINT := $(VENV)/lint/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
HAVE_PIP = $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
STACK := $(BIN)/python -m stack

# Each worker has its own Kafka and PostgreSQL, about 2 GB together. Tests mostly wait, so workers may outnumber cores.
WORKERS ?= 4
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help up down status restart logs psql dlq backfill customer retention doctor backup restore topics send test test-all test-brokers faults faults-long faults-brokers fuzz soak coverage test-native test-compose test-supply-chain check lint-repo format audit sbom bench scale picture model lock clean-data clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

up: $(VENV)/.stack  ## start everything, send a sample file, print the address of the page
	@$(STACK) up

down:  ## stop everything, keep the data
	@test ! -x $(BIN)/python || $(STACK) down

status:  ## show what is running
	@if test -x $(BIN)/python; then $(STACK) status || true; else echo "nothing is installed yet: make up"; fi

restart: $(VENV)/.stack  ## restart a service: SERVICE=sink
	@test -n "$(SERVICE)" || { echo "say which service: make restart SERVICE=sink" >&2; exit 2; }
	@$(STACK) restart $(SERVICE)

logs: $(VENV)/.stack  ## the last lines of the logs; SERVICE=scorer for one service, FOLLOW=1 to follow
	@$(STACK) logs $(SERVICE) $(if $(FOLLOW),--follow)

psql: $(VENV)/.stack  ## open psql; ARGS='-c "select 1"' runs one query
	@$(STACK) psql $(ARGS)

dlq: $(VENV)/.stack  ## rejected records: ARGS=inspect, ARGS=replay, ARGS='replay --go'; see ARGS=--help
	@$(STACK) dlq $(ARGS)

backfill: $(VENV)/.stack  ## score again with another model and compare: ARGS=FOLDER; see ARGS=--help
	@$(STACK) backfill $(ARGS)

customer: $(VENV)/.stack  ## data of one customer: ARGS='export "name|name|street"', ARGS='erase "…"' (dry run; add --go)
	@$(STACK) customer $(ARGS)

retention: $(VENV)/.stack  ## delete data older than RETENTION_DAYS; ARGS=--dry-run only counts it
	@$(STACK) retention $(ARGS)

doctor: $(VENV)/.stack  ## check this installation and suggest fixes
	@$(STACK) doctor $(ARGS)

backup: $(VENV)/.stack  ## back up the database: FILE=fraud.dump
	@test -n "$(FILE)" || { echo "say which file: make backup FILE=fraud.dump" >&2; exit 2; }
	@$(STACK) pg_dump --format=custom --file="$(FILE)" fraud

restore: $(VENV)/.stack  ## restore the database, also while everything runs: FILE=fraud.dump
	@test -n "$(FILE)" || { echo "say which file: make restore FILE=fraud.dump" >&2; exit 2; }
	@$(STACK) pg_restore --clean --if-exists --single-transaction --dbname=fraud "$(FILE)"

topics: $(VENV)/.stack  ## create missing topics; ARGS=--grow adds partitions, see docs/operations.md
	@$(STACK) topics $(ARGS)

send: $(VENV)/.stack  ## send the transactions of a file: FILE=transactions.csv
	@test -n "$(FILE)" || { echo "say which file: make send FILE=transactions.csv" >&2; exit 2; }
	@$(STACK) send "$(FILE)"

test: $(VENV)/.dev  ## run the tests, 5 minutes; ARGS='-k name' for some
	@$(PYTEST) --session-timeout 900 -m "not slow" $(ARGS)

test-all: $(VENV)/.dev  ## run all tests, 12 minutes
	@$(PYTEST) --session-timeout 1800 $(ARGS)

test-brokers: $(VENV)/.dev  ## kill each of three brokers in Docker under load, a few minutes
	@$(BIN)/python -m pytest tests/brokers --timeout 1800 $(ARGS)

test-native: $(VENV)/.dev  ## run the README's commands without Docker
	@$(BIN)/python -m pytest tests/readme/test_native.py $(ARGS)

test-compose: $(VENV)/.dev  ## run the README's commands with Docker, and the monitoring profile
	@$(BIN)/python -m pytest tests/readme/test_compose.py tests/readme/test_monitoring.py $(ARGS)

test-supply-chain: $(VENV)/.dev  ## check what `make sbom` wrote
	@$(BIN)/python -m pytest tests/readme/test_supply_chain.py $(ARGS)

coverage: $(VENV)/.dev  ## report the coverage that runs with COVERAGE_FILE and PYTEST_ADDOPTS=--cov measured
	@$(BIN)/coverage report --skip-covered --sort=cover

faults: $(VENV)/.dev  ## kill services under load and check exactly once; ARGS='-k broker' for some, FAULTS_SEED=7 to repeat a run
	@$(PYTEST) --dist load --session-timeout 1800 --timeout 600 tests/faults/cases $(ARGS)

faults-long: $(VENV)/.dev  ## the same for an hour, with many seeds; ARGS='--seconds 28800' for a night
	@$(BIN)/python -m tests.faults $(ARGS)

faults-brokers: $(VENV)/.dev  ## the same with three brokers, killed in turn
	@$(BIN)/python -m pytest tests/faults/brokers --timeout 900 $(ARGS)

soak: $(VENV)/.dev  ## two hours under load with the page open: check for leaks; ARGS='--seconds 600' for less
	@$(BIN)/python -m tests.soak $(ARGS)

fuzz: $(VENV)/.fuzz  ## over a million bad inputs; ARGS='--times 10' for more, ARGS='--seed 7' to repeat a run
	@$(BIN)/python -m tests.fuzz $(ARGS)

check: $(VENV)/.dev  ## check style, format, types, layers, unused code and requirements
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/vulture
	@$(BIN)/deptry services ui stack db bench onnx tests --config requirements/deptry.toml

lint-repo: $(VENV)/.lint  ## check workflows, Dockerfiles and Kubernetes manifests
	@$(LINT)/actionlint -shellcheck= -pyflakes=
	@$(LINT)/zizmor --offline --quiet --no-progress .github
	@$(LINT)/hadolint $(wildcard */Dockerfile */*/Dockerfile */*/*/Dockerfile)
	@$(LINT)/checkov

format: $(VENV)/.dev  ## fix style and format
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

audit: $(VENV)/.audit  ## scan for risky code and known vulnerabilities
	@$(BIN)/python .ci/audit

sbom: $(VENV)/.audit  ## write the bill of materials of each image (CycloneDX) to build/sbom
	@mkdir -p build/sbom
	@for image in scorer sink ui simulator migrate tools; do \
	    $(BIN)/cyclonedx-py requirements requirements/$$image.txt --of JSON -o build/sbom/$$image.cdx.json || exit 1; \
	done
	@ls build/sbom/*.json

bench: $(VENV)/.bench  ## run the benchmarks; ARGS=--quick for a trial, ARGS='--only latency' for some
	@$(BIN)/python -m bench $(ARGS)

scale: $(VENV)/.bench  ## update docs/scale.md from the newest results of make bench
	@$(BIN)/python -m bench.scale $(ARGS)

picture: $(VENV)/.dev  ## update docs/page.png from the running page
	@$(BIN)/python -m tests.picture

model: $(VENV)/.dev  ## train and export the model: DATA=path of the training data
	@test -n "$(DATA)" || { echo "say which data: make model DATA=path" >&2; exit 2; }
	@$(BIN)/python onnx/train.py "$(DATA)"

lock: $(VENV)/.dev  ## update the locks of requirements and jars
	@PATH="$(CURDIR)/$(BIN):$$PATH" requirements/lock
	@$(BIN)/python -m stack.jars
	@$(BIN)/python -m bench.java

clean-data:  ## stop everything and remove the data
	@test ! -x $(BIN)/python || $(STACK) down --volumes

clean: clean-data  ## stop everything and remove all generated files
	@rm -rf $(VENV) .stack .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or later is needed: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV) || \
	    { rm -rf $(VENV); echo "Python's venv module is needed (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }

# A stamp is newer than its lock until the lock changes; only then is anything installed.
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

# A place of its own: checkov insists on versions of libraries that the rest does not want.
$(VENV)/.lint: requirements/lint.txt | $(BIN)/python
	@echo "installing requirements/lint.txt"
	@$(BIN)/python -m venv --clear $(VENV)/lint
	@$(LINT)/python -m pip --disable-pip-version-check --quiet install --require-hashes --only-binary :all: -r $<
	@touch $@

$(VENV)/.fuzz: requirements/fuzz.txt $(VENV)/.dev
	@echo "installing requirements/fuzz.txt"
	@$(PIP) install --require-hashes -r $<
	@touch $@
