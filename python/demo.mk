# `make demo`: generated faces -> LMDB -> DRML trained -> F1 and AUC -> report.
# Every step leaves its last file when it is complete, so that an interrupted
# demo goes on where it stopped; training goes on from its newest snapshot.
DEMO := out/demo
FACES := --subjects 41 --tasks 8 --frames 16 --seed 1
SOLVER := --batch 8 --test-batch 16 --test-iter 16 --test-interval 100 \
  --max-iter 800 --stepsize 600 --display 10 --snapshot 100 --seed 1
DATA := $(DEMO)/bp4d/fold1
RUN_NET := $(DEMO)/drml

demo: $(DEMO)/report.html ## draw faces, train DRML on them, write a report
	@cat $(RUN_NET)/evaluation/table.txt
	@printf '\nThe report: %s\n' '$(CURDIR)/$<'

$(DEMO)/faces/generated.json: | all
	$(call say,generated faces in BP4D's layout)
	@$(PY) data_prep/generate_faces.py $(DEMO)/faces $(FACES)

$(DATA)/dataset.json: $(DEMO)/faces/generated.json
	$(call say,import: registered faces in LMDBs)
	@$(PY) data_prep/bp4d.py $(DEMO)/faces --out $(DEMO)/bp4d --fold 1

$(RUN_NET)/drml_solver.prototxt: python/demo.mk $(DATA)/dataset.json
	$(call say,DRML with a short solver)
	@$(PY) python/make_prototxt.py --network drml --out $(RUN_NET) \
	  --data $(DATA) --snapshot-prefix $(RUN_NET)/drml $(SOLVER)

$(RUN_NET)/trained: $(RUN_NET)/drml_solver.prototxt
	$(call say,training (Ctrl-C snapshots; make demo goes on))
	@PATH='$(CURDIR)/$(VENV)/bin':$$PATH $(PY) python/train.py $< --log $(RUN_NET)/train.log
	@touch $@

$(RUN_NET)/evaluation/evaluation.json: $(RUN_NET)/trained
	$(call say,evaluation on the test subjects)
	@$(PY) python/evaluate.py --net $(RUN_NET)/drml_deploy.prototxt \
	  --weights $(RUN_NET)/drml_iter_800.caffemodel --data $(DATA) --split test \
	  --out $(RUN_NET)/evaluation

$(DEMO)/report.html: $(RUN_NET)/evaluation/evaluation.json
	$(call say,report)
	@$(PY) python/report.py --evaluation $(RUN_NET)/evaluation \
	  --log $(RUN_NET)/train.log --data $(DATA) --out $@
