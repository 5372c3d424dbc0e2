# `make gpu-test`: what only a machine with a GPU can check (tests/gpu_test.py says
# how it goes there alone), and its faces: few, so that they can be carried.
GPU := out/gpu
GPU_FACES := --subjects 41 --tasks 1 --frames 4 --seed 1
GPU_DATA := $(GPU)/bp4d/fold1
GPU_OPTIONS ?=# e.g. --only losses train

.PHONY: gpu-test gpu-data gpu-here

gpu-test: gpu-here gpu-data ## test on a GPU, write docs/gpu.md
	$(call say,building the test runner with $(JOBS) jobs)
	@ninja -C $(BUILD) -j $(JOBS) test_caffe
	$(call say,tests on the GPU)
	@$(PY) tests/gpu_test.py --caffe $(BUILD)/bin/caffe \
	  --runner $(BUILD)/test/test.testbin --data $(GPU_DATA) --out $(GPU)/run \
	  --report docs/gpu.md $(GPU_OPTIONS)

gpu-here:
	@nvidia-smi -L > /dev/null 2>&1 || { echo 'make gpu-test: error: there is no' \
	  'GPU here, or no NVIDIA driver (nvidia-smi -L lists none); run it where one is,' \
	  'or make cuda-check here' >&2; exit 1; }
	@PATH=$$PATH:/usr/local/cuda/bin command -v nvcc > /dev/null || { echo 'make' \
	  'gpu-test: error: there is no nvcc; install the CUDA toolkit' >&2; exit 1; }

gpu-data: $(GPU_DATA)/drml_solver.prototxt ## the faces and nets of make gpu-test

# Faces drawn with other options are drawn anew.
$(GPU)/.options: FORCE | all
	@echo '$(GPU_FACES)' | cmp -s - $@ || \
	  { rm -rf $(GPU); mkdir -p $(GPU); echo '$(GPU_FACES)' > $@; }

$(GPU)/faces/generated.json: $(GPU)/.options
	$(call say,generated faces in BP4D's layout)
	@$(DRML) generate $(GPU)/faces $(GPU_FACES)

$(GPU_DATA)/dataset.json: $(GPU)/faces/generated.json
	$(call say,import: registered faces in HDF5)
	@$(DRML) import bp4d $(GPU)/faces --out $(GPU)/bp4d --fold 1 --sample none \
	  --size 178 --crop 170 --format hdf5

# As `make demo` trains DRML; and release/, with the release's fillers, whose first losses
# are the same to six digits whatever code computes them.
$(GPU_DATA)/drml_solver.prototxt: $(GPU_DATA)/dataset.json
	@$(DRML) prototxt --network drml --out $(GPU_DATA) \
	  --data $(GPU_DATA) --source hdf5 $(shell cat python/short_training.txt) \
	  --max-iter 420 --stepsize 340 --seed 1
	@$(DRML) prototxt --network drml --out $(GPU_DATA)/release \
	  --data $(GPU_DATA) --source hdf5
