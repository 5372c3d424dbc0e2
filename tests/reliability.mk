# Campaigns on what must not break (docs/reliability.md); each goes on where it was
# interrupted. What they write is in $(BUILD)/reliability/.
RELIABILITY := tests/reliability

.PHONY: kills

kills: all ## kill -9 at random moments (COUNT= STAGE= SEED= HOW=kill|disk|twice|readonly|memory)
	$(call say,each command disturbed: $(or $(HOW),kill))
	@$(PY) $(RELIABILITY)/kills.py $(foreach name,HOW STAGE COUNT SEED,$(call option,$(name)))
