# Two commands: `make demo` sets up and shows deepcuts at work; `make test` sets up and runs every test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_HOME := $(VENV)/demo-home
DEMO := $(BIN)/python cli.py --home $(DEMO_HOME)

.PHONY: demo test check pictures clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(READY)
	$(DEMO) ingest demo/catalog --labels folders
	$(DEMO) similar "demo/catalog/trance/DJ Sjors - Adventure.mp3" -n 5
	$(DEMO) similar "demo/outside/Muldjord - Chaos God.ogg" -n 5
	@echo 'To call it from anywhere: export PATH="$(CURDIR)/$(BIN):$$PATH"    then: deepcuts'

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=30

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# The pictures of docs/, and what the guide's commands print, made anew; needs Chromium. CLIPS="FOLDER..." of
# labelled music adds those that the demo is not enough for (benchmarks/docs_pictures.py).
pictures: $(READY)
	PYTHONPATH=. $(BIN)/python benchmarks/guide_output.py
	PYTHONPATH=. $(BIN)/python benchmarks/docs_pictures.py $(CLIPS)
	$(BIN)/python -m tests.recommender.service.static.screenshots

clean:
	rm -rf $(VENV) build *.egg-info
