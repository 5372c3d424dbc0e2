# Campaigns on what must not break (docs/reliability.md); each goes on where it was
# interrupted. What they write is in $(BUILD)/reliability/.
RELIABILITY := tests/reliability

.PHONY: kills soak

kills: all $(VENV)/.developing ## commands killed at random (COUNT= STAGE= SEED= HOW=kill|disk|twice|readonly|memory|cgroup)
	$(call say,commands disturbed: $(or $(HOW),kill))
	@$(PY) $(RELIABILITY)/kills.py $(foreach name,HOW STAGE COUNT SEED,$(call option,$(name)))

soak: all $(VENV)/.developing ## memory over a long time (PART="train images video" TRAIN= IMAGES= VIDEO=)
	$(call say,memory over a long time)
	@$(PY) $(RELIABILITY)/soak.py $(foreach name,PART TRAIN IMAGES VIDEO,$(call option,$(name)))

# ---- Caffe under clang's sanitizers, and what users bring to it at random. Debian:
# clang, libclang-rt-dev, libomp-dev.
SANITIZED := $(BUILD)/sanitized
THREADS := $(BUILD)/threads
FUZZ := $(BUILD)/fuzz
SECONDS ?= 3600# of each target, in all its runs
TARGET ?=# one or some of them; all by default
ATHERIS := atheris==3.0.0
SUPPRESSIONS := $(CURDIR)/$(RELIABILITY)
SANITIZED_TESTS := JOBS=$(JOBS) $(RELIABILITY)/sanitized_tests.sh
# Not what limits the address space.
FOR_SANITIZERS := -*GPU*:$(CLOCKS):*OutOfMemory*
# pycaffe's exceptions: but not what measures and limits memory, of which sanitizers take
# terabytes, nor leaks, of which Python has many at its end.
SANITIZED_PYTEST = ASAN_OPTIONS=detect_leaks=0 PYTHONPATH="$(CURDIR)/$(1)/python:$(CURDIR)/python:$(CURDIR):$$($(PY) -c \
  'import sysconfig; print(sysconfig.get_path("purelib"))')" $(1)/bin/python -m pytest \
  tests/test_exceptions.py -q -rs -k 'not memory_that_is_out and not nothing_behind'

# sanitized-build FOLDER,SANITIZERS,TARGETS: configures and compiles.
sanitized-build = export CAFFE_SOURCE='$(CURDIR)/$(BUILD)/caffe-pristine'; \
  [ -d "$$CAFFE_SOURCE" ] || unset CAFFE_SOURCE; \
  command -v clang++ > /dev/null || { echo 'make: error: there is no clang++; install' \
    'clang, libclang-rt-dev and libomp-dev' >&2; exit 1; }; \
  cmake -S . -B $(1) -G Ninja -DPython3_EXECUTABLE='$(CURDIR)/$(PY)' -DCPU_ONLY=1 \
    -DMARCH= -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ \
    -DSANITIZERS=$(2) > $(1).log 2>&1 || { cat $(1).log; exit 1; }; \
  ninja -C $(1) -j $(JOBS) $(3)

# Threads of data layers and solvers, of OpenMP regions, and what they throw. Four
# threads, since two seldom meet.
IN_THREADS := *Data*:*Prefetch*:*Thread*:Errors*:OneDNN*:*Winograd*:OnePass*:Region*/0.*:Locally*/0.*:Multilabel*:Splice*:*FuzzedTest*:-*GPU*:*Gradient*:*DeathTest*:*OutOfMemory*

.PHONY: sanitize fuzz sanitize-once

sanitize fuzz sanitize-once: export OMP_WAIT_POLICY := passive
sanitize: export LSAN_OPTIONS := suppressions=$(SUPPRESSIONS)/lsan.supp
sanitize: export TSAN_OPTIONS := suppressions=$(SUPPRESSIONS)/tsan.supp ignore_noninstrumented_modules=1

sanitize: $(VENV)/.developing ## the test runner under ASan + UBSan, its threads under TSan
	@mkdir -p $(BUILD)
	$(call say,Caffe under the address and undefined-behaviour sanitizers)
	@$(call sanitized-build,$(SANITIZED),address$(comma)undefined,test_caffe python pycaffe)
	@$(SANITIZED_TESTS) $(SANITIZED) '$(FOR_SANITIZERS)'
	@$(call SANITIZED_PYTEST,$(SANITIZED))
	$(call say,Caffe's threads under the thread sanitizer)
	@$(call sanitized-build,$(THREADS),thread,test_caffe python pycaffe)
	@OMP_NUM_THREADS=4 $(SANITIZED_TESTS) $(THREADS) '$(IN_THREADS)'
	@OMP_NUM_THREADS=4 $(call SANITIZED_PYTEST,$(THREADS))

FUZZ_PY := $(PY) $(RELIABILITY)/fuzz.py --program $(SANITIZED)/bin/fuzz_caffe --out $(FUZZ)

fuzz: all $(VENV)/.developing ## what users bring at random, SECONDS=3600 a target (TARGET=, JOBS=, KEEP=1)
	@mkdir -p $(BUILD)
	$(call say,Caffe for libFuzzer)
	@$(call sanitized-build,$(SANITIZED),address$(comma)undefined,fuzz_caffe)
	@$(PIP) '$(ATHERIS)'
	$(call say,fuzzing: corpora and finds in $(FUZZ))
	@$(FUZZ_PY) --seconds $(SECONDS) --jobs $(JOBS) $(if $(TARGET),--targets $(TARGET)) \
	  $(if $(filter 1,$(KEEP)),--keep)

# The part of both that CI has time for.
sanitize-once: all $(VENV)/.developing ## pycaffe's exceptions, and the fuzzers' inputs of Caffe, under ASan + UBSan
	@mkdir -p $(BUILD)
	$(call say,Caffe under the address and undefined-behaviour sanitizers)
	@$(call sanitized-build,$(SANITIZED),address$(comma)undefined,fuzz_caffe python pycaffe)
	$(call say,the fuzzers' inputs)
	@$(FUZZ_PY) --once --jobs $(JOBS) --caffe
	$(call say,pycaffe's exceptions)
	@$(call SANITIZED_PYTEST,$(SANITIZED))
