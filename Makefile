# `make` lists the targets. Everything runs in .venv, which the first target that needs it makes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# An extra package index for torch; set it on Linux to get the small CPU wheel instead of the CUDA one:
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
DATA ?= data
PYTEST_ARGS ?=
# A test file a processor at a time. Tests that need downloaded weights run when LGR_WEIGHTS names the folder that has them.
PYTEST = $(BIN)/python -m pytest --numprocesses auto --dist loadfile
WEIGHTS_TESTS = $(if $(LGR_WEIGHTS),,not weights)
AND_WEIGHTS_TESTS = $(if $(WEIGHTS_TESTS), and $(WEIGHTS_TESTS))

DEMO_EXTRAS := explore
APP_EXTRAS := explore,codecs,measures,app
NOTEBOOK_EXTRAS := explore,codecs,measures,notebooks
TEST_EXTRAS := codecs,explore,measures,app,notebooks,ann,live,docs,dev
# The original codec packages, which the parity tests compare with. Their own requirements hold protobuf at 3.19 and want
# torchaudio; neither is needed to encode and decode (lgr/codecs/reference.py), so they come with what is.
REFERENCE_PACKAGES := encodec==0.1.1 descript-audio-codec==1.0.0
REFERENCE_NEEDS := einops argbind
# Judges' weights, in packages whose own requirements cannot be met (lgr/judges/table.py).
JUDGE_PACKAGES := resemblyzer==0.1.4 musicnn==0.1.0

PIP_INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
REQUIREMENTS := pyproject.toml setup.py constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint docs bench weekly listening-test app space screenshots notebooks render-notebooks experiments train-codec clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.installed-demo ## resynthesise a bundled sound with bundled sounds into out/demo/
	$(BIN)/lgr demo

test: $(VENV)/.installed-test ## run the tests, but for those that are slow by nature
	$(PYTEST) -m "not slow$(AND_WEIGHTS_TESTS)" $(PYTEST_ARGS)

test-all: $(VENV)/.installed-test ## run all tests, as CI does
	$(PYTEST) -m "$(WEIGHTS_TESTS)" $(PYTEST_ARGS)

lint: $(VENV)/.installed-test ## ruff, formatting and types, as pre-commit and CI do
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.installed-docs ## build the documentation as a site in out/docs/ (open out/docs/index.html)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

bench: $(VENV)/.installed-test ## run the benchmarks (minutes; close other programs first)
	$(BIN)/python -m benchmarks.match
	$(BIN)/python -m benchmarks.resynth

weekly: $(VENV)/.installed-test ## download every codec's real weights and try them (what CI does once a week)
	$(BIN)/python -m benchmarks.weekly

listening-test: $(VENV)/.installed-measures ## make a listening test of bundled sounds in out/listening-test/
	$(BIN)/python -m benchmarks.listening_demo

app: $(VENV)/.installed-app ## open the app in a browser, at http://127.0.0.1:7860
	$(BIN)/lgr app

space: $(VENV)/.installed-app ## build the hosted Space in out/space/
	$(BIN)/python -m apps.space.build -o out/space

screenshots: $(VENV)/.installed-test ## take pictures of every tab for docs/screenshots/
	$(BIN)/python -m benchmarks.screenshots

notebooks: $(VENV)/.installed-notebooks ## open the notebooks in a browser
	$(BIN)/jupyter lab notebooks/

experiments: $(VENV)/.installed-test ## run the experiments behind docs/results/experiments_* (about ten minutes)
	$(BIN)/python -m benchmarks.experiments

render-notebooks: $(VENV)/.installed-notebooks ## run the notebooks and write their .ipynb anew (minutes)
	$(BIN)/python notebooks/execute.py

train-codec: $(VENV)/.installed-demo ## train the bundled codec anew on DATA=manifest.csv (under two hours; resumes)
	$(BIN)/lgr train codec --data $(DATA) --out runs/codec --bfloat16 $(if $(wildcard runs/codec/checkpoint.pt),--resume)

clean: ## remove the virtual environment, caches and out/ (runs/ is kept)
	rm -rf $(VENV) out build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find lgr apps tests benchmarks assets docs -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "lgr needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-demo: $(REQUIREMENTS) | $(BIN)/python
	$(PIP_INSTALL) --editable '.[$(DEMO_EXTRAS)]'
	@touch $@

$(VENV)/.installed-measures: $(REQUIREMENTS) | $(BIN)/python
	$(PIP_INSTALL) --editable '.[explore,measures]'
	@touch $@

$(VENV)/.installed-app: $(REQUIREMENTS) | $(BIN)/python
	$(PIP_INSTALL) --editable '.[$(APP_EXTRAS)]'
	@touch $@

$(VENV)/.installed-notebooks: $(REQUIREMENTS) | $(BIN)/python
	$(PIP_INSTALL) --editable '.[$(NOTEBOOK_EXTRAS)]'
	@touch $@

$(VENV)/.installed-docs: $(REQUIREMENTS) | $(BIN)/python
	$(PIP_INSTALL) --editable '.[docs]'
	@touch $@

$(VENV)/.installed-test: $(REQUIREMENTS) Makefile | $(BIN)/python
	$(PIP_INSTALL) --editable '.[$(TEST_EXTRAS)]' $(REFERENCE_NEEDS)
	$(PIP_INSTALL) --no-deps $(REFERENCE_PACKAGES)
# ViSQOL wants a C++ compiler: where the judges cannot be installed, tests that ask them are skipped.
	-$(PIP_INSTALL) --editable '.[judges]'
	-$(PIP_INSTALL) --no-deps $(JUDGE_PACKAGES)
	@touch $@
