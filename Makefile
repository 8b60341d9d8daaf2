# All commands of this project. Each target does its own set-up; `make` alone lists them.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
VERSION := import sys; print(*sys.version_info[:2], sep=".")
MYPY_PATHS := include plugins dags tools benchmarks
PROPERTY_TESTS = $(addprefix tests/include/oss_audio_core/,text/test_escaping.py smq/scenarios/test_decoder_properties.py \
	pipeline/waiting/test_bounded_message.py catalogue/test_storable.py verification/test_guarded_open.py)
CHAOS_FULL = --kills 300 --files 100 --waves 4 --longest-stop 40 $(if $(SEED),--seed $(SEED))

.DEFAULT_GOAL := help
.PHONY: help setup lock upgrade lint format test test-sdk dist test-wheel test-damage-full corpus corpus-quick corpus-full attack attack-full chaos-cloud chaos-cloud-full chaos chaos-full demo up down bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 26

setup: $(READY) ## make .venv with everything that is needed (PYTHON=… picks another Python)

# A given PYTHON= must be the version of the .venv. Without one, an existing .venv is used.
ifneq ($(origin PYTHON),file)
ifneq ($(shell $(PYTHON) -c '$(VERSION)' 2>/dev/null),$(shell $(RUN) -c '$(VERSION)' 2>/dev/null))
$(READY): another-python
another-python:
endif
endif

# Stamped, so that it costs nothing the second time. Local edits of the project need no new installation.
$(READY): pyproject.toml requirements-dev.txt tools/setup_environment.py tools/package_index.py
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found. Python 3.11 to 3.13 is needed: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || { echo "$(PYTHON) is $$($(PYTHON) --version 2>&1). Python 3.11 to 3.13 is needed: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m tools.setup_environment
	@touch $@

lock: setup ## compile the requirements files from pyproject.toml
	@$(RUN) -m tools.requirements_files

upgrade: setup ## the same, taking newer versions
	@$(RUN) -m tools.requirements_files --upgrade

lint: setup ## style, types, import contracts, fresh requirements, clean repository, a test for each module, licences
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy $(MYPY_PATHS)
	$(VENV)/bin/lint-imports
	$(RUN) -m tools.checks.stale_requirements
	$(RUN) -m tools.checks.hygiene
	$(RUN) -m tools.checks.module_tests
	$(RUN) -m tools.licences

format: setup ## format all Python files
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

test: setup ## all tests, a real scheduler, triggerer and FFmpeg included
	$(RUN) -m pytest -n 3 --dist loadfile --no-loadscope-reorder --ignore tests/wheel

test-sdk: setup ## the local cloud under ali-oss of npm; needs Node (Debian: nodejs npm)
	@$(RUN) -m tools.sdk_suite

dist: setup ## build the source distribution, the wheel and its bill of materials into dist/
	@$(RUN) -m tools.distribution

test-wheel: setup ## the wheel alone, with the oldest and the newest Airflow, outside the checkout
	$(RUN) -m pytest tests/wheel

test-damage-full: setup ## verification of a hundred flipped bits per format; ten are in `make test`
	DAMAGE_FLIPS=100 $(RUN) -m pytest -n 3 tests/include/oss_audio_core/verification/scenarios/test_damage_table.py

corpus: setup ## 470 odd and ordinary files, 20 renditions of each: is every verdict right? needs SoX, LAME and others
	@$(RUN) -m tools.corpus $(ARGS)

corpus-quick: setup ## a fifth of the files, one rendition for each format
	@$(RUN) -m tools.corpus --quick $(ARGS)

corpus-full: corpus ## the corpus, and every length of three frames at each legal rate
	LENGTH_SCAN=full $(RUN) -m pytest -n 3 tests/include/oss_audio_core/verification/scenarios/test_lengths.py

attack: setup ## hostile files, messages and keys: property tests, then whole batches on both databases (MINUTES=5, SEED=…)
	HYPOTHESIS_EXAMPLES=$(or $(EXAMPLES),2000) $(RUN) -m pytest -q $(PROPERTY_TESTS)
	@$(RUN) -m tools.attack --minutes $(or $(MINUTES),5) $(if $(SEED),--seed $(SEED))

attack-full: setup ## the same, 20,000 files, 5,000 messages and 2,000 keys on each database
	@$(RUN) -m tools.attack $(if $(SEED),--seed $(SEED))

chaos-cloud: setup ## kill -9 of the local cloud under load, 20 times within a minute (SEED=… repeats a run)
	@$(RUN) -m tools.chaos_cloud --kills 20 $(if $(SEED),--seed $(SEED))

chaos-cloud-full: setup ## the same, 200 times
	@$(RUN) -m tools.chaos_cloud --kills 200 $(if $(SEED),--seed $(SEED))

chaos: setup ## kill and stop processes of a whole stack (Celery, PostgreSQL) during batches, 12 times
	@$(RUN) -m tools.chaos --kills 12 --files 40 $(if $(SEED),--seed $(SEED))

chaos-full: setup ## the same, 300 times, once more with lost and repeated notifications, and what those cost in time
	@$(RUN) -m tools.chaos $(CHAOS_FULL)
	@$(RUN) -m tools.chaos $(CHAOS_FULL) --lost 0.3 --repeated 0.3
	@$(RUN) -m tools.chaos.notifications $(if $(SEED),--seed $(SEED))

demo: setup ## the main job, end to end: a bucket of audio becomes a verified catalogue
	@$(RUN) -m tools.demo

up: setup ## leave Airflow's UI and the local cloud running; prints addresses and login
	@$(RUN) -m tools.background up

down: setup ## end what `make up` started
	@$(RUN) -m tools.background down

bench: setup ## print the benchmarks' figures (ARGS="--only conversions" leaves the clone out)
	@$(RUN) -m benchmarks $(ARGS)

clean: down ## remove what the demo and `make up` left on disk
	rm -rf .demo .stack .sdk
