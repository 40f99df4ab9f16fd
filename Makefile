# Everything the project does. `make` alone lists it.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# DEMO=1 with any command: it works on the demo's servers and files, and on nothing else.
LOADER = $(RUN) $(if $(DEMO),-m demo run) -m
# Two processes; what may run beside what: tests/conftest.py.
PYTEST := $(RUN) -m pytest -n 2 --dist loadscope --no-loadscope-reorder
# Spark's environment: dbt-spark and pyspark, which nothing else needs.
SPARK := .venv-spark
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# An address of an index is in no lock file, whichever this machine uses.
UV = uv pip compile -q --no-header --no-emit-index-url --no-emit-find-links --universal --no-strip-extras \
	--generate-hashes --python-version 3.11 $(if $(UPGRADE),--upgrade)

.DEFAULT_GOAL := help
# VARS and EMAIL reach the commands in the environment, where make puts them: no list of processes shows them there.

.PHONY: help demo demo-up demo-day demo-down daily load build push report status doctor verify backfill compact reset \
	export fetch why preview diff dbt fields docs docs-serve test-fast test test-spark test-all lint lock clean

# `##@` is a group; what follows the | of a `##` are the variables that a command takes.
help: ## This list
	@awk -F ':.*## | [|] ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 } \
		/^[a-z-]+:.*## .* [|] / { printf "  %16s %s\n", "", $$3 }' $(MAKEFILE_LIST)
	@printf '\n%s\n%s\n' "DEMO=1 with any of them works on the demo (DEMO_AUDIENCE=subscribers: sent to them alone);" "VARS are dbt's variables, as for daily"

##@ Try it
demo: $(VENV)/.installed ## Two nights against a demo store and a demo ICOMMKT; needs no settings
	@$(RUN) -m demo

demo-up: $(VENV)/.installed ## Start the demo's servers; any command with DEMO=1 does, too
	@$(RUN) -m demo up

demo-day: $(VENV)/.installed ## Let the demo shop live on for a day
	@$(RUN) -m demo day

demo-down: $(VENV)/.installed ## Stop the demo's servers
	@$(RUN) -m demo down

##@ Every night
daily: $(VENV)/.installed ## The nightly job: load, build, test, publish, push, report | VARS='{as_of_date: 2026-11-24}'
	@$(LOADER) loaders.daily

load: $(VENV)/.installed ## Load what is new or changed in the store | VARS
	@$(LOADER) loaders.magento load

build: $(VENV)/.installed $(if $(filter spark,$(TARGET)),$(SPARK)/.installed) ## Build and test the models, then publish | VARS; TARGET=dev beside the night's, lake or spark for many stores; BUILD_MEMORY=8GB
	@$(LOADER) loaders.build $(if $(TARGET),--target $(TARGET))

push: $(VENV)/.installed ## Send ICOMMKT what changed | DRY_RUN=1 only shows it; FORCE=1 although a guard objects; BLANK=old_key; VARS
	@$(LOADER) loaders.icommkt push $(if $(DRY_RUN),--dry-run) $(if $(FORCE),--force)

report: $(VENV)/.installed ## Write the page about the last night | REPORT_LANGUAGE=es, pt or en
	@$(LOADER) loaders.report

status: $(VENV)/.installed ## The newest build, the last pushes; ends with an error when a night is missing | MAX_AGE_HOURS=26
	@$(LOADER) loaders.status

##@ Now and then
doctor: $(VENV)/.installed ## Check settings, login, permissions and profile; changes nothing | VARS
	@$(LOADER) loaders.doctor

verify: $(VENV)/.installed ## Read the profile back and compare | SAMPLE=100 only some; REPAIR=1 sends what drifted; FORCE=1; VARS
	@$(LOADER) loaders.icommkt verify $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(REPAIR),--repair) $(if $(FORCE),--force)

backfill: $(VENV)/.installed ## Read tables from the start again | TABLES='orders customers', none for all; FROM=2024-01-01 TO=2024-06-30; VARS
	@$(LOADER) loaders.magento backfill $(TABLES) $(if $(FROM),--from $(FROM)) $(if $(TO),--to $(TO))

compact: $(VENV)/.installed ## Give disk space back: write the warehouse's files anew without what is empty in them
	@$(LOADER) loaders.compact

reset: ## Remove the default warehouse and its state | CONFIRM=yes
	@test "$(CONFIRM)" = yes || { echo "error: this removes warehouse/, with what ICOMMKT has acknowledged; say CONFIRM=yes" >&2; exit 2; }
	@rm -rf warehouse

##@ Many stores in one build: docs/scale.md
export: $(VENV)/.installed ## Copy this store's raw tables to LAKE_PATH, from where make build TARGET=lake takes all stores
	@$(LOADER) loaders.lake export

