# The whole product with only Python 3.11+ and make. `make help` lists the targets, in the order of this file.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LINT := $(VENV)/lint/bin
INSTALL := $(BIN)/python -m stack.install
STACK := $(BIN)/python -m stack

# When this command began, in seconds of the Unix epoch: `make up` says how long it took.
STARTED := $(shell date +%s)

# A page would compile all that it imports at each start, and so would each of some hundred processes of the tests.
unexport PYTHONDONTWRITEBYTECODE

# Each worker has its own Kafka and PostgreSQL, about 2 GB together. Tests mostly wait, so workers may outnumber cores.
WORKERS ?= 4
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: up send status logs doctor psql restart down clean test dlq adopt customer retention backfill labels topics transactions backup restore schema clean-data test-all faults faults-long fuzz soak bench coverage test-native test-compose test-brokers faults-brokers test-supply-chain check format lock check-wheels model picture scale lint-repo audit sbom help

##@ Most used

up: $(VENV)/.stack  ## start everything, send a sample file, print the address of the page
	@$(STACK) up --since $(STARTED)

send: $(VENV)/.stack  ## send the transactions of a file: FILE=transactions.csv
	@test -n "$(FILE)" || { echo "say which file: make send FILE=transactions.csv" >&2; exit 2; }
	@$(STACK) send "$(FILE)"

status:  ## show what is running
	@if test -x $(BIN)/python; then $(STACK) status || true; else echo "nothing is installed yet: make up"; fi

logs: $(VENV)/.stack  ## the last lines of the logs; SERVICE=scorer for one service, FOLLOW=1 to follow
	@$(STACK) logs $(SERVICE) $(if $(FOLLOW),--follow)

doctor: $(VENV)/.stack  ## check this installation and suggest fixes
	@$(STACK) doctor $(ARGS)

psql: $(VENV)/.stack  ## open psql; ARGS='-c "select 1"' runs one query
	@$(STACK) psql $(ARGS)

restart: $(VENV)/.stack  ## restart a service: SERVICE=sink
	@test -n "$(SERVICE)" || { echo "say which service: make restart SERVICE=sink" >&2; exit 2; }
	@$(STACK) restart $(SERVICE)

down:  ## stop everything, keep the data
	@test ! -x $(BIN)/python || $(STACK) down

clean: clean-data  ## stop everything and remove all generated files
	@rm -rf $(VENV) .stack .mypy_cache .pytest_cache .ruff_cache .hypothesis

test: $(VENV)/.dev  ## run the tests, 5 minutes; ARGS='-k name' for some
	@$(PYTEST) --session-timeout 1800 -m "not slow" $(ARGS)

##@ Operate

dlq: $(VENV)/.stack  ## rejected records: ARGS=inspect, ARGS=replay, ARGS='replay --go'; see ARGS=--help
	@$(STACK) dlq $(ARGS)

adopt: $(VENV)/.stack  ## make a model folder of an ONNX file: MODEL=model.onnx SAMPLE=rows.csv OUT=models/mine
	@test -n "$(MODEL)" -a -n "$(SAMPLE)" -a -n "$(OUT)" || \
	    { echo "say which: make adopt MODEL=model.onnx SAMPLE=rows.csv OUT=models/mine" >&2; exit 2; }
	@$(BIN)/python -m services.tools.adopt "$(MODEL)" "$(SAMPLE)" "$(OUT)" $(ARGS)


customer: $(VENV)/.stack  ## data of one customer: ARGS='export "name|name|street"', ARGS='erase "…"' (dry run; add --go)
	@$(STACK) customer $(ARGS)

retention: $(VENV)/.stack  ## delete data older than RETENTION_DAYS; ARGS=--dry-run only counts it
	@$(STACK) retention $(ARGS)

backfill: $(VENV)/.stack  ## score again with another model and compare: ARGS=FOLDER; see ARGS=--help
	@$(STACK) backfill $(ARGS)

labels: $(VENV)/.stack  ## write the judged transactions as training data: FILE=labels.csv; see ARGS=--help
	@test -n "$(FILE)" || { echo "say which file: make labels FILE=labels.csv" >&2; exit 2; }
	@$(STACK) labels "$(FILE)" $(ARGS)

topics: $(VENV)/.stack  ## create missing topics; ARGS=--grow adds partitions, see docs/operations.md
	@$(STACK) topics $(ARGS)

transactions: $(VENV)/.stack  ## Kafka transactions that nobody will end: ARGS=--go ends them
	@$(STACK) transactions $(ARGS)

backup: $(VENV)/.stack  ## back up the database: FILE=fraud.dump
	@test -n "$(FILE)" || { echo "say which file: make backup FILE=fraud.dump" >&2; exit 2; }
	@$(STACK) pg_dump --format=custom --file="$(FILE)" fraud

restore: $(VENV)/.stack  ## restore the database, also while everything runs: FILE=fraud.dump
	@test -n "$(FILE)" || { echo "say which file: make restore FILE=fraud.dump" >&2; exit 2; }
	@$(STACK) pg_restore --clean --if-exists --single-transaction --dbname="dbname=fraud options=-cdeadlock_timeout=1h" "$(FILE)"

schema: $(VENV)/.stack  ## print the JSON Schema of the input topic, from the model's contract; ARGS=models/mine
	@$(STACK) schema $(ARGS)

clean-data:  ## stop everything and remove the data
	@test ! -x $(BIN)/python || $(STACK) down --volumes

##@ Test

test-all: $(VENV)/.dev  ## run all tests, 12 minutes
	@$(PYTEST) --session-timeout 1800 $(ARGS)

