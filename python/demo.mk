# `make demo`: generated faces -> LMDB -> DRML trained -> F1 and AUC -> report.
# A step's last file stands for the whole step, so that an interrupted demo goes
# on where it stopped; training goes on from its newest snapshot.
DEMO := out/demo
DEMO_DATA := $(DEMO)/bp4d/fold1
DEMO_RUN := $(DEMO)/drml
DEMO_ITER := 420
DEMO_FACES := --subjects 41 --tasks 8 --frames 20 --seed 1
# 178 leaves the 170 crop 8 pixels of play instead of the paper's 30.
DEMO_SIZE := 178
# The snapshots take 2 GB. Minutes instead of the paper's days: fillers that keep the signal's size, Adam.
DEMO_SOLVER := --fillers msra --scale 0.00390625 --solver-type Adam \
  --base-lr 0.0003 --stepsize 340 --max-iter $(DEMO_ITER) --batch 8 \
  --test-batch 16 --test-iter 12 --test-interval 60 --display 10 \
  --snapshot 140 --seed 1

# Other options than last time start the demo anew.
$(DEMO)/.options: FORCE | all
	@options='$(DEMO_FACES) $(DEMO_SIZE) $(DEMO_SOLVER)'; \
	  echo "$$options" | cmp -s - $@ || { rm -rf $(DEMO); mkdir -p $(DEMO); \
	    echo "$$options" > $@; }

# An interrupted make must not delete what was trained.
.PRECIOUS: $(DEMO_RUN)/drml_iter_$(DEMO_ITER).solverstate

demo: $(DEMO)/report.html ## draw faces, train DRML on them, write a report
	@printf '\nThe report on generated faces: %s\n' '$(CURDIR)/$<'

$(DEMO)/faces/generated.json: $(DEMO)/.options
	$(call say,generated faces in BP4D's layout)
	@$(PY) data_prep/generate_faces.py $(DEMO)/faces $(DEMO_FACES)

$(DEMO_DATA)/dataset.json: $(DEMO)/faces/generated.json
	$(call say,import: registered faces in LMDBs)
	@$(PY) data_prep/bp4d.py $(DEMO)/faces --out $(DEMO)/bp4d --fold 1 --sample none \
	  --size $(DEMO_SIZE)

$(DEMO_RUN)/drml_solver.prototxt: $(DEMO_DATA)/dataset.json
	@$(PY) python/make_prototxt.py --network drml --out $(DEMO_RUN) \
	  --data $(DEMO_DATA) --snapshot-prefix $(DEMO_RUN)/drml $(DEMO_SOLVER)

$(DEMO_RUN)/drml_iter_$(DEMO_ITER).solverstate: $(DEMO_RUN)/drml_solver.prototxt
	$(call say,training DRML (Ctrl-C snapshots; make demo goes on))
	@$(PY) python/train.py $< --log $(DEMO_RUN)/train.log \
	  --caffe $(BUILD)/bin/caffe

$(DEMO_RUN)/evaluation/evaluation.json: $(DEMO_RUN)/drml_iter_$(DEMO_ITER).solverstate
	$(call say,evaluation on subjects that were not trained on)
	@$(PY) python/evaluate.py --net $(DEMO_RUN)/drml_deploy.prototxt \
	  --weights $(<:solverstate=caffemodel) --data $(DEMO_DATA) --split test \
	  --out $(DEMO_RUN)/evaluation

$(DEMO)/report.html: $(DEMO_RUN)/evaluation/evaluation.json
	$(call say,report)
	@$(PY) python/report.py --evaluation $(DEMO_RUN)/evaluation \
	  --log $(DEMO_RUN)/train.log --data $(DEMO_DATA) --out $@
