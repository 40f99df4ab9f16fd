# Everything the project does. `make` alone lists it.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# DEMO=1 with any command: it works on the demo's servers and files, and on nothing else.
LOADER = $(RUN) $(if $(DEMO),-m demo run) -m
# Two processes; what may run beside what: tests/conftest.py.
PYTEST := $(RUN) -m pytest -n 2 --dist loadscope --no-loadscope-reorder
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
# VARS and EMAIL reach the commands in the environment, where make puts them: no list of processes shows them there.

.PHONY: help demo demo-up demo-day demo-down daily load build dbt fields push report doctor status diff preview why verify compact backfill test-fast test test-all lint docs clean reset

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## Run two nights against a demo store and a demo ICOMMKT; needs no settings
	@$(RUN) -m demo

demo-up: $(VENV)/.installed ## Keep the demo's servers running; then any command takes DEMO=1
	@$(RUN) -m demo up

demo-day: $(VENV)/.installed ## Let the demo shop live on for a day
	@$(RUN) -m demo day

demo-down: $(VENV)/.installed ## Stop the demo's servers
	@$(RUN) -m demo down

daily: $(VENV)/.installed ## The nightly job: load, build, test, publish, push, report
	@$(LOADER) loaders.daily

load: $(VENV)/.installed ## Load what is new or changed in the store
	@$(LOADER) loaders.magento load

build: $(VENV)/.installed ## Build and test the models, then publish; VARS='{as_of_date: 2026-11-24}', TARGET=dev
	@$(LOADER) loaders.build $(if $(TARGET),--target $(TARGET))

dbt: $(VENV)/.installed ## Any command of dbt: ARGS='build -s rfm_contacts+'
	@$(LOADER) loaders.dbt "$(ARGS)"

fields: $(VENV)/.installed ## After a change of purchase_windows or icommkt_fields: write the columns of icommkt_contacts
	@$(LOADER) loaders.fields

push: $(VENV)/.installed ## Send what changed to ICOMMKT; DRY_RUN=1 only shows it, BLANK=key empties a former field
	@$(LOADER) loaders.icommkt push $(if $(DRY_RUN),--dry-run) $(if $(FORCE),--force)

report: $(VENV)/.installed ## Write the page about the last night beside the warehouse
	@$(LOADER) loaders.report

doctor: $(VENV)/.installed ## Check settings, login, permissions and profile before the first night; changes nothing
	@$(LOADER) loaders.doctor

status: $(VENV)/.installed ## Show the newest build and the last pushes; ends with an error when a night is missing; MAX_AGE_HOURS=26
	@$(LOADER) loaders.status

diff: $(VENV)/.installed ## What the last build would change in ICOMMKT, per field, with samples; TARGET=dev; sends nothing
	@$(LOADER) loaders.icommkt diff $(if $(TARGET),--target $(TARGET))

preview: $(VENV)/.installed ## Show one contact field by field: what ICOMMKT holds, what would be sent; EMAIL=...
	@$(LOADER) loaders.icommkt preview

why: $(VENV)/.installed ## Tell one contact in words: its orders, its scores, why it is sent or not; EMAIL=...
	@$(LOADER) loaders.why

verify: $(VENV)/.installed ## Read the profile back and compare; SAMPLE=100 only some, REPAIR=1 sends the drifted again
	@$(LOADER) loaders.icommkt verify $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(REPAIR),--repair) $(if $(FORCE),--force)

compact: $(VENV)/.installed ## Give disk space back: write the warehouse's files anew without what is empty in them
	@$(LOADER) loaders.compact

backfill: $(VENV)/.installed ## Read tables from the start again; TABLES='orders customers', empty for all
	@$(LOADER) loaders.magento backfill $(TABLES) $(if $(FROM),--from $(FROM)) $(if $(TO),--to $(TO))

test-fast: $(VENV)/.installed-dev ## Run the Python unit tests, dbt's unit tests and one small build
	@$(PYTEST) tests/unit

test: $(VENV)/.installed-dev ## Run every test
	@$(PYTEST)

test-all: $(VENV)/.installed-dev ## Run every test and the long searches; hours
	@PROPERTY_STORES=20000 LOAD_TESTS_FULL=1 PUSH_STORM=full $(PYTEST)
	@$(RUN) -m tests.property.mutations

lint: $(VENV)/.installed-dev ## Check style and types, of Python and SQL, and the dbt project's house rules
	@$(RUN) -m ruff format --check -q .
	@$(RUN) -m ruff check -q .
	@$(RUN) -m mypy loaders demo tests
	@PYTHONWARNINGS='ignore:resource_tracker' $(VENV)/bin/sqlfluff lint --quiet --processes 2 models tests/singular
	@WAREHOUSE_PATH=none.duckdb DBT_TARGET_PATH=target/lint DBT_LOG_PATH=target/lint \
		$(VENV)/bin/dbt --quiet parse
	@$(VENV)/bin/dbt-bouncer run --config-file .dbt-bouncer.yml > target/lint/bouncer.txt 2>&1 || { cat target/lint/bouncer.txt; exit 1; }

docs: $(VENV)/.installed ## Make target/docs.html: every model and column, in one file
	@$(RUN) -m loaders.docs

clean: ## Remove what can be made again: caches, docs, the demo's files; never warehouse/
	@rm -rf target logs demo/.data .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

reset: ## Remove the default warehouse and its state; CONFIRM=yes
	@test "$(CONFIRM)" = yes || { echo "error: this removes warehouse/, with what ICOMMKT has acknowledged; say CONFIRM=yes" >&2; exit 2; }
	@rm -rf warehouse

# The environment is made once, and again when a lock file changes.
$(VENV)/.installed: requirements.txt
	@echo "installing into $(VENV) (once)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or later is needed; PYTHON=python3.12 make ..." >&2; exit 2; }
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install -q --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@$(RUN) -m pip install -q --require-hashes -r requirements-dev.txt
	@touch $@