fetch: $(VENV)/.installed ## Publish this store's marts of the lake's last build, for push, preview, report
	@$(LOADER) loaders.lake fetch

##@ Look, and change
why: $(VENV)/.installed ## One contact in words: its orders, its scores, why it is sent or not | EMAIL=ana@example.com; TARGET=dev
	@$(LOADER) loaders.why $(if $(TARGET),--target $(TARGET))

preview: $(VENV)/.installed ## One contact field by field: what ICOMMKT holds, what would be sent | EMAIL=ana@example.com
	@$(LOADER) loaders.icommkt preview

diff: $(VENV)/.installed ## What the last build would change in ICOMMKT, per field; sends nothing | TARGET=dev
	@$(LOADER) loaders.icommkt diff $(if $(TARGET),--target $(TARGET))

dbt: $(VENV)/.installed ## Any command of dbt, on the target dev | ARGS='build -s rfm_contacts+'
	@$(LOADER) loaders.dbt "$(ARGS)"

fields: $(VENV)/.installed ## After a change of purchase_windows or icommkt_fields: write the columns of icommkt_contacts
	@$(LOADER) loaders.fields

docs: $(VENV)/.installed ## target/docs.html: what each number is, every model and column, in one file
	@$(RUN) -m loaders.docs

docs-serve: docs ## The same at http://127.0.0.1:8000/docs.html, for this machine alone | PORT=8000
	@$(RUN) -m http.server --bind 127.0.0.1 --directory target $(or $(PORT),8000)

##@ Work on the project
test-fast: $(VENV)/.installed-dev ## Unit tests of Python and dbt, one small build
	@$(PYTEST) tests/unit

test: $(VENV)/.installed-dev ## Every test
	@$(PYTEST)

test-spark: $(VENV)/.installed-dev $(SPARK)/.installed ## The models on Spark: unit tests, data tests, every mart equal to DuckDB's
	@LAKE_ENGINE=spark $(RUN) -m pytest -o faulthandler_timeout=1800 tests/lake

test-all: $(VENV)/.installed-dev ## Every test, searches ten times as long, mistakes made in the models | SEARCH=10
	@SEARCH=$(or $(SEARCH),10) $(PYTEST)
	@$(RUN) -m tests.property.mutations

lint: $(VENV)/.installed-dev ## Style and types of Python and SQL, the dbt project's house rules
	@$(RUN) -m ruff format --check -q .
	@$(RUN) -m ruff check -q .
	@$(RUN) -m mypy loaders demo tests
	@PYTHONWARNINGS='ignore:resource_tracker' $(VENV)/bin/sqlfluff lint --quiet --processes 2 models tests/singular
	@WAREHOUSE_PATH=none.duckdb DBT_TARGET_PATH=target/lint DBT_LOG_PATH=target/lint \
		$(VENV)/bin/dbt --quiet parse
	@$(VENV)/bin/dbt-bouncer run --config-file .dbt-bouncer.yml > target/lint/bouncer.txt 2>&1 || { cat target/lint/bouncer.txt; exit 1; }

lock: ## Write each requirements.txt anew from its .in; needs uv | UPGRADE=1 also takes newer versions
	@$(UV) requirements.in -o requirements.txt
	@$(UV) -c requirements.txt requirements-dev.in -o requirements-dev.txt
	@$(UV) -c requirements.txt requirements-spark.in -o requirements-spark.txt

clean: ## Remove what can be made again: caches, docs, the demo's files; never warehouse/
	@rm -rf target logs demo/.data .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -not -path './$(VENV)*/*' -prune -exec rm -rf {} +

# The environment is made once, and again when a lock file changes.
$(VENV)/.installed: requirements.txt
	@echo "installing into $(VENV) (once; a minute or more)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or later is needed; PYTHON=python3.12 make ..." >&2; exit 2; }
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install -q --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@$(RUN) -m pip install -q --require-hashes -r requirements-dev.txt
	@touch $@

$(SPARK)/.installed: requirements-spark.txt
	@"$${JAVA_HOME:+$$JAVA_HOME/bin/}java" -version > /dev/null 2>&1 || { echo "error: Spark needs Java 17 or later: apt install openjdk-17-jre-headless (Debian), or set JAVA_HOME to one" >&2; exit 2; }
	@echo "installing Spark into $(SPARK) (once; 500 MB, some minutes)"
	@test -x $(SPARK)/bin/python || $(PYTHON) -m venv $(SPARK)
	@$(SPARK)/bin/python -m pip install -q --require-hashes -r requirements-spark.txt
	@touch $@
