"""The paper's training iteration and scoring in PyTorch (paper 3.1 and 4.1)."""

from collections.abc import Callable

import torch
from torch import nn
from torch._inductor import config as inductor
from torch.nn import functional

from bench.variants import HOW, Variant

RATE, MOMENTUM, DECAY = 0.001, 0.9, 0.0005
inductor.freezing = True  # weights are constants of a compiled network that scores


def as_run(net: nn.Sequential, variant: Variant) -> Callable:
    """Return the network in the variant's layout, compiled if it says so."""
    torch.compiler.reset()
    mode, layout = HOW[variant.how], layout_of(variant)
    net = net.to(memory_format=layout)
    run = torch.compile(net, mode=mode) if mode else net
    return lambda faces: run(faces.to(memory_format=layout))


def layout_of(variant: Variant) -> torch.memory_format:
    return torch.channels_last if variant.channels_last else torch.contiguous_format


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

    def __init__(self, net: nn.Module, variant: Variant):
        self.run = as_run(net.train(), variant)
        groups = self.groups(net)
        self.sgd = torch.optim.SGD(groups, lr=RATE, momentum=MOMENTUM, fused=True)

    @staticmethod
    def groups(net: nn.Module) -> list[dict]:
        weights = [p for p in net.parameters() if p.ndim > 1]
        biases = [p for p in net.parameters() if p.ndim == 1]
        return [
            dict(params=weights, weight_decay=DECAY),
            dict(params=biases, lr=2 * RATE),
        ]

    @staticmethod
    def loss(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return multilabel_loss(scores, labels)

    def iterate(self, faces: torch.Tensor, labels: torch.Tensor) -> None:
        self.gradients(faces, labels)
        self.sgd.step()

    def gradients(
        self, faces: torch.Tensor, labels: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Leave the gradients in the parameters; returns the scores and the loss."""
        self.sgd.zero_grad()
        scores = self.run(faces)
        loss = self.loss(scores, labels)
        loss.backward()
        return {"scores": scores.detach(), "loss": loss.detach()}


class Alone:
    """A layer's forward and backward pass, from an input and a gradient of its own."""

    def __init__(self, net: nn.Module, variant: Variant, bottom: torch.Tensor):
        self.net, self.run = net, as_run(net.train(), variant)
        bottom = bottom.to(memory_format=layout_of(variant))
        self.bottom = bottom.requires_grad_()
        self.top_gradient = torch.randn_like(self.run(bottom))

    def iterate(self) -> None:
        self.bottom.grad = None
        self.net.zero_grad()
        self.run(self.bottom).backward(self.top_gradient)


def multilabel_loss(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The paper's loss (3.1) over labels +1, -1 and 0 (unknown)."""
    known, present = (labels != 0).to(scores), (labels > 0).to(scores)
    total = functional.binary_cross_entropy_with_logits(
        scores, present, known, reduction="sum"
    )
    return total / len(scores)
