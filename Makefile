# Every target sets up by itself what it needs (tools/setup.sh), once.  Another interpreter: make PYTHON=/path/to/python3 ...
# ARGS reaches the command that a target ends in:  make test ARGS="tests/apdu -k status"

PYTHON ?= python3
ARGS ?=
PCSC ?=
export PYTHON

BIN := .venv/bin
SIMULATE := $(BIN)/sscard simulate --control 127.0.0.1:0 --slots 2 --
BUF := tools/node_modules/.bin/buf
COMPILE := .setup/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(ARGS)

.PHONY: help demo run setup test check lint lint-proto format types proto docs bench lock runtime

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(if $(PCSC),setup,runtime) ## the whole story on software cards, over gRPC; no root, no Debian package; PCSC=1: through pcscd
	@$(if $(PCSC),$(SIMULATE) $(BIN)/sscard demo --pcsc,$(BIN)/sscard demo) $(ARGS)

run: runtime ## serve two software cards until interrupted; real readers: .venv/bin/sscard serve
	@$(BIN)/sscard serve --simulated $(ARGS)

setup: ## everything for development: Debian packages (root or sudo), .venv, sscard itself
	@tools/setup.sh development

test: setup ## the tests, also those through a real pcscd
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

check: lint types docs test ## what continuous integration runs

lint: setup lint-proto ## ruff, import-linter, codespell, buf
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell

lint-proto:
	@tools/setup.sh buf
	$(BUF) lint proto
	$(BUF) format proto --diff --exit-code

format: setup ## lay out the code as the linters want it
	@tools/setup.sh buf
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BUF) format proto --write

types: setup ## mypy, strict
	$(BIN)/mypy

proto: setup lint-proto ## the Python code beside the .proto files
	$(BIN)/python proto/generate.py

docs: setup ## the manual, into site/; its links are checked
	$(BIN)/python tools/check_links.py
	$(BIN)/python -m mkdocs build --strict $(ARGS)

bench: setup ## what the performance goals are measured with
	$(BIN)/python -m bench $(ARGS)

lock: ## requirements/*.txt from pyproject.toml; newer versions: make lock ARGS=--upgrade
	@tools/setup.sh uv
	$(COMPILE) --group uv -o requirements/uv.txt
	$(COMPILE) --group build -o requirements/build.txt
	$(COMPILE) pyproject.toml --all-extras --group dev -c requirements/build.txt -o requirements/dev.txt
	$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/runtime.txt

runtime:
	@tools/setup.sh runtime
