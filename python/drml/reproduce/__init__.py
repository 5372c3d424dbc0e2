"""The paper's experiments as steps that are run once each and remembered."""
