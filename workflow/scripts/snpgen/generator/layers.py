"""Layers with weights of their own for every token, since every locus is another one."""

import math

import torch
from torch import Tensor, nn


class TokenLinear(nn.Module):
    """A linear map of its own for each token: (n, tokens, inputs) to (n, tokens, outputs)."""

    def __init__(self, tokens: int, inputs: int, outputs: int, zero: bool = False) -> None:
        """Start at the usual uniform bound, or at zero so that a residual branch starts silent."""
        super().__init__()
        bound = 0.0 if zero else 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(tokens, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(tokens, outputs))

    def forward(
        self, x: Tensor, mask: Tensor | None = None, tokens: Tensor | None = None
    ) -> Tensor:
        """Apply each token's own map, its weights times `mask` (inputs, outputs) if there is one.

        `tokens` (int64): x holds only these.
        """
        weight: Tensor = self.weight if mask is None else self.weight * mask
        bias: Tensor = self.bias
        if tokens is not None:
            weight, bias = weight[tokens], bias[tokens]
        return torch.baddbmm(bias.unsqueeze(1), x.transpose(0, 1), weight).transpose(0, 1)
