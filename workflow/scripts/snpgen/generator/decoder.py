"""The network of the decoder: the alleles of one block of a haplotype, given latents and the previous block."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snpgen.generator.blocks import BlockLinear, run_block_networks

PLOIDY = 2


class Decoder(nn.Module):
    """Masked autoregressive network of one block of a haplotype (MADE), conditional on a context.

    The output at position i depends only on hidden units of degree at most i. A hidden unit of degree d
    depends only on the alleles at positions below d (Germain et al. 2015, equations 8 and 9, one hidden
    layer). Degrees ascend over the hidden units. The context is the latents and the previous block.

    `forward` computes all positions of known haplotypes at once, for training. `start`, `next_logits` and
    `add_alleles` compute the same position by position, for sampling.
    """

    input_mask: Tensor
    output_mask: Tensor

    def __init__(self, n_blocks: int, block_size: int, latents: int, hidden: int) -> None:
        """`hidden` is the number of hidden units per block."""
        super().__init__()
        self.latents = BlockLinear(n_blocks, latents, hidden)
        self.previous = BlockLinear(n_blocks, block_size, hidden)
        self.within = BlockLinear(n_blocks, block_size, hidden)
        self.output = BlockLinear(n_blocks, hidden, block_size, zero=True)
        position = torch.arange(block_size)
        degree = torch.arange(hidden) * block_size // hidden
        output_mask = degree.unsqueeze(1) <= position
        self.register_buffer(
            "input_mask", (position.unsqueeze(1) < degree).float(), persistent=False
        )
        self.register_buffer("output_mask", output_mask.float(), persistent=False)
        self.n_ready = [0, *output_mask.sum(dim=0).tolist()]  # hidden units of degree below i

    def forward(self, latents: Tensor, alleles: Tensor, has_previous: Tensor) -> Tensor:
        """Log odds of the effect allele (n_blocks, block_size, 2n), without conditions and parents.

        `latents` (n, n_latents). `alleles` (n_blocks, 2 block_size, 2n) are the centred alleles of the previous
        block, which count if `has_previous` (n_blocks,) is 1 instead of 0, and of the block itself. Columns are the
        first haplotypes of all individuals, then the second ones.
        """
        previous = self.previous.weight * has_previous.view(-1, 1, 1)
        weight = torch.cat([previous, self.within.weight * self.input_mask], dim=1)
        bias = self.latents.bias + self.previous.bias + self.within.bias
        output = self.output.weight * self.output_mask, self.output.bias
        return run_block_networks(alleles, latents, weight, self.latents.weight, bias, *output)

    def context(self, latents: Tensor, blocks: Tensor | None = None) -> Tensor:
        """Contribution of the latents (n, n_latents) to the hidden units of all or some `blocks`, (k, hidden, n)."""
        count = len(self.latents.weight if blocks is None else blocks)
        found: Tensor = self.latents(latents.T.expand(count, -1, -1), blocks=blocks)
        return found

    def start(self, latents: Tensor, previous: Tensor, blocks: Tensor) -> Tensor:
        """Hidden units (k, hidden, 2n) of `blocks` (k,) without activation, before the first allele is known.

        `latents` (n, n_latents); `previous` (k, block_size, 2n) are the centred alleles of the previous blocks. The two
        columns of an individual are adjacent.
        """
        hidden = self.previous(previous, blocks=blocks) + self.within.bias[blocks].unsqueeze(2)
        return hidden + self.context(latents, blocks).repeat_interleave(PLOIDY, dim=2)

    def next_logits(self, hidden: Tensor, blocks: Tensor, position: int) -> Tensor:
        """Log odds (k, 2n) of the allele at `position` of `blocks`, without conditions and parents.

        The activation is applied, in place, to the hidden units that depend only on earlier alleles.
        """
        first, end = self.n_ready[position : position + 2]
        hidden[:, first:end] = F.silu(hidden[:, first:end])
        weight = self.output.weight[blocks, None, :end, position]
        bias = self.output.bias[blocks, position, None]
        return (weight @ hidden[:, :end]).squeeze(1) + bias

    def add_alleles(self, hidden: Tensor, blocks: Tensor, position: int, alleles: Tensor) -> None:
        """Add the centred `alleles` (k, 2n) at `position` of `blocks` to `hidden`, in place."""
        end = self.n_ready[position + 1]
        hidden[:, end:] += self.within.weight[blocks, position, end:, None] * alleles.unsqueeze(1)
