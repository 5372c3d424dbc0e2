# `make cuda-check`: what can be checked of the CUDA build where there is no GPU.
# It is compiled and linked twice, with cuDNN and NCCL (where they are) and without;
# the half of its tests that runs on the CPU runs with them (threads ask for a GPU all
# the same and get a fake one), and so do those of the messages for a GPU that fails.
# Kernels may not take more registers, nor load less at once, than they did.
CUDA_CHECK_ARCHITECTURES := 90# one, since each takes minutes
DISASSEMBLER := nvidia-cuda-nvdisasm==13.5.37
# Types 2 and 3 of a typed test are the GPU's; TestBrewMode leaves GPU mode on.
GPU_TESTS := *GPU*:CommonTest.TestBrewMode:*/2.*:*/3.*:PlatformTest*:StochasticPooling*:Im2colKernel*
NO_GPU_TESTS := -$(GPU_TESTS):*CuDNN*:$(CLOCKS)

# cuda-build FOLDER TARGETS OPTIONS: configures and compiles.
cuda-build = export CAFFE_SOURCE='$(CURDIR)/$(BUILD)/caffe-pristine'; \
  [ -d "$$CAFFE_SOURCE" ] || unset CAFFE_SOURCE; \
  cmake -S . -B $(1) -G Ninja -DPython3_EXECUTABLE='$(CURDIR)/$(PY)' -DCPU_ONLY=0 \
    -DCMAKE_CUDA_ARCHITECTURES=$(CUDA_CHECK_ARCHITECTURES) $(3) > $(1).log 2>&1 \
    || { cat $(1).log; exit 1; }; \
  grep '^-- Caffe on' $(1).log; \
  ninja -C $(1) -j $(JOBS) $(2)

.PHONY: cuda-check emulated-gpu-test

cuda-check emulated-gpu-test: export OMP_WAIT_POLICY := passive
emulated-gpu-test: export ASAN_OPTIONS := detect_leaks=0# what is sought is in kernels

cuda-check: $(VENV)/.developing ## compile and link for CUDA, test what needs no GPU
	@mkdir -p $(BUILD)
	$(call say,CUDA: without cuDNN and NCCL)
	@$(call cuda-build,$(BUILD)/cuda-plain,all fake_cuda,-DUSE_CUDNN=0 -DUSE_NCCL=0)
	$(call say,CUDA: with cuDNN and NCCL where they are)
	@$(call cuda-build,$(BUILD)/cuda,all test_caffe bench_net)
	$(call say,Caffe tests on the CPU (log: $(BUILD)/cuda/caffe.log))
	@LD_PRELOAD='$(CURDIR)/$(BUILD)/cuda/test/fake_cuda.so' \
	  tests/run_gtest.sh $(BUILD)/cuda '$(NO_GPU_TESTS)' $(BUILD)/cuda/caffe.log
	$(call say,messages for a GPU that fails)
	@for build in cuda cuda-plain; do CUDA_BUILD=$(BUILD)/$$build \
	  $(PY) -m pytest tests/cuda_build.py -q || exit 1; done
	$(call say,what the compiler makes of our kernels)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check '$(DISASSEMBLER)'
	@CUDA_BUILD=$(BUILD)/cuda $(PY) -m pytest tests/cuda_kernels.py -q -rs

# `make emulated-gpu-test`: kernels of Caffe and ours as C++, and the GPU half of the
# tests on them (caffe_ext/emulated_gpu). What hangs on the order of threads, which a
# GPU does not promise, may differ in the reverse one.
IN_BLOCKS := Region*/2.*:Region*/3.*:Locally*/2.*:Locally*/3.*:-*Gradient*:*DeathTest# their threads share memory
# Wants luck with the numbers that cuRAND draws, which these are not.
CURANDS := MaxPoolingDropoutTest*TestBackward
EMULATED := $(BUILD)/emulated

emulated-gpu-test: $(VENV)/.installed ## test the GPU's code without a GPU or CUDA
	@mkdir -p $(BUILD)
	$(call say,Caffe for an emulated GPU)
	@$(call cuda-build,$(EMULATED),test_caffe tool_caffe bench_net kernel_races,-DEMULATED_GPU=1)
	$(call say,Caffe tests on the emulated GPU (log: $(EMULATED)/gpu.log))
	@tests/run_gtest.sh $(EMULATED) '$(GPU_TESTS):-$(CLOCKS):$(CURANDS)' \
	  $(EMULATED)/gpu.log
	$(call say,our layers' kernels under the thread sanitizer)
	@$(EMULATED)/test/kernel_races
	$(call say,our layers with threads and blocks in reverse order)
	@EMULATED_GPU_BACKWARDS=1 tests/run_gtest.sh $(EMULATED) '$(IN_BLOCKS)' \
	  $(EMULATED)/backwards.log
