# Everything here works on a fresh machine with Python >= 3.11, a C compiler and make. Nothing has to be activated:
# the first target you run makes .venv, installs the tools into it and builds the extension into this directory.
#
#   make demo     train a small CNN on the embedded digits
#   make test     all tests; make test PYTEST="tests/test_cli.py -k info" for some
#   make parity   the API beside the installed Keras, in an environment of its own (.venv-parity, 2.4 GB)
#   make parity-page     writes docs/keras-parity.md, with the same environment
#   make lint     ruff, mypy --strict, cython-lint
#   make bench    benchmarks: a table, and JSON in .benchmarks/; make bench PYTEST=bench/training for some
#   make bench-peers     fastnn beside PyTorch, TensorFlow, JAX, ... in an environment of its own (.venv-peers, 3 GB): bars, chart,
#                        docs/performance.md and README.md; PEERS="--works CIFAR --rounds 2" for some, which writes nothing
#   make bench-check     names what became more than 10 % slower than bench/baseline.json says for this kind of machine
#   make bench-baseline  records that; commit it with the reason
#   make roofline        FLOPs, bytes, time, share of the peak of each layer of the reference CNN
#   make wheel    sdist, wheel from the sdist alone, manylinux repair, trial in a clean environment
#   make build    only build
#   make test-generic, test-avx2, test-serial   the suite on portable kernels, on AVX2, on a build without OpenMP
#   make neon     the suite's kernel calls on the NEON kernels, cross-compiled and run under qemu-user
#   make ulp      largest errors of exp, log, tanh, ... over all float32 inputs (half an hour)
#   make clean    remove what was built, and .venv

PYTHON ?= python3
PYTEST ?=
VENV := .venv
BIN := $(VENV)/bin
PEERS ?=
PEERS_VENV := .venv-peers
PARITY_VENV := .venv-parity
CORE_SOURCES := setup.py $(shell find csrc -type f) $(wildcard fastnn/_core/*.pyx)
SERIAL := build/serial
NEON := build/neon
NEON_CC ?= aarch64-linux-gnu-gcc
QEMU ?= qemu-aarch64
# As in setup.py, which says why.
KERNEL_FLAGS := -O2 -fno-math-errno -fno-trapping-math -ffp-contract=off -Wall -Wextra -Wshadow -Werror -Icsrc

.PHONY: help venv build demo test parity parity-page test-generic test-avx2 test-serial lint
.PHONY: bench bench-peers bench-check bench-baseline roofline wheel neon ulp clean
.DELETE_ON_ERROR:

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

$(VENV)/.tools: pyproject.toml .ci/requirements.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "fastnn needs Python 3.11 or newer; $(PYTHON) is older. Try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(BIN)/python .ci/requirements.py > $(VENV)/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(VENV)/requirements.txt
	@touch $@

$(VENV)/.built: $(CORE_SOURCES) $(VENV)/.tools
	$(BIN)/python setup.py --quiet build_ext --inplace --force
	@touch $@

venv: $(VENV)/.tools
build: $(VENV)/.built

demo: build
	$(BIN)/python -m fastnn train digits

test: build
	$(BIN)/python -m pytest $(PYTEST)

$(PARITY_VENV)/.tools: pyproject.toml .ci/requirements.py $(VENV)/.tools
	$(PYTHON) -m venv $(PARITY_VENV)
	$(BIN)/python .ci/requirements.py parity > $(PARITY_VENV)/requirements.txt
	$(PARITY_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $(PARITY_VENV)/requirements.txt
	@touch $@

# With Keras on JAX, which is light; and on TensorFlow what the backends of Keras do in different ways.
parity: build $(PARITY_VENV)/.tools
	KERAS_BACKEND=tensorflow $(PARITY_VENV)/bin/python -m pytest tests/parity -k tensorflow
	KERAS_BACKEND=jax $(PARITY_VENV)/bin/python -m pytest $(or $(PYTEST),tests/parity)

parity-page: build $(PARITY_VENV)/.tools
	KERAS_BACKEND=jax $(PARITY_VENV)/bin/python -m tests.parity.page

test-generic: build
	FASTNN_ISA=generic $(BIN)/python -m pytest $(PYTEST)

test-avx2: build
	FASTNN_ISA=avx2 $(BIN)/python -m pytest $(PYTEST)

# A second build beside the normal one; bin/pytest, unlike python -m pytest, does not put this directory first.
test-serial: $(VENV)/.tools
	rm -rf $(SERIAL)
	FASTNN_NO_OPENMP=1 $(BIN)/python setup.py --quiet build --build-base $(SERIAL) --build-lib $(SERIAL)/lib
	PYTHONPATH=$(SERIAL)/lib $(BIN)/python -P -c "from fastnn._core import build_info as b; exit(b()['openmp'])"
	PYTHONPATH=$(SERIAL)/lib $(BIN)/pytest $(PYTEST)

lint: build
	$(BIN)/ruff check .
	$(BIN)/mypy
	PATH="$(BIN):$$PATH" $(BIN)/cython-lint fastnn

bench: build
	mkdir -p .benchmarks
	$(BIN)/python -m pytest $(or $(PYTEST),bench) -o python_files='bench_*.py' --benchmark-json=.benchmarks/bench.json \
	  --benchmark-columns=min,median,stddev,rounds --benchmark-sort=name
	$(BIN)/python bench/import_and_size.py

$(PEERS_VENV)/.libraries: bench/requirements.txt
	$(PYTHON) -m venv $(PEERS_VENV)
	$(PEERS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	@touch $@

$(PEERS_VENV)/.fastnn: $(PEERS_VENV)/.libraries $(CORE_SOURCES) $(wildcard fastnn/*.py fastnn/*/*.py)
	$(PEERS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps .
	@touch $@

# Everything is run, written down and drawn unless PEERS chooses.
bench-peers: $(PEERS_VENV)/.fastnn
	$(PEERS_VENV)/bin/python bench/peers/run.py $(PEERS)
	$(if $(PEERS),,$(PEERS_VENV)/bin/python bench/peers/report.py --chart)

bench-check: build
	$(BIN)/python -m bench.check

bench-baseline: build
	$(BIN)/python -m bench.check --write

roofline: build
	$(BIN)/python -m bench.roofline

# Every kernel call of the suite, recorded here with its results, has the same bits on aarch64.
neon: build
	@command -v $(NEON_CC) >/dev/null && command -v $(QEMU) >/dev/null \
	  || { echo "needs $(NEON_CC) and $(QEMU); on Debian: apt install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user" >&2; exit 1; }
	mkdir -p $(NEON)
	$(NEON_CC) -static $(KERNEL_FLAGS) -DFNN_HAVE_NEON=1 csrc/registry.c csrc/cpu.c csrc/isa/neon.c csrc/isa/generic.c \
	  tests/replay/replay.c -o $(NEON)/replay -lm
	$(BIN)/python -m tests.replay.record $(NEON)/launches $(PYTEST)
	$(QEMU) $(NEON)/replay $(NEON)/launches neon

ulp: build
	$(BIN)/python -m tests.ulp.run

wheel: $(VENV)/.tools
	$(BIN)/python .ci/wheel.py

clean:
	rm -rf build dist wheelhouse .venv .venv-peers .venv-parity .pytest_cache .mypy_cache .ruff_cache .benchmarks *.egg-info fastnn/_core/*.c
	find fastnn -name '*.so' -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
