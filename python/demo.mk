# `make demo NET=...`: generated faces -> LMDB -> a network trained -> F1 and AUC
# -> a report on every network trained so far. A step's last file stands for the
# whole step, so that an interrupted demo goes on where it stopped; training goes
# on from its newest snapshot.
NET := drml
DEMO_NETS := drml convnet lcn alexnet
ifneq ($(words $(NET))$(filter-out $(DEMO_NETS),$(NET)),1)
  $(error NET=$(NET) is no network: give NET=drml, convnet, lcn or alexnet)
endif

DEMO_FACES := --subjects 41 --tasks 8 --frames 20 --seed 1
# 178 leaves the 170 crop 8 pixels of play instead of the paper's 30.
DEMO_SIZE := 178
DEMO_CROP := 170
DEMO_ITER := 420
DEMO_STEPS := --stepsize 340 --snapshot 140
ifeq ($(NET),alexnet)
  DEMO_SIZE := 238# as 178 to 170, for the 227 crop
  DEMO_CROP := 227
  DEMO_ITER := 840
  DEMO_STEPS := --stepsize 680 --snapshot 280
else ifeq ($(NET),lcn)
  DEMO_ITER := 300
  DEMO_STEPS := --stepsize 240 --snapshot 150 --snapshot-format HDF5
  DEMO_HDF5 := .h5
endif
# Minutes instead of the paper's days: fillers that keep the signal's size, Adam.
DEMO_SOLVER := $(shell cat python/short_training.txt) --max-iter $(DEMO_ITER) \
  $(DEMO_STEPS) --test-interval 60 --seed 1

DEMO := out/demo
DEMO_DATA := $(DEMO)/bp4d_$(DEMO_SIZE)/fold1
DEMO_RUN := $(DEMO)/$(NET)
DEMO_TRAINED := $(DEMO_RUN)/$(NET)_iter_$(DEMO_ITER).solverstate$(DEMO_HDF5)

# $(call emptied,FOLDER,OPTIONS): start anew what was made with other options.
emptied = @echo '$(2)' | cmp -s - $(1)/.options || \
  { rm -rf $(1); mkdir -p $(1); echo '$(2)' > $(1)/.options; }

$(DEMO)/.options: FORCE | all
	$(call emptied,$(DEMO),$(DEMO_FACES))

$(DEMO_RUN)/.options: FORCE | $(DEMO)/.options
	$(call emptied,$(DEMO_RUN),$(DEMO_SIZE) $(DEMO_SOLVER))

# An interrupted make must not delete what was trained.
.PRECIOUS: $(DEMO_TRAINED)

demo: $(DEMO)/report.html ## faces, a network trained, a report (NET=drml|convnet|lcn|alexnet)
	@printf '\nThe report on generated faces: %s\n' '$(CURDIR)/$<'

$(DEMO)/faces/generated.json: $(DEMO)/.options
	$(call say,generated faces in BP4D's layout)
	@$(DRML) generate $(DEMO)/faces $(DEMO_FACES)

$(DEMO_DATA)/dataset.json: $(DEMO)/faces/generated.json
	$(call say,import: registered faces in LMDBs)
	@$(DRML) import bp4d $(DEMO)/faces --out $(DEMO)/bp4d_$(DEMO_SIZE) \
	  --fold 1 --sample none --size $(DEMO_SIZE) --crop $(DEMO_CROP)

$(DEMO_RUN)/$(NET)_solver.prototxt: $(DEMO_DATA)/dataset.json $(DEMO_RUN)/.options
	@$(DRML) prototxt --network $(NET) --out $(DEMO_RUN) \
	  --data $(DEMO_DATA) --snapshot-prefix $(DEMO_RUN)/$(NET) $(DEMO_SOLVER)

$(DEMO_TRAINED): $(DEMO_RUN)/$(NET)_solver.prototxt
	$(call say,training $(NET) (Ctrl-C snapshots; the same command goes on))
	@$(DRML) train $< --log $(DEMO_RUN)/train.log \
	  --caffe $(BUILD)/bin/caffe

$(DEMO_RUN)/evaluation/evaluation.json: $(DEMO_TRAINED)
	$(call say,evaluation on subjects that were not trained on)
	@$(DRML) evaluate --net $(DEMO_RUN)/$(NET)_deploy.prototxt \
	  --weights $(subst .solverstate,.caffemodel,$<) --data $(DEMO_DATA) --split test \
	  --out $(DEMO_RUN)/evaluation

$(DEMO)/report.html: $(DEMO_RUN)/evaluation/evaluation.json
	$(call say,report on every network evaluated so far)
	@for run in $(addprefix $(DEMO)/,$(DEMO_NETS)); do \
	  if [ -e $$run/evaluation/evaluation.json ]; then \
	    evaluations+=" $$run/evaluation"; logs+=" $$run/train.log"; fi; done; \
	$(DRML) report run --evaluation $$evaluations --log $$logs \
	  --data $(DEMO_DATA) --out $@
