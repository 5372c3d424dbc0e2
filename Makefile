# Everything a user does, by name; `make help` lists it. The compiling itself is
# CMakeLists.txt's.
SHELL := /bin/bash
.SHELLFLAGS := -eo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
.NOTPARALLEL:  # each step uses every core itself

PYTHON ?= /usr/bin/python3# the system's own: Boost.Python is built for it
BUILD := build
PREFIX ?=
PACKAGES ?= install# present: do not look for system packages
JOBS ?= $(shell nproc)
VENV := .venv
PY := $(VENV)/bin/python
PIP = $(VENV)/bin/pip install --quiet --disable-pip-version-check
PINS = python/pins/$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])').txt
DRML := $(VENV)/bin/drml
TOOLS := caffe convert_imageset compute_image_mean extract_features \
  upgrade_net_proto_binary upgrade_net_proto_text upgrade_solver_proto_text
# The compiler's cache then serves another clone, too.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
comma := ,
say = @printf '\n== %s\n' "$(1)"

# ---- Set-up: system packages, Python packages, configuration

$(BUILD)/.packages: caffe_ext/debian_packages.txt caffe_ext/install_packages.sh
	$(call say,system packages)
	@mkdir -p $(BUILD)
	@[ '$(PACKAGES)' = present ] || { caffe_ext/install_packages.sh && touch $@; }

