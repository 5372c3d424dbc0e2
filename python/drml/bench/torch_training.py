"""The paper's training iteration and scoring in PyTorch (paper 3.1 and 4.1)."""

from collections.abc import Callable

import torch
from torch import nn
from torch._inductor import config as inductor
from torch.nn import functional

from drml.bench.variants import Variant

RATE, MOMENTUM, DECAY = 0.001, 0.9, 0.0005
inductor.freezing = True  # weights are constants of a compiled network that scores


def as_run(net: nn.Sequential, variant: Variant) -> Callable:
    """Return the network in the variant's layout, compiled if it says so."""
    torch.compiler.reset()
    layout = torch.channels_last if variant.channels_last else torch.contiguous_format
    net = net.to(memory_format=layout)
    run = torch.compile(net) if variant.compiled else net
    return lambda faces: run(faces.to(memory_format=layout))


def scorer(net: nn.Sequential, variant: Variant) -> Callable:
    """Return what maps faces (N, 3, H, W) to probabilities (N, AUs)."""
    run = as_run(net.eval(), variant)

    @torch.inference_mode()
    def score(faces: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(run(faces))

    return score


class Training:
    """SGD with momentum; biases have twice the rate and no decay, as in Caffe.

    Its fused update is PyTorch's fastest: some four times as fast as foreach.
    """

    def __init__(self, net: nn.Sequential, variant: Variant):
        self.run = as_run(net.train(), variant)
        weights = [p for p in net.parameters() if p.ndim > 1]
        biases = [p for p in net.parameters() if p.ndim == 1]
        groups = [
            dict(params=weights, weight_decay=DECAY),
            dict(params=biases, lr=2 * RATE),
        ]
        self.sgd = torch.optim.SGD(groups, lr=RATE, momentum=MOMENTUM, fused=True)

    def iterate(self, faces: torch.Tensor, labels: torch.Tensor) -> None:
        self.gradients(faces, labels)
        self.sgd.step()

    def gradients(self, faces: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Leave the gradients in the parameters; returns the scores."""
        self.sgd.zero_grad()
        scores = self.run(faces)
        multilabel_loss(scores, labels).backward()
        return scores.detach()


def multilabel_loss(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The paper's loss (3.1) over labels +1, -1 and 0 (unknown)."""
    known, present = (labels != 0).to(scores), (labels > 0).to(scores)
    total = functional.binary_cross_entropy_with_logits(
        scores, present, known, reduction="sum"
    )
    return total / len(scores)
