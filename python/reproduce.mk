# `make reproduce`: the paper's results section, on BP4D=DIR and DISFA=DIR or, without
# them, on generated faces. The options are those of `drml reproduce`.
$(foreach name,BP4D DISFA,$(if $(filter command,$(firstword $(origin $(name)))),\
  $(if $($(name)),,$(error $(name)= is empty: give its folder, or leave it out))))

REPRODUCE := $(if $(BP4D),--bp4d '$(BP4D)') $(if $(DISFA),--disfa '$(DISFA)') \
  $(if $(NETS),--nets $(NETS)) $(if $(FOLDS),--folds $(FOLDS)) \
  $(if $(TABLES),--tables $(TABLES)) $(if $(GRIDS),--grids $(GRIDS)) \
  $(if $(OUT),--out '$(OUT)') $(if $(SEED),--seed $(SEED)) \
  $(if $(ITERATIONS),--iterations $(ITERATIONS)) \
  $(if $(PATIENCE),--patience $(PATIENCE)) $(if $(TRIALS),--trials $(TRIALS)) \
  $(if $(TRIAL_ITERATIONS),--trial-iterations $(TRIAL_ITERATIONS)) \
  $(if $(MODE),--mode $(MODE)) $(if $(filter 1,$(REDO)),--redo) \
  $(if $(filter 1,$(DRY_RUN)),--dry-run)

# setpriv: whoever kills make must not leave the driver at work.
reproduce: all ## the paper's tables and figures (BP4D=DIR DISFA=DIR; else generated faces)
	@exec setpriv --pdeathsig KILL $(DRML) reproduce $(REPRODUCE)
