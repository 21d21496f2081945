"""The autoencoder: blocks of variants to a few latent dimensions each, and back to genotypes.

Kingma & Welling 2014, with weights of their own for every block (a locus has an identity that
shared filters cannot know). The decoder is autoregressive over short distances: a genotype depends
on the latents, on the block before and on the earlier genotypes of its own block, through masked
weights (MADE, Germain et al. 2015), so that local LD need not pass through the latents. Its output
bias starts at the log genotype frequency and is separate for each class.
"""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snpgen.generator.blocks import PADDING, make_blocks, neighbours, take
from snpgen.generator.layers import TokenLinear

GENOTYPES = 3
PRIOR_PEOPLE = 1.0


class VAELoss(NamedTuple):
    """Parts of the negative evidence bound, nats a person, each of shape ()."""

    reconstruction: Tensor
    kl: Tensor


def log_genotype_frequency(dosages: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Log frequency of genotypes 0, 1, 2 in each class, float32 (classes, n_variants, 3).

    `PRIOR_PEOPLE` with the frequencies of everybody are added to each class, so that a genotype
    unseen in a small class stays possible. `dosages` int8 (n, n_variants) with missing calls,
    `labels` (n,).
    """
    counts = np.stack(
        [genotype_counts(dosages[labels == label]) for label in range(classes)], dtype=float
    )
    everybody = counts.sum(axis=0) + 0.5
    counts += PRIOR_PEOPLE * everybody / everybody.sum(axis=1, keepdims=True)
    return np.log(counts / counts.sum(axis=2, keepdims=True)).astype(np.float32)


def genotype_counts(dosages: np.ndarray) -> np.ndarray:
    """People with genotype 0, 1, 2, int64 (n_variants, 3); missing calls count for none."""
    return np.stack([(dosages == genotype).sum(axis=0) for genotype in range(GENOTYPES)], axis=1)


class Decoder(nn.Module):
    """Logits of each genotype given latents, the block before and earlier genotypes of its block.

    Position i of a block sees hidden units of degree up to i, and a hidden unit of degree d sees the
    genotypes at positions below d (Germain et al. 2015, equations 8 and 9, one hidden layer).
    """

    see_own: Tensor
    see_hidden: Tensor

    def __init__(self, n_blocks: int, block_size: int, channels: int, hidden: int) -> None:
        """`hidden` units a block, their degrees spread evenly over the positions."""
        super().__init__()
        size = block_size * GENOTYPES
        self.context = TokenLinear(n_blocks, 3 * channels + size, hidden)
        self.own = TokenLinear(n_blocks, size, hidden)
        self.out = TokenLinear(n_blocks, hidden, size, zero=True)
        position = torch.arange(block_size).repeat_interleave(GENOTYPES)
        degree = torch.arange(hidden) * block_size // hidden
        see_own = position.unsqueeze(1) < degree
        see_hidden = degree.unsqueeze(1) <= position
        self.register_buffer("see_own", see_own.float(), persistent=False)
        self.register_buffer("see_hidden", see_hidden.float(), persistent=False)

    def forward(self, latents: Tensor, before: Tensor, own: Tensor) -> Tensor:
        """Logits (n, n_blocks, block_size, 3).

        `latents` (n, n_blocks, 3 channels) of the block and its neighbours; `before` and `own`
        (n, n_blocks, block_size * 3) one-hot genotypes of the block before and of the block.
        """
        hidden = self.context(torch.cat([latents, before], dim=2))
        hidden = F.silu(hidden + self.own(own, self.see_own))
        return self.out(hidden, self.see_hidden).unflatten(2, (-1, GENOTYPES))

    def draw(
        self,
        latents: Tensor,
        before: Tensor,
        bias: Tensor,
        blocks: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """One-hot genotypes (n, len(blocks), block_size, 3) of some `blocks`, one position at a time.

        `latents` and `before` as in `forward`, for these blocks; `bias` (n, len(blocks),
        block_size, 3) is added to the logits.
        """
        own = (self.own.weight * self.see_own)[blocks]
        out = (self.out.weight * self.see_hidden)[blocks]
        hidden = self.context(torch.cat([latents, before], dim=2), tokens=blocks)
        hidden = hidden + self.own.bias[blocks]
        drawn = torch.empty_like(bias)
        for position in range(bias.shape[2]):
            at = slice(position * GENOTYPES, (position + 1) * GENOTYPES)
            logits = torch.einsum("nbh,bhg->nbg", F.silu(hidden), out[:, :, at])
            logits = logits + self.out.bias[blocks, at] + bias[:, :, position]
            cumulative = logits.softmax(dim=-1).cumsum(dim=-1)[..., :-1]
            uniform = torch.rand(logits.shape[:2], generator=generator, device=logits.device)
            genotype = (uniform.unsqueeze(-1) > cumulative).sum(dim=-1)
            drawn[:, :, position] = F.one_hot(genotype, GENOTYPES).to(drawn.dtype)
            hidden = hidden + torch.einsum("nbg,bgh->nbh", drawn[:, :, position], own[:, at])
        return drawn


class VAE(nn.Module):
    """Encoder and decoder over blocks; each sees its block and the neighbours on its chromosome."""

    blocks: Tensor
    around: Tensor
    class_share: Tensor

    def __init__(
        self,
        chromosomes: list[str],
        classes: int,
        block_size: int,
        channels: int,
        hidden: int,
        log_frequency: np.ndarray | None = None,
    ) -> None:
        """`chromosomes` of the panel's variants in genomic order; `log_frequency` as above."""
        super().__init__()
        names = np.asarray(chromosomes)
        blocks = make_blocks(names, block_size)
        n_blocks, self.n_variants = len(blocks), len(names)
        around = np.column_stack([np.arange(n_blocks), neighbours(blocks, names)])
        self.register_buffer("blocks", torch.from_numpy(blocks), persistent=False)
        self.register_buffer("around", torch.from_numpy(around), persistent=False)
        rank = np.zeros(n_blocks, np.int64)  # of a block on its chromosome
        for block in range(1, n_blocks):
            rank[block] = 0 if around[block, 1] == PADDING else rank[block - 1] + 1
        self.ranks = [torch.from_numpy(np.flatnonzero(rank == r)) for r in range(rank.max() + 1)]
        self.channels = channels
        self.encoder_in = TokenLinear(n_blocks, 3 * block_size * GENOTYPES, hidden)
        self.encoder_out = TokenLinear(n_blocks, hidden, 2 * channels)
        self.decoder = Decoder(n_blocks, block_size, channels, hidden)
        start = np.zeros((classes, self.n_variants, GENOTYPES), np.float32)
        bias = start if log_frequency is None else log_frequency
        self.class_bias = nn.Parameter(torch.tensor(bias))  # a copy: numpy's is not aligned
        self.register_buffer("class_share", torch.full((classes,), 1 / classes))

    def tokens(self, dosages: Tensor) -> Tensor:
        """One-hot genotypes by block, float (n, n_blocks, block_size * 3); padding is all zero."""
        onehot = F.one_hot(dosages, GENOTYPES).to(self.class_bias.dtype)
        return take(onehot, self.blocks).flatten(2)

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior mean and log variance, float (n, n_blocks, channels) each, of `tokens`."""
        seen = take(tokens, self.around).flatten(2)
        mean, log_variance = self.encoder_out(F.silu(self.encoder_in(seen))).chunk(2, dim=2)
        return mean, log_variance.clamp(-10, 5)

    def decode(self, latents: Tensor, tokens: Tensor, labels: Tensor) -> Tensor:
        """Genotype logits (n, n_blocks, block_size, 3), each given the genotypes before it.

        `latents` (n, n_blocks, channels); `tokens` the genotypes as `tokens` gives them, of which a
        position sees only earlier ones; labels int64 (n,).
        """
        around = take(latents, self.around).flatten(2)
        logits = self.decoder(around, take(tokens, self.around[:, 1]), tokens)
        return logits + take(self.bias(1.0), self.blocks)[labels]

    def bias(self, class_shift: float) -> Tensor:
        """Logit biases (classes, n_variants, 3), `class_shift` times as far from their centre."""
        centre = (self.class_share[:, None, None] * self.class_bias).sum(dim=0)
        return centre + class_shift * (self.class_bias - centre)

    def forward(self, dosages: Tensor, called: Tensor, labels: Tensor, noise: Tensor) -> VAELoss:
        """Loss of a batch; genotypes that are not `called` (bool, n x n_variants) are not scored.

        `dosages` int64 (n, n_variants) of 0, 1, 2; `noise` standard normal of the latents' shape.
        """
        tokens = self.tokens(dosages)
        mean, log_variance = self.encode(tokens)
        logits = self.decode(mean + noise * (log_variance / 2).exp(), tokens, labels)
        likelihood = (logits.log_softmax(dim=-1).flatten(2) * tokens).unflatten(2, (-1, GENOTYPES))
        scored = likelihood.sum(dim=-1) * take(called, self.blocks)
        kl = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / (2 * len(dosages))
        return VAELoss(-scored.sum() / len(dosages), kl)

    @torch.no_grad()
    def draw(
        self, latents: Tensor, labels: Tensor, class_shift: float, generator: torch.Generator
    ) -> Tensor:
        """Genotypes drawn from the decoder's distribution, int8 (n, n_variants).

        By sampling, never by argmax: argmax deletes rare genotypes. Blocks of the same rank on
        their chromosomes are drawn together, position after position.
        """
        around = take(latents, self.around).flatten(2)
        bias = take(self.bias(class_shift), self.blocks)[labels]
        real = self.blocks != PADDING
        tokens = latents.new_zeros(*around.shape[:2], self.blocks.shape[1] * GENOTYPES)
        for blocks in self.ranks:
            before = take(tokens, self.around[blocks, 1])
            drawn = self.decoder.draw(around[:, blocks], before, bias[:, blocks], blocks, generator)
            tokens[:, blocks] = (drawn * real[blocks].unsqueeze(-1)).flatten(2)
        dosages = latents.new_empty(len(latents), self.n_variants, dtype=torch.int8)
        dosages[:, self.blocks[real]] = (
            tokens.unflatten(2, (-1, GENOTYPES)).argmax(dim=-1)[:, real].to(torch.int8)
        )
        return dosages

    @property
    def latent_shape(self) -> tuple[int, int]:
        """(n_blocks, channels)."""
        return len(self.blocks), self.channels
