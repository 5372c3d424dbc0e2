# `make bench`: PyTorch and runtimes for ONNX in an environment of their own, which
# nothing else uses; DRML and its relatives in all, and nets of public zoos.
PEER := $(BUILD)/pytorch
BENCH_OPTIONS ?=# e.g. --networks drml --batch 8
ZOO_OPTIONS ?=# e.g. --networks resnet50 --batch 4
RUNTIMES_OPTIONS ?=# e.g. --networks drml resnet50 --batches 1 8
comma := ,

$(PEER)/.installed: python/bench/requirements.txt | $(BUILD)/.packages
	$(call say,PyTorch and others in $(PEER) (5 GB of disk))
	@$(PYTHON) -m venv $(PEER)
	@$(PEER)/bin/pip install --quiet --disable-pip-version-check --no-deps \
	  -r python/bench/requirements.txt
	@touch $@

bench: $(PEER)/.installed all ## time DRML and its relatives in Caffe and in PyTorch
	$(call say,Caffe against PyTorch (minutes; best on a quiet machine))
	@TORCHINDUCTOR_CACHE_DIR='$(CURDIR)/$(PEER)/compiled' \
	  PYTHONPATH=python $(PY) -m bench.cpu --peer $(PEER)/bin/python --out out/bench $(BENCH_OPTIONS)
	$(call say,nets of public zoos trained in Caffe and in PyTorch)
	@TORCHINDUCTOR_CACHE_DIR='$(CURDIR)/$(PEER)/compiled' PYTHONPATH=python \
	  $(PY) -m bench.zoo_training --peer $(PEER)/bin/python --out out/bench $(ZOO_OPTIONS)
	$(call say,Caffe against ONNX Runtime$(comma) OpenVINO and OpenCV)
	@PYTHONPATH=python $(PY) -m bench.runtimes --peer $(PEER)/bin/python --out out/bench \
	  $(RUNTIMES_OPTIONS)

# On a GPU PyTorch is another one, with what it needs there.
GPU_PEER ?= python3# a Python that has it
GPU_BENCH_OPTIONS ?=# e.g. --networks drml region --precisions FP32

.PHONY: bench-nets gpu-bench

bench-nets: all ## write the nets of gpu-bench to build/bench_nets
	@PYTHONPATH=python $(PY) -m bench.make_nets --out $(BUILD)/bench_nets

gpu-bench: bench-nets ## time DRML and its relatives on a GPU, and PyTorch
	@ninja -C $(BUILD) -j $(JOBS) bench_net
	$(call say,Caffe against PyTorch on the GPU)
	@TORCHINDUCTOR_CACHE_DIR='$(CURDIR)/$(BUILD)/compiled' PYTHONPATH=.:python \
	  $(GPU_PEER) -m bench.gpu --out out/bench_gpu --nets $(BUILD)/bench_nets \
	  --program $(BUILD)/bench/bench_net $(GPU_BENCH_OPTIONS)