faults: $(VENV)/.dev  ## kill services under load and check exactly once; ARGS='-k broker' for some, FAULTS_SEED=7 to repeat a run
	@$(PYTEST) --dist load --session-timeout 1800 --timeout 600 tests/faults/cases $(ARGS)

faults-long: $(VENV)/.dev  ## the same for an hour, with many seeds; ARGS='--seconds 28800' for a night
	@$(BIN)/python -m tests.faults $(ARGS)

fuzz: $(VENV)/.fuzz  ## over a million bad inputs; ARGS='--times 10' for more, ARGS='--seed 7' to repeat a run
	@$(BIN)/python -m tests.fuzz $(ARGS)

soak: $(VENV)/.dev  ## two hours under load with the page open: check for leaks; ARGS='--seconds 600' for less
	@$(BIN)/python -m tests.soak $(ARGS)

bench: $(VENV)/.bench  ## run the benchmarks; ARGS=--quick for a trial, ARGS='--only latency' for some
	@$(BIN)/python -m bench $(ARGS)

coverage: $(VENV)/.dev  ## report the coverage that runs with COVERAGE_FILE and PYTEST_ADDOPTS=--cov measured
	@$(BIN)/coverage report --skip-covered --sort=cover

test-native: $(VENV)/.dev  ## run the README's commands without Docker
	@$(BIN)/python -m pytest tests/readme/test_native.py $(ARGS)

test-compose: $(VENV)/.dev  ## run the README's commands with Docker, and the monitoring profile
	@$(BIN)/python -m pytest tests/readme/test_compose.py tests/readme/test_monitoring.py $(ARGS)

test-brokers: $(VENV)/.dev  ## kill each of three brokers in Docker under load, a few minutes
	@$(BIN)/python -m pytest tests/brokers --timeout 1800 $(ARGS)

faults-brokers: $(VENV)/.dev  ## the same with three brokers, killed in turn
	@$(BIN)/python -m pytest tests/faults/brokers --timeout 900 $(ARGS)

test-supply-chain: $(VENV)/.dev  ## check what `make sbom` wrote
	@$(BIN)/python -m pytest tests/readme/test_supply_chain.py $(ARGS)

##@ Develop

check: $(VENV)/.dev  ## check style, format, types, layers, unused code and requirements
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/vulture
	@$(BIN)/deptry services ui stack db bench onnx tests --config requirements/deptry.toml

format: $(VENV)/.dev  ## fix style and format
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

lock: $(VENV)/.dev  ## update the locks of requirements and jars
	@PATH="$(CURDIR)/$(BIN):$$PATH" requirements/lock
	@$(BIN)/python -m stack.jars
	@$(BIN)/python -m bench.java

check-wheels: $(VENV)/.dev  ## check that the locks have wheels for every system and Python, without running them
	@PATH="$(CURDIR)/$(BIN):$$PATH" requirements/check-wheels

model: $(VENV)/.dev  ## train and export the model: DATA=path of the training data, LABELS=labels.csv for more
	@test -n "$(DATA)" || { echo "say which data: make model DATA=path" >&2; exit 2; }
	@$(BIN)/python onnx/train.py "$(DATA)" $(if $(LABELS),--labels "$(LABELS)")

picture: $(VENV)/.dev  ## update docs/page.png from the running page
	@$(BIN)/python -m tests.picture

scale: $(VENV)/.bench  ## update docs/scale.md from the newest results of make bench
	@$(BIN)/python -m bench.scale $(ARGS)

lint-repo: $(VENV)/.lint  ## check workflows, Dockerfiles and Kubernetes manifests
	@$(LINT)/actionlint -shellcheck= -pyflakes=
	@$(LINT)/zizmor --offline --quiet --no-progress .github
	@$(LINT)/hadolint $(wildcard */Dockerfile */*/Dockerfile */*/*/Dockerfile)
	@$(LINT)/checkov

audit: $(VENV)/.audit  ## scan for risky code and known vulnerabilities
	@$(BIN)/python .ci/audit

sbom: $(VENV)/.audit  ## write the bill of materials of each image (CycloneDX) to build/sbom
	@mkdir -p build/sbom
	@for image in scorer sink ui simulator migrate tools; do \
	    $(BIN)/cyclonedx-py requirements requirements/$$image.txt --of JSON -o build/sbom/$$image.cdx.json || exit 1; \
	done
	@ls build/sbom/*.json

help:  ## list the commands
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
	    /^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null || \
	    { echo "Python 3.11 to 3.14 is needed, and $(PYTHON) is not: make $(MAKECMDGOALS) PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -m stack.install --venv $(VENV)

# A stamp is newer than its lock until the lock changes; only then is anything installed.
$(VENV)/.stack: requirements/stack.txt | $(BIN)/python
	@$(INSTALL) $<
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(BIN)/python
	@$(INSTALL) $<
	@touch $@ $(VENV)/.stack

$(VENV)/.bench: requirements/bench.txt $(VENV)/.dev
	@$(INSTALL) $<
	@touch $@

$(VENV)/.audit: requirements/audit.txt $(VENV)/.dev
	@$(INSTALL) $<
	@touch $@

# A place of its own: checkov insists on versions of libraries that the rest does not want.
$(VENV)/.lint: requirements/lint.txt | $(BIN)/python
	@$(BIN)/python -m venv --clear $(VENV)/lint
	@$(LINT)/python -m stack.install $<
	@touch $@

$(VENV)/.fuzz: requirements/fuzz.txt $(VENV)/.dev
	@$(INSTALL) $<
	@touch $@
