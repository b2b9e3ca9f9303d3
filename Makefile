# Every chore of Kith. `make` alone lists them; CI calls nothing else.

SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/built-from-lock
CODE := services shared tests
# The wheel with redis-server is made for Python up to 3.13, hence those first. Each is run, not
# only looked for: the name may belong to a wrapper that has no such version.
PYTHONS := python3 python3.12 python3.11 python3.13 python3.14
FITS := import sys; sys.exit(sys.version_info < (3, 11))
TOO_OLD := Kith needs a Python of 3.11 or later
NAME_PYTHON := name another with PYTHON=/path/to/python.
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
UV := $(VENV)/uv/bin/uv
UV_VERSION := 0.13.9
# Tests wait for servers more than they compute. Each process has servers of its own, so a machine
# of many processors must not start one for each of them. Files are begun in their order, the long
# ones first; by default it is those of the most tests.
SIDE_BY_SIDE := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(STAMP) ## Run everything on this machine; Ctrl-C stops it
	@exec $(BIN)/python -m services run

.PHONY: admin-password
admin-password: $(STAMP) ## Let somebody in as an admin, with a one-time password: EMAIL=boss@shop.example
	@test -n "$$EMAIL" || { echo "Name the user: make admin-password EMAIL=boss@shop.example" >&2; exit 2; }
	@exec $(BIN)/python -m services admin-password "$$EMAIL"

.PHONY: import
import: $(STAMP) ## Import a shop's export: FILE=orders.csv.gz PRESET=online-retail (or MAPPING=file.json)
	@test -n "$$FILE" || { echo "Name the file: make import FILE=orders.csv.gz PRESET=online-retail" >&2; exit 2; }
	@exec $(BIN)/python -m services import "$$FILE" $${PRESET:+--preset "$$PRESET"} \
		$${MAPPING:+--mapping "$$MAPPING"}

.PHONY: backup
backup: $(STAMP) ## Back up all databases as of this moment, and remove expired backups (TO=folder)
	@exec $(BIN)/python -m services backup $${TO:+--to "$$TO"}

.PHONY: restore
restore: $(STAMP) ## Restore a backup: FROM=backups/kith-… (INTO=prefix, OVERWRITE=1 over live data)
	@test -n "$$FROM" || { echo "Name the backup: make restore FROM=backups/kith-…" >&2; exit 2; }
	@exec $(BIN)/python -m services restore "$$FROM" $${INTO:+--into "$$INTO"}

.PHONY: restore-check
restore-check: $(STAMP) ## Prove that a backup can be restored, beside the live data: FROM=backups/kith-…
	@test -n "$$FROM" || { echo "Name the backup: make restore-check FROM=backups/kith-…" >&2; exit 2; }
	@exec $(BIN)/python -m services restore-check "$$FROM"

.PHONY: schema
schema: $(STAMP) ## Build collections, rules and indexes as declared, and say what changed (PRUNE=1)
	@exec $(BIN)/python -m services schema $${PRUNE:+--prune}

.PHONY: schema-check
schema-check: $(STAMP) ## Compare the databases with what is declared; fails on any difference
	@exec $(BIN)/python -m services schema-check

.PHONY: migrate
migrate: $(STAMP) ## Migrate documents of an older form while all goes on (DRY_RUN=1, SERVICE=, BATCH=)
	@exec $(BIN)/python -m services migrate $${SERVICE:+--service "$$SERVICE"} $${DRY_RUN:+--dry-run} \
		$${BATCH:+--batch "$$BATCH"}

.PHONY: sample
sample: $(STAMP) ## Load a generated shop: CUSTOMERS=100000 ORDERS=300000 (SEED=1, ADD=1, MEASURE=1)
	@exec $(BIN)/python -m services sample $${CUSTOMERS:+--customers "$$CUSTOMERS"} \
		$${ORDERS:+--orders "$$ORDERS"} $${SEED:+--seed "$$SEED"} $${ADD:+--add} $${MEASURE:+--measure}

.PHONY: explain
explain: $(STAMP) ## Show what each list costs the database, by each filter, on your data
	@exec $(BIN)/python -m services explain

.PHONY: doctor
doctor: $(STAMP) ## Show the state of the databases and what to do (PROFILE=100 notes slower queries, off ends it)
	@exec $(BIN)/python -m services doctor $${PROFILE:+--profile "$$PROFILE"}

.PHONY: events
events: $(STAMP) ## Show which events wait, for whom and since when; fails if any is stuck
	@exec $(BIN)/python -m services events

.PHONY: dead-letters
dead-letters: $(STAMP) ## List dead letters, why each was dead-lettered, and what to do (SERVICE=customers)
	@exec $(BIN)/python -m services dead-letters $${SERVICE:+--service "$$SERVICE"}

