"""The autoencoder: genotypes of the whole panel to a few latent dimensions, and back to haplotypes.

Kingma & Welling 2014. The encoder reads blocks of variants, each with weights of its own (a locus
has an identity that shared filters cannot know), and sums them up. The decoder gives each person two
haplotypes from one set of weights: an allele depends on the latents, on the haplotype's block before
and on its earlier alleles in the block, through masked weights (MADE, Germain et al. 2015). So local
LD need not pass through the latents, which are left with what spans the genome, and a parameter
learns from two haplotypes a person. It starts from the earlier variants that tell most about each
(`linkage`), whose links do not decay as the other weights do. Which allele lies on which haplotype is
not known from genotypes; `haplotypes` draws it.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snpgen.generator.blocks import PADDING, make_blocks, neighbours, take
from snpgen.generator.layers import TokenLinear
from snpgen.generator.linkage import MAX_PARENTS, Parents

STRANDS = 2
CODE = 2.0  # of an allele less its frequency, to be of order 1
SUMMARY = 64  # width of the sum over blocks from which the posterior is read
MIXTURE = 16  # Gaussians of the prior that the autoencoder trains with


class VAELoss(NamedTuple):
    """Parts of the negative evidence bound of each person, nats, float (n,)."""

    reconstruction: Tensor
    kl: Tensor


def genotype_likelihood(odds: Sequence[Tensor], dosages: Tensor) -> Tensor:
    """Log likelihood of genotypes 0, 1, 2, given each haplotype's log odds, all of one shape.

    That of a heterozygote is the sum over both orders.
    """
    first, second = odds
    one, none = F.logsigmoid(first), F.logsigmoid(second)
    one_less, none_less = one - first, none - second  # of the other allele
    either = torch.logaddexp(one + none_less, one_less + none)
    same = torch.where(dosages == 0, one_less + none_less, one + none)
    return torch.where(dosages == 1, either, same)


class Decoder(nn.Module):
    """Log odds of the effect allele given latents, the block before and earlier alleles of the block.

    Position i of a block sees hidden units of degree up to i, and a hidden unit of degree d sees the
    alleles at positions below d (Germain et al. 2015, equations 8 and 9, one hidden layer).
    """

    see_own: Tensor
    see_hidden: Tensor

    def __init__(self, n_blocks: int, block_size: int, latents: int, hidden: int) -> None:
        """`hidden` units a block, their degrees spread evenly over the positions."""
        super().__init__()
        self.latents = TokenLinear(n_blocks, latents, hidden)
        self.before = TokenLinear(n_blocks, block_size, hidden)
        self.own = TokenLinear(n_blocks, block_size, hidden)
        self.out = TokenLinear(n_blocks, hidden, block_size, zero=True)
        position = torch.arange(block_size)
        degree = torch.arange(hidden) * block_size // hidden
        see_own = position.unsqueeze(1) < degree
        see_hidden = degree.unsqueeze(1) <= position
        self.register_buffer("see_own", see_own.float(), persistent=False)
        self.register_buffer("see_hidden", see_hidden.float(), persistent=False)

    def forward(self, context: Tensor, before: Tensor, own: Tensor) -> Tensor:
        """Log odds (2n, n_blocks, block_size) before the bias.

        `context` (n, n_blocks, hidden) is `latents` of the people; `before` and `own` (2n, n_blocks,
        block_size) hold the coded alleles of the block before and of the block, two rows a person.
        """
        hidden = self.before(before) + self.own(own, self.see_own)
        hidden = F.silu(hidden + context.repeat_interleave(STRANDS, dim=0))
        return self.out(hidden, self.see_hidden)


class VAE(nn.Module):
    """Encoder, decoder and the prior they train with."""

    no_decay = ("link", "bias")
    blocks: Tensor
    around: Tensor
    frequency: Tensor
    parents: Tensor
    log_odds: Tensor

    def __init__(
        self,
        chromosomes: list[str],
        conditions: int,
        block_size: int,
        latents: int,
        hidden: int,
        start: Parents | None = None,
    ) -> None:
        """`chromosomes` of the panel's variants in genomic order; `conditions` columns of numbers.

        `start` is what the decoder begins with; a model that is loaded brings its own.
        """
        super().__init__()
        names = self.chromosomes = np.asarray(chromosomes)
        blocks = make_blocks(names, block_size)
        n_blocks, self.n_variants, self.n_latents = len(blocks), len(names), latents
        around = np.column_stack([np.arange(n_blocks), neighbours(blocks, names)])
        self.register_buffer("blocks", torch.from_numpy(blocks), persistent=False)
        self.register_buffer("around", torch.from_numpy(around), persistent=False)
        rank = np.zeros(n_blocks, np.int64)  # of a block on its chromosome
        for block in range(1, n_blocks):
            rank[block] = 0 if around[block, 1] == PADDING else rank[block - 1] + 1
        self.ranks = [torch.from_numpy(np.flatnonzero(rank == r)) for r in range(rank.max() + 1)]

        self.encoder_in = TokenLinear(n_blocks, 3 * 2 * block_size, hidden)
        self.encoder_sum = TokenLinear(n_blocks, hidden, SUMMARY)
        self.encoder_out = nn.Linear(SUMMARY, 2 * latents)
        self.prior_mean = nn.Parameter(torch.randn(MIXTURE, latents))
        self.prior_log_variance = nn.Parameter(torch.zeros(MIXTURE, latents))
        self.prior_weight = nn.Parameter(torch.zeros(MIXTURE))
        self.decoder = Decoder(n_blocks, block_size, latents, hidden)
        self.bias = nn.Parameter(torch.zeros(conditions, self.n_variants))
        m = self.n_variants
        self.link = nn.Parameter(torch.zeros(m, MAX_PARENTS))
        self.register_buffer("parents", torch.full((m, MAX_PARENTS), PADDING))
        self.register_buffer("log_odds", torch.zeros(m, 2))
        self.register_buffer("frequency", torch.full((m,), 0.5))
        if start is not None:
            for name, values in start._asdict().items():
                getattr(self, name).copy_(torch.from_numpy(values))

    def shift_bias(self, shift: np.ndarray) -> None:
        """Add `shift` float32 (conditions, m) to the decoder's biases, in place."""
        self.bias.data += torch.from_numpy(shift).to(self.bias.device)

    def allele_effects(self, classes: int) -> Tensor:
        """Effect of each allele on the log odds of a class against the mean one (classes, m)."""
        return self.bias[:classes].detach() - self.bias[:classes].detach().mean(dim=0)

    def variants_of(self, block: int) -> Tensor:
        """Numbers int64 of the variants of a block."""
        return self.blocks[block][self.blocks[block] != PADDING]

    def variants_until(self, block: int) -> slice:
        """Those of its chromosome up to the end of a block."""
        last = int(self.variants_of(block)[-1])
        start = int(np.argmax(self.chromosomes == self.chromosomes[last]))
        return slice(start, last + 1)

    def variants_by_chromosome(self) -> list[slice]:
        """Those of each chromosome."""
        ends = [*np.flatnonzero(self.chromosomes[1:] != self.chromosomes[:-1]) + 1, self.n_variants]
        return [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]

    def in_blocks(self, values: Tensor) -> Tensor:
        """Values (..., m) of variants by block (..., n_blocks, block_size), 0 in the padding."""
        return values[..., self.blocks.clamp(min=0)] * (self.blocks != PADDING)

    def code(self, alleles: Tensor, variants: Tensor | slice = slice(None)) -> Tensor:
        """Alleles 0 and 1 (..., m), or of some `variants`, centred on their frequency."""
        return CODE * (alleles - self.frequency[variants])

    def encode(self, dosages: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior mean and log variance, float (n, n_latents) each, of int (n, m) of 0, 1, 2."""
        p = self.frequency
        additive = self.in_blocks(dosages - 2 * p)
        heterozygous = self.in_blocks((dosages == 1).to(p.dtype) - 2 * p * (1 - p))
        seen = take(torch.cat([additive, heterozygous], dim=2), self.around).flatten(2)
        summary = self.encoder_sum(F.silu(self.encoder_in(seen))).sum(dim=1)
        mean, log_variance = self.encoder_out(F.silu(summary / math.sqrt(len(self.blocks)))).chunk(
            2, dim=1
        )
        return mean, log_variance.clamp(-10, 5)

    def context(self, latents: Tensor) -> Tensor:
        """Hidden units (n, n_blocks, hidden) of the decoder from latents (n, n_latents)."""
        return self.decoder.latents(latents.unsqueeze(1).expand(-1, len(self.blocks), -1))

    def offset(self, alleles: Tensor, variants: Tensor) -> Tensor:
        """Log odds (k, h) that the parents alone give to the effect allele of `variants` (k,).

        `alleles` int (m, h) of h haplotypes.
        """
        parents, given = self.parents[variants], self.log_odds[variants]
        effect = CODE * self.link[variants] * (parents != PADDING)
        constant = given[:, 0] - (effect * self.frequency[parents]).sum(dim=1)
        first = (given[:, 1] - given[:, 0]).unsqueeze(1)
        effect = torch.cat([effect[:, :1] + first, effect[:, 1:]], dim=1)
        seen = alleles.index_select(0, parents.clamp(min=0).flatten()).unflatten(0, parents.shape)
        return torch.baddbmm(constant[:, None, None], effect.unsqueeze(1), seen.float()).squeeze(1)

    def logits(self, latents: Tensor, haplotypes: Tensor, conditions: Tensor) -> Tensor:
        """Log odds of the effect allele (n, 2, n_blocks, block_size), given all alleles before.

        `latents` (n, n_latents); `haplotypes` int (n, 2, m); `conditions` float (n, c).
        """
        coded = self.in_blocks(self.code(haplotypes)).flatten(0, 1)
        odds = self.decoder(self.context(latents), take(coded, self.around[:, 1]), coded)
        everything = torch.arange(self.n_variants, device=coded.device)
        start = self.offset(haplotypes.flatten(0, 1).T.contiguous(), everything).T
        start = start.unflatten(0, (-1, STRANDS)) + (conditions @ self.bias).unsqueeze(1)
        return odds.unflatten(0, (-1, STRANDS)) + self.in_blocks(start)

    def divergence(self, latents: Tensor, noise: Tensor, log_variance: Tensor) -> Tensor:
        """One draw's log q(z | x) - log p(z) (n,); its expectation is the KL divergence.

        The prior p is a mixture that is trained along: a single Gaussian would blur groups of people.
        """
        posterior = -(noise.square() + log_variance).sum(dim=1) / 2
        far = (latents.unsqueeze(1) - self.prior_mean).square() * (-self.prior_log_variance).exp()
        component = -(far + self.prior_log_variance).sum(dim=2) / 2
        prior = (component + self.prior_weight.log_softmax(dim=0)).logsumexp(dim=1)
        return posterior - prior

    def prior_moments(self) -> tuple[Tensor, Tensor]:
        """Mean float64 (n_latents,) and covariance (n_latents, n_latents) of the prior."""
        weight = self.prior_weight.detach().double().softmax(dim=0)
        means = self.prior_mean.detach().double()
        mean = weight @ means
        within = weight @ self.prior_log_variance.detach().double().exp()
        return mean, (means - mean).T @ (weight.unsqueeze(1) * (means - mean)) + within.diag()

    def forward(
        self,
        dosages: Tensor,
        called: Tensor,
        haplotypes: Tensor,
        conditions: Tensor,
        noise: Tensor,
        swap: bool = False,
    ) -> VAELoss:
        """Loss of each person; genotypes that are not `called` (bool, n x m) are not scored.

        `dosages` int (n, m) of 0, 1, 2, and `haplotypes` int (n, 2, m) a phase of them; the
        likelihood of a heterozygote is that of both orders. `noise` standard normal (n, n_latents).
        `swap`: each person is decoded with another's latents.
        """
        mean, log_variance = self.encode(dosages)
        latents = mean + noise * (log_variance / 2).exp()
        divergence = self.divergence(latents, noise, log_variance)
        if swap:
            latents = latents.roll(1, dims=0)
        odds = self.logits(latents, haplotypes, conditions).float()
        likelihood = genotype_likelihood(odds.unbind(dim=1), self.in_blocks(dosages))
        scored = (likelihood * self.in_blocks(called)).sum(dim=(1, 2))
        return VAELoss(-scored, divergence)
