"""The multi-label sigmoid cross-entropy: section 3.1."""

import numpy as np
from scipy.special import expit


def multilabel_loss(scores, labels):
    """Give the loss and its gradient; scores (N, C), labels (N, C) of 1, -1, 0."""
    known = labels != 0
    loss = np.logaddexp(0, -labels * scores)[known].sum() / len(scores)
    return loss, known * (expit(scores) - (labels > 0)) / len(scores)
