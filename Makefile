# rtmesh: every target does the set-up it needs.
#   make demo       calibrate a decoder, then run the closed-loop cursor graph for 20 s
#   make mesh-demo  the same graph on a scheduler and three machines that stay
#   make test       the tests
#   make check      lint, types, protos, layers, sanitizers
#   make bench      what single operations cost
#   make protos     generate protos/rtmesh/v1/*_pb2* anew

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NATIVE := $(wildcard shm/native/*.c shm/native/*.h)
PROTOS := $(wildcard protos/rtmesh/v1/*.proto)

.PHONY: install demo mesh-demo test check lint types protos check-protos bench sanitize clean

install: $(STAMP)

$(STAMP): pyproject.toml $(NATIVE)
	@./scripts/require-tools
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev --editable .
	touch $@

demo: install
	./scripts/demo

mesh-demo: install
	./scripts/mesh-demo

test: install
	$(BIN)/python -m pytest

check: lint types check-protos sanitize
	$(BIN)/python -m pytest -q tests/test_rules.py

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The type checker knows packages by folder name only, so it gets a tree of links.
types: install
	rm -rf .typecheck && mkdir -p .typecheck/rtmesh
	for entry in services/*; do ln -s ../../$$entry .typecheck/rtmesh/$$(basename $$entry); done
	ln -s ../../shm .typecheck/rtmesh/shm
	ln -s ../../cli .typecheck/rtmesh/cli
	ln -s ../../protos/rtmesh/v1 .typecheck/rtmesh/v1
	$(BIN)/mypy

protos: install
	./scripts/generate-protos protos

check-protos: install
	$(BIN)/buf lint
	./scripts/check-protos

bench: install
	$(BIN)/python -m pytest bench -q -o python_files='bench_*.py' -o python_functions='bench_*' --benchmark-sort=name --benchmark-columns=min,median,max,rounds

sanitize:
	$(MAKE) -C shm/native asan tsan

clean:
	rm -rf $(VENV) .typecheck build dist *.egg-info shm/*.so