$(VENV)/.installed: python/requirements.txt $(wildcard python/pins/*.txt) pyproject.toml \
  data_prep/face_models.py | $(BUILD)/.packages
	$(call say,Python packages in $(VENV))
	@[ -f '$(PINS)' ] || { echo 'make: error: there is no $(PINS): this wants one of' \
	  'Python $(patsubst python/pins/%.txt,%,$(wildcard python/pins/*.txt)); is there' \
	  'another, with its Boost.Python? make PYTHON=/path/to/it' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) -r python/requirements.txt setuptools -c $(PINS)
	@mkdir -p $(BUILD)/python/caffe  # pip wants a package there before it is built
	@touch $(BUILD)/python/caffe/__init__.py
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(PY) data_prep/face_models.py $(VENV)/share/drml
	@for tool in $(TOOLS); do \
	  ln -sf '$(CURDIR)/$(BUILD)'/bin/$$tool $(VENV)/bin/$$tool; done
	@touch $@

# Developing wants more than running does.
$(VENV)/.developing: python/requirements-dev.txt | $(VENV)/.installed
	@$(PIP) -r python/requirements-dev.txt -c $(PINS)
	@touch $@

# given CMAKE_NAME,NAME: what make was given for NAME, and CMake's default otherwise.
given = $(if $($(2)),-D$(1)='$($(2))',-U$(1))
CONFIGURE = cmake -S . -G Ninja -DPython3_EXECUTABLE='$(CURDIR)/$(PY)' \
  $(foreach option,CPU_ONLY USE_CUDNN USE_NCCL,$(call given,$(option),$(option))) \
  $(call given,CMAKE_CUDA_ARCHITECTURES,CUDA_ARCHITECTURES)

# Changes only when an option does, so that `make MARCH=...` configures again.
OPTIONS = $(foreach option,MARCH CPU_ONLY USE_CUDNN USE_NCCL CUDA_ARCHITECTURES,$(option)=$($(option)))
$(BUILD)/.options: FORCE | $(BUILD)/.packages
	@echo '$(OPTIONS)' | cmp -s - $@ || echo '$(OPTIONS)' > $@

$(BUILD)/build.ninja: $(VENV)/.installed $(BUILD)/.options
	$(call say,configuration)
	@$(CONFIGURE) -B $(BUILD) $(call given,MARCH,MARCH) 2>&1 | \
	  tee $(BUILD)/cmake.log | grep --line-buffered -E '^caffe source|^-- Caffe' \
	  || { cat $(BUILD)/cmake.log; exit 1; }
	@touch $@

# ---- What a user asks for

.PHONY: all demo reproduce bench test lint format docs clean install portable help FORCE

all: $(BUILD)/build.ninja ## build Caffe, its tools and pycaffe (the default)
	$(call say,Caffe with $(JOBS) jobs)
	@mkdir -p out  # where prototxt/*_solver.prototxt put their snapshots
	@ninja -C $(BUILD) -j $(JOBS)
	@! grep -qs '^USE_ONEDNN:BOOL=OFF' $(BUILD)/CMakeCache.txt || echo 'make: warning:' \
	  'built without oneDNN 2 or 3: on the CPU networks take several times as long; install' \
	  'it with its headers (Debian: libdnnl-dev), then make clean all' >&2

include tests/test.mk
include tests/cuda.mk
include tests/gpu.mk
include tests/reliability.mk
include python/reproduce.mk
include python/bench/bench.mk
include python/release.mk

CXX_FILES = $(shell git ls-files 'caffe_ext/*.hpp' 'caffe_ext/*.cpp' 'caffe_ext/*.cu' \
  'caffe_ext/*.cuh' 'tests/*.hpp' 'tests/*.cpp')

lint: $(VENV)/.developing ## check style: ruff, clang-format, cpplint
	$(call say,style)
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@[ -n '$(CXX_FILES)' ] || { echo 'make: error: lint needs a git checkout' >&2; exit 1; }
	@$(VENV)/bin/clang-format --dry-run --Werror $(CXX_FILES)
	@$(VENV)/bin/cpplint --quiet $(CXX_FILES)

format: $(VENV)/.developing ## rewrite all code in that style
	@$(VENV)/bin/ruff check --fix --quiet .
	@$(VENV)/bin/ruff format --quiet .
	@$(VENV)/bin/clang-format -i $(CXX_FILES)

# A shared binary must run on any processor, so MARCH is empty unless given.
install: $(VENV)/.installed ## install to PREFIX=/path (portable unless MARCH=native)
	@[ -n '$(PREFIX)' ] || { echo 'make: error: say where: make install PREFIX=/path' >&2; exit 1; }
	$(call say,Caffe for $(or $(MARCH),any processor) to $(PREFIX))
	@[ ! -d $(BUILD)/caffe-pristine ] || export CAFFE_SOURCE='$(CURDIR)/$(BUILD)/caffe-pristine'; \
	  $(CONFIGURE) -B $(BUILD)/install -DMARCH=$(MARCH) > $(BUILD)/install.log \
	  || { cat $(BUILD)/install.log; exit 1; }
	@ninja -C $(BUILD)/install -j $(JOBS)
	@cmake --install $(BUILD)/install --prefix '$(PREFIX)' > $(BUILD)/install.log
	@printf '%s\n' 'Use it with: export PATH=$(PREFIX)/bin:$$PATH PYTHONPATH=$(PREFIX)/python' \
	  'pycaffe wants the packages of python/requirements.txt.'

# For a machine that has no -dev packages, say one with a GPU that is shared.
portable: $(VENV)/.installed ## caffe, its test runner and bench_net, to run anywhere
	$(call say,portable Caffe in $(BUILD)/portable)
	@[ ! -d $(BUILD)/caffe-pristine ] || export CAFFE_SOURCE='$(CURDIR)/$(BUILD)/caffe-pristine'; \
	  $(CONFIGURE) -B $(BUILD)/portable -DPORTABLE=1 -DMARCH=$(MARCH) > $(BUILD)/portable.log \
	  || { cat $(BUILD)/portable.log; exit 1; }
	@ninja -C $(BUILD)/portable -j $(JOBS) tool_caffe test_caffe bench_net
	@ls -s --block-size=MB $(BUILD)/portable/bin/caffe $(BUILD)/portable/test/test.testbin \
	  $(BUILD)/portable/bench/bench_net

docs: all $(VENV)/.docs ## build the site of docs/ into build/docs, its links checked
	$(call say,the site of docs/)
	@$(PY) -m sphinx --quiet --fail-on-warning --keep-going docs $(BUILD)/docs/html \
	  -d $(BUILD)/docs/work
	@echo 'written: $(BUILD)/docs/html/index.html'

$(VENV)/.docs: docs/requirements.txt | $(VENV)/.installed
	@$(PIP) -r docs/requirements.txt -c $(PINS)
	@touch $@

clean: ## remove the build and the virtual environment (data/ and out/ stay)
	rm -rf $(BUILD) $(VENV) dist

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
