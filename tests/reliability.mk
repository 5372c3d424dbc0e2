# Campaigns on what must not break (docs/reliability.md); each goes on where it was
# interrupted. What they write is in $(BUILD)/reliability/.
RELIABILITY := tests/reliability

.PHONY: kills soak

kills: all $(VENV)/.developing ## commands killed at random (COUNT= STAGE= SEED= HOW=kill|disk|twice|readonly|memory)
	$(call say,commands disturbed: $(or $(HOW),kill))
	@$(PY) $(RELIABILITY)/kills.py $(foreach name,HOW STAGE COUNT SEED,$(call option,$(name)))

soak: all $(VENV)/.developing ## memory over a long time (PART="train images video" TRAIN= IMAGES= VIDEO=)
	$(call say,memory over a long time)
	@$(PY) $(RELIABILITY)/soak.py $(foreach name,PART TRAIN IMAGES VIDEO,$(call option,$(name)))
