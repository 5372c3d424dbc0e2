# `make reproduce`: the paper's results section, on BP4D=DIR and DISFA=DIR or, without
# them, on generated faces. `make demo`: one network on one fold. The options are those
# of `drml reproduce`, in capitals; JOBS counts only when it is given.
$(foreach name,BP4D DISFA,$(if $(filter command,$(firstword $(origin $(name)))),\
  $(if $($(name)),,$(error $(name)= is empty: give its folder, or leave it out))))

# $(call option,NAME): --name and its values, if make was given NAME.
lower = $(shell echo '$(1)' | tr A-Z_ a-z-)
option = $(if $($(1)),--$(call lower,$(1)) $($(1)))
quoted = $(if $($(1)),--$(call lower,$(1)) '$($(1))')
asked_jobs = $(if $(filter command environment,$(firstword $(origin JOBS))),--jobs $(JOBS))

REPRODUCE = $(strip $(foreach name,BP4D DISFA OUT FOLD_LISTS PROFILE,$(call quoted,$(name))) \
  $(foreach name,NETS METHODS FOLDS TABLES GRIDS SEED ITERATIONS PATIENCE FACES TRIALS \
    TRIAL_ITERATIONS MODE ON_DAMAGED FRAME_OFFSET SAMPLE_SPLITS LABELS THRESHOLD \
    TRAIN_FOLDS,$(call option,$(name))) \
  $(asked_jobs) $(if $(filter 1,$(REDO)),--redo) $(if $(filter 1,$(DRY_RUN)),--dry-run))
# setpriv: whoever kills make must not leave the driver at work.
DRIVER = @exec setpriv --pdeathsig KILL $(PY) -m drml reproduce

NET := drml
NETWORKS := drml convnet lcn alexnet
ifneq ($(words $(NET))$(filter-out $(NETWORKS),$(NET)),1)
  $(error NET=$(NET) is no network: give NET=drml, convnet, lcn or alexnet)
endif

demo: all ## faces, a network trained, a report (NET=drml|convnet|lcn|alexnet)
	$(DRIVER) --protocol demo --nets $(NET) --folds 1 --tables 2 --out out/demo \
	  $(if $(filter 1,$(REDO)),--redo) $(if $(filter 1,$(DRY_RUN)),--dry-run)

reproduce: all ## the paper's tables and figures (BP4D=DIR DISFA=DIR; else generated faces)
	$(DRIVER) $(REPRODUCE)