.PHONY: forget-forged
forget-forged: $(STAMP) ## Delete the dead letters of forgeries, once somebody has looked after them (SERVICE=customers)
	@exec $(BIN)/python -m services forget-forged $${SERVICE:+--service "$$SERVICE"}

.PHONY: replay
replay: $(STAMP) ## Redeliver dead letters: ID="… …", or SINCE=2026-11-24T00:00Z (SERVICE=customers)
	@exec $(BIN)/python -m services replay $${ID:+--id "$$ID"} $${SINCE:+--since "$$SINCE"} \
		$${SERVICE:+--service "$$SERVICE"}

.PHONY: resync
resync: $(STAMP) ## Republish the state of all documents, to rebuild lost copies (SERVICE=orders, AFTER=id)
	@exec $(BIN)/python -m services resync $${SERVICE:+--service "$$SERVICE"} $${AFTER:+--after "$$AFTER"}

.PHONY: test
test: $(STAMP) ## Run the whole test suite, on real servers that it starts itself (ARGS="-k word")
	@exec $(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

.PHONY: test-quick
test-quick: $(STAMP) ## Run the tests that need no server, while editing (ARGS="-k word")
	@exec $(BIN)/python -m pytest $(SIDE_BY_SIDE) -m quick --ignore tests/faults --ignore tests/journeys $(ARGS)

.PHONY: test-scale
test-scale: $(STAMP) ## Run the tests that need 100,000 customers and 300,000 orders
	@exec $(BIN)/python -m pytest -m scale $(ARGS)

.PHONY: test-security
test-security: $(STAMP) ## Attack Kith: forged tokens, slow bodies, races, hostile values, in full (ARGS="-k word")
	@exec $(BIN)/python -m pytest -m "security or not security" tests/security --durations=0 $(ARGS)

.PHONY: faults
faults: $(STAMP) ## Break Kith on purpose, hundreds of times, and count what was lost or doubled (SEED=1)
	@rm -rf .faults
	@$(BIN)/python -m pytest -m "faults or not faults" tests/faults/test_drills.py \
		tests/faults/test_full.py --durations=0 $(ARGS); ended=$$?; \
		cat .faults/report.txt; exit $$ended

.PHONY: lint
lint: $(STAMP) ## Check format, style, types and import contracts
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports

.PHONY: check
check: lint ## Lint, then run all tests with branch coverage
	@exec $(BIN)/python -m pytest --cov --cov-branch $(SIDE_BY_SIDE) $(ARGS)

.PHONY: format
format: $(STAMP) ## Rewrite the code in the common format
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

.PHONY: venv
venv: $(STAMP) ## Build .venv from requirements-dev.lock, if that changed (PYTHON=python3.12)

# The stamp comes last, so that a build that was cut short is done again.
$(STAMP): requirements-dev.lock
	@python="$(PYTHON)"; \
	if [ -z "$$python" ]; then for name in $(PYTHONS); do \
		if "$$name" -c '$(FITS)' 2>/dev/null; then python="$$name"; break; fi; done; fi; \
	test -n "$$python" || { echo "$(TOO_OLD), and none of $(PYTHONS) is; $(NAME_PYTHON)" >&2; exit 1; }; \
	"$$python" -c '$(FITS)' || { echo "$(TOO_OLD), and $$python is not; $(NAME_PYTHON)" >&2; exit 1; }; \
	"$$python" -c 'import ensurepip, venv' 2>/dev/null || { \
		package=$$("$$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
		echo "$$python cannot make virtual environments: install the Debian package $$package, or $(NAME_PYTHON)" >&2; exit 1; }; \
	test ! -L $(VENV) || { echo "$(VENV) is a link, whose target would be emptied; remove it first" >&2; exit 1; }; \
	echo "Building $(VENV) from requirements-dev.lock; this takes a minute, once."; \
	"$$python" -m venv --clear $(VENV)
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: lock
lock: $(UV) ## Write both lock files from pyproject.toml (ARGS=--upgrade for newer releases)
	$(UV) pip compile $(UV_OPTIONS) pyproject.toml -o requirements.lock $(ARGS)
	$(UV) pip compile $(UV_OPTIONS) --extra servers --extra dev pyproject.toml -o requirements-dev.lock $(ARGS)

# Annotations and headers would differ from one machine to the next; an index is nobody else's.
# Extras stay: without coverage[toml] in the lock an older pip (23.2, which comes with Python 3.11)
# takes the newest coverage for it, finds no hash, and builds nothing.
UV_OPTIONS := --quiet --universal --no-strip-extras --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url

# Apart from the locked packages, so that .venv holds nothing else.
$(UV): | $(STAMP)
	@$(PIP) --target $(VENV)/uv uv==$(UV_VERSION)

.PHONY: clean
clean: ## Remove .venv and all caches; the data in .data stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage .coverage.*
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
