# `make test`: Caffe's runner (upstream's tests and ours), pycaffe's unit tests,
# and pytest. Logs are in $(BUILD)/test/.
TEST := $(BUILD)/test
# Two of upstream's tests compare clocks and fail when the machine is busy.
CLOCKS := BenchmarkTest*

# Tests whose layers get their engine by default: the others name theirs.
BY_DEFAULT := *NetTest*:*SolverTest*

define pycaffe-tests
	$(call say,pycaffe: its own tests)
	@mkdir -p $(TEST)
	@cd $(BUILD)/caffe/python/caffe/test && GLOG_minloglevel=2 \
	  '$(CURDIR)/$(PY)' -W ignore -m unittest discover 2>&1 | tee '$(CURDIR)/$(TEST)/pycaffe.log'
endef

.PHONY: quick-test

# Threads that spin at barriers make a busy machine crawl.
test quick-test: export OMP_WAIT_POLICY := passive

test: $(BUILD)/build.ninja $(VENV)/.developing ## build everything and run every test
	$(call say,building Caffe and its test runner with $(JOBS) jobs)
	@mkdir -p $(TEST)
	@ninja -C $(BUILD) -j $(JOBS) all test_caffe benches
	$(call say,Caffe tests: upstream and caffe_ext (log: $(TEST)/caffe.log))
	@$(CURDIR)/tests/run_gtest.sh $(BUILD) '-*GPU*:$(CLOCKS)' $(TEST)/caffe.log
	$(call say,Caffe tests of its clocks: three tries)
	@for try in 1 2 3; do \
	  tests/run_gtest.sh $(BUILD) '$(CLOCKS)' $(TEST)/clocks.log && break; \
	  [ $$try -lt 3 ]; done
	$(call say,Caffe tests of nets and solvers without oneDNN)
	@CAFFE_ENGINE=CAFFE tests/run_gtest.sh $(BUILD) '$(BY_DEFAULT):-*GPU*:OneDNN*' \
	  $(TEST)/engine_off.log
	$(call say,tests of oneDNN's layers as on a processor without AVX-512)
	@ONEDNN_MAX_CPU_ISA=AVX2 tests/run_gtest.sh $(BUILD) 'OneDNN*:-*Gradient*' \
	  $(TEST)/avx2.log
	$(call say,tests of oneDNN's layers as on a processor without AVX)
	@ONEDNN_MAX_CPU_ISA=SSE41 tests/run_gtest.sh $(BUILD) 'OneDNN*:-*Gradient*' \
	  $(TEST)/sse41.log
	$(pycaffe-tests)
	$(call say,pytest)
	@# One worker more than processors: some tests wait, Slurm's above all.
	@$(PY) -m pytest tests -n $$(($(JOBS) + 1)) --dist loadfile --no-loadscope-reorder -q -rs \
	  --durations=20 -o tmp_path_retention_policy=failed 2>&1 | tee $(TEST)/pytest.log
	@tests/count.sh $(TEST)

# On a system that is new here: pycaffe, and a face from disk to a table.
QUICK := tests/test_pins.py tests/test_caffe_tool.py tests/test_end_to_end.py
quick-test: all $(VENV)/.developing ## pycaffe's tests, and a net trained and evaluated (minutes)
	$(pycaffe-tests)
	$(call say,a face from disk to a table)
	@$(PY) -m pytest $(QUICK) -q -rs
