"""The paper's figures: saliency, the region layer's patches, AU relations, curves."""
