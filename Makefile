# rtmesh: every target does the set-up it needs.
#   make demo       calibrate a decoder, then run the closed-loop cursor graph for 20 s
#   make mesh-demo  the same graph on a scheduler and three machines that stay
#   make lab        the same graph over three computers in one box, their clocks minutes apart (needs root)
#   make test       the tests
#   make check      lint, types, protos, layers, sanitizers
#   make model      a model of the ring, every interleaving of it
#   make bench      what single operations cost
#   make bench-ring the ring beside its rivals, about 20 minutes; ARGUMENTS="--quick --only round-trip"
#   make bench-nodes the SDK over the ring, BRAND's test beside Redis, memory and start-up, about 20 minutes
#   make bench-net  edges between machines beside their rivals, two network namespaces, about 15 minutes (needs root)
#   make protos     generate protos/rtmesh/v1/*_pb2* anew

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The rivals' pins must not reach the project's own environment.
BENCH_VENV := .venv-bench
BENCH_BIN := $(BENCH_VENV)/bin
BENCH_STAMP := $(BENCH_VENV)/.installed
BENCH_PYTEST := -m pytest bench -q -o python_files='bench_*.py' -o python_functions='bench_*' \
	--benchmark-sort=name --benchmark-columns=min,median,max,rounds
NATIVE := $(wildcard shm/native/*.c shm/native/*.h services/node/native/*.c services/node/native/*.h \
	services/relay/native/*.c services/relay/native/*.h)
PROTOS := $(wildcard protos/rtmesh/v1/*.proto)

.PHONY: install demo mesh-demo lab test check lint types protos check-protos bench bench-ring bench-nodes bench-net sanitize model clean

install: $(STAMP)

# setuptools warns for pages of what is meant here: C sources beside packages, folders mapped to names.
$(STAMP): pyproject.toml $(NATIVE)
	@./scripts/require-tools
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	@echo "installing rtmesh and its tools into $(VENV)"
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev --editable .
	touch $@

demo: install
	./scripts/demo

mesh-demo: install
	./scripts/mesh-demo

lab: install
	./scripts/lab demo

test: install
	$(BIN)/python -m pytest

check: lint types check-protos sanitize model
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
	mkdir .typecheck/bench && for entry in bench/*.py bench/ring bench/net; do ln -s ../../$$entry .typecheck/bench/$$(basename $$entry); done
	$(BIN)/mypy

protos: install
	./scripts/generate-protos protos

check-protos: install
	$(BIN)/buf lint
	./scripts/check-protos

bench: install
	$(BIN)/python $(BENCH_PYTEST) --benchmark-json=bench/results/.operations.json
	$(BIN)/python -m bench.operations bench/results/.operations.json

bench-ring: $(BENCH_STAMP)
	$(BENCH_BIN)/python -m bench.ring $(ARGUMENTS)

bench-nodes: install $(BENCH_STAMP)
	$(BIN)/python -m bench.nodes $(ARGUMENTS)

bench-net: $(BENCH_STAMP)
	$(BENCH_BIN)/python -m bench.net $(ARGUMENTS)

$(BENCH_STAMP): pyproject.toml $(NATIVE)
	@./scripts/require-tools
	test -x $(BENCH_BIN)/python || $(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	$(BENCH_BIN)/python -m pip install --quiet --disable-pip-version-check --group bench-rivals --editable .
	$(BENCH_BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --group bench-rivals-alone
	touch $@

sanitize: install
	$(MAKE) -C shm/native asan tsan kills fuzz
	$(BIN)/python -m pytest -q tests/test_sanitizers.py

# Needs spin, and nothing else does.
model:
	$(MAKE) -C shm/model check

clean:
	rm -rf $(VENV) $(BENCH_VENV) .typecheck build dist *.egg-info shm/*.so services/node/*.so services/relay/*.so
