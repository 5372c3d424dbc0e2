# `make bench`: PyTorch in an environment of its own, which nothing else uses, and
# DRML and its relatives in both.
PEER := $(BUILD)/pytorch
BENCH_OPTIONS ?=# e.g. --networks drml --batch 8

$(PEER)/.installed: python/bench_requirements.txt | $(BUILD)/.packages
	$(call say,PyTorch in $(PEER) (4 GB of disk))
	@$(PYTHON) -m venv $(PEER)
	@$(PEER)/bin/pip install --quiet --disable-pip-version-check --no-deps \
	  -r python/bench_requirements.txt
	@touch $@

bench: $(PEER)/.installed all ## time DRML and its relatives in Caffe and in PyTorch
	$(call say,Caffe against PyTorch (minutes; best on a quiet machine))
	@TORCHINDUCTOR_CACHE_DIR='$(CURDIR)/$(PEER)/compiled' \
	  $(PY) python/bench.py --peer $(PEER)/bin/python --out out/bench $(BENCH_OPTIONS)
