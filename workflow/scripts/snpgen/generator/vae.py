"""The variational autoencoder (VAE): it encodes genotypes as a few latents, and decodes haplotypes.

Kingma & Welling 2014 (arXiv 1312.6114). The encoder reads the genotypes in blocks of adjacent variants
and computes a diagonal Gaussian posterior q(z | x). The prior p(z) is a mixture of Gaussians, trained
together with encoder and decoder. The decoder is autoregressive along the genome. It models each of the
two haplotypes of an individual with the same weights. The log odds of an allele depend on

- the latents z, through the network below and as one linear term per variant, so that a small ancestry has the
  frequencies of its own at each variant even where the network smooths over it,
- the alleles of the previous block and the earlier alleles of the same block, on the same haplotype,
  through a masked network (MADE, Germain et al. 2015, arXiv 1502.03509),
- the alleles at the variant's parents, the earlier variants in strongest LD with it (`parents`),
- the conditions (class or value, sex, group), as one bias per condition and variant.

In segments that are homozygous by descent, the second haplotype is a copy of the first (`inbreeding`).
The decoder models local LD, so that the latents represent genome-wide variation, such as ancestry.
The phase of real genotypes is unknown; `phasing` samples it from the model.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snpgen.generator.blocks import (
    PADDING,
    BlockLinear,
    adjacent_blocks,
    make_blocks,
    run_block_networks,
)
from snpgen.generator.decoder import PLOIDY, Decoder
from snpgen.generator.inbreeding import Inbreeding, genotype_excess
from snpgen.generator.likelihood import LogLikelihood
from snpgen.generator.parents import MAX_PARENTS, Parents, window_blocks

ALLELE_SCALE = 2.0  # multiplies (allele - frequency) to give inputs of order 1

_CACHED_UNITS = 2**20  # hidden units on one haplotype of the individuals of a chunk
_MAX_CHUNK = 128  # individuals of a chunk, so that a batch has several for the threads of a job


class VAELoss(NamedTuple):
    """The two parts of the negative evidence lower bound (ELBO) per individual, nats, float (n,)."""

    reconstruction: Tensor
    kl: Tensor


def genotype_log_likelihood(logits: Sequence[Tensor], dosages: Tensor) -> Tensor:
    """Log likelihood of genotypes 0, 1, 2 given the log odds of both haplotypes, all of one shape.

    The likelihood of a heterozygote is the sum over both phases.
    """
    first, second = logits
    sign = 1 - 2 * (dosages == 2).to(first.dtype)
    homozygous = -F.softplus(sign * first) - F.softplus(sign * second)
    return homozygous + torch.where(dosages == 1, torch.logaddexp(first, second), 0.0)


class VAE(nn.Module):
    """Encoder, prior and decoder."""

    # Weight decay on what latents contribute would erase what they tell of small groups.
    no_decay = (
        "parent_effect",
        "bias",
        "latent_effect",
        "decoder.latents.weight",
        "inbreeding.leaving",
        "inbreeding.level",
        "inbreeding.bias",
        "inbreeding.effect",
    )
    blocks: Tensor
    slots: Tensor
    in_slots: Tensor
    encoder_inputs: Tensor
    window_inputs: Tensor
    neighbourhood: Tensor
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
        summary_width: int = 64,
        prior_components: int = 16,
        max_parents: int = MAX_PARENTS,
        positions: list[int] | None = None,
    ) -> None:
        """Set up the network for variants with these `chromosomes`, in genomic order.

        `conditions` and `latents` are numbers of columns. `start` initialises the decoder; it is not needed
        if weights are loaded. The posterior is computed from a sum over blocks, and `summary_width` is the
        width of this sum. `max_parents` is that of `start`, if it is given. `positions` are those of the
        variants, in bp; without them, the model has no homozygosity by descent. The model card records all
        arguments except `start`.
        """
        super().__init__()
        if start is not None:
            max_parents = start.parents.shape[1]
        self.architecture = {
            "chromosomes": chromosomes,
            "conditions": conditions,
            "block_size": block_size,
            "latents": latents,
            "hidden": hidden,
            "summary_width": summary_width,
            "prior_components": prior_components,
            "max_parents": max_parents,
            "positions": positions,
        }
        names = self.chromosomes = np.asarray(chromosomes)
        blocks = make_blocks(names, block_size)
        n_blocks, self.n_variants, self.n_latents = len(blocks), len(names), latents
        # Columns: the block itself, the previous block and the next block.
        neighbourhood = np.column_stack([np.arange(n_blocks), adjacent_blocks(blocks, names)])
        self.register_buffer("blocks", torch.from_numpy(blocks), persistent=False)
        slots = np.flatnonzero(blocks.flatten() != PADDING)  # of the variants in `blocks`
        self.register_buffer("slots", torch.from_numpy(slots), persistent=False)
        # The variant in each place of `blocks`, or `n_variants`, the index of a row of zeros.
        padded = np.where(blocks == PADDING, self.n_variants, blocks)
        self.register_buffer("in_slots", torch.from_numpy(padded.flatten()), persistent=False)
        around = np.vstack([padded, np.full(block_size, self.n_variants)])[neighbourhood]
        channels = np.array([0, self.n_variants + 1]).reshape(1, 1, 2, 1)
        around = torch.from_numpy((around[:, :, None] + channels).flatten())
        self.register_buffer("encoder_inputs", around, persistent=False)
        before = np.full(window_blocks(block_size) * block_size, self.n_variants)
        window = torch.from_numpy(np.append(before, padded))
        self.register_buffer("window_inputs", window, persistent=False)
        self.register_buffer("neighbourhood", torch.from_numpy(neighbourhood), persistent=False)
        rank = np.zeros(n_blocks, np.int64)  # rank of each block on its chromosome
        for block in range(1, n_blocks):
            rank[block] = 0 if neighbourhood[block, 1] == PADDING else rank[block - 1] + 1
        self.blocks_by_rank = [
            torch.from_numpy(np.flatnonzero(rank == r)) for r in range(rank.max() + 1)
        ]

        self.encoder_in = BlockLinear(n_blocks, 3 * 2 * block_size, hidden)
        self.encoder_sum = BlockLinear(n_blocks, hidden, summary_width)
        self.encoder_out = nn.Linear(summary_width, 2 * latents)
        self.prior_mean = nn.Parameter(torch.randn(prior_components, latents))
        self.prior_log_variance = nn.Parameter(torch.zeros(prior_components, latents))
        self.prior_logit = nn.Parameter(torch.zeros(prior_components))
        self.decoder = Decoder(n_blocks, block_size, latents, hidden)
        self.inbreeding = None if positions is None else Inbreeding(names, positions, latents)
        self.bias = nn.Parameter(torch.zeros(conditions, self.n_variants))
        m = self.n_variants
        self.latent_effect = nn.Parameter(torch.zeros(latents, m))
        self.parent_effect = nn.Parameter(torch.zeros(m, max_parents))
        self.register_buffer("parents", torch.full((m, max_parents), PADDING))
        self.register_buffer("log_odds", torch.zeros(m, 2))
        self.register_buffer("frequency", torch.full((m,), 0.5))
        if start is not None:
            for name, values in start._asdict().items():
                getattr(self, name).copy_(torch.from_numpy(values))

    def cached_samples(self) -> int:
        """Individuals of a chunk: their hidden units fit into the cache of a CPU. At most `_MAX_CHUNK`."""
        n_blocks, _, hidden = self.encoder_in.weight.shape
        return min(max(_CACHED_UNITS // (n_blocks * hidden), 16), _MAX_CHUNK)

    def shift_bias(self, shift: np.ndarray) -> None:
        """Add `shift` float32 (conditions, m) to the decoder's biases, in place."""
        self.bias.data += torch.from_numpy(shift).to(self.bias.device)

    def allele_effects(self, classes: int) -> Tensor:
        """Effects (classes, m) of the classes on the log odds of each allele, minus their mean over classes."""
        return self.bias[:classes].detach() - self.bias[:classes].detach().mean(dim=0)

    def to_slots(self, values: Tensor) -> Tensor:
        """Columns of `values` (k, m) of the variants in `blocks`, (k, n_blocks x block_size), and 0 at padding."""
        return F.pad(values, (0, 1))[:, self.in_slots]

    def rows_of_slots(self, values: Tensor) -> Tensor:
        """Rows of `values` (m, n) of the variants in `blocks`, (n_blocks x block_size, n), and 0 at padding."""
        padding = values.new_zeros(1, values.shape[1])
        return torch.cat([values, padding]).index_select(0, self.in_slots)

    def centre(self, alleles: Tensor, variants: Tensor | slice = slice(None)) -> Tensor:
        """Centre alleles 0 and 1 (..., m) of `variants` by their frequency, and multiply by `ALLELE_SCALE`."""
        return ALLELE_SCALE * (alleles - self.frequency[variants])

    def encode(self, dosages: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z | x), float (n, n_latents) each, for dosages int (n, m)."""
        p, dosages = self.frequency.unsqueeze(1), dosages.T.contiguous()
        heterozygous = (dosages == 1).to(p.dtype) - 2 * p * (1 - p)
        zero = heterozygous.new_zeros(1, dosages.shape[1])
        inputs = torch.cat([dosages - 2 * p, zero, heterozygous, zero])
        inputs = inputs.index_select(0, self.encoder_inputs).unflatten(0, (len(self.blocks), -1))
        first, second = self.encoder_in, self.encoder_sum
        summary = run_block_networks(
            inputs,
            inputs.new_zeros(len(inputs[0, 0]), 0),  # no variables of all blocks
            first.weight,
            first.weight[:, :0],
            first.bias,
            second.weight,
            second.bias,
            total=True,
        ).T
        mean, log_variance = self.encoder_out(F.silu(summary / math.sqrt(len(self.blocks)))).chunk(
            2, dim=1
        )
        return mean, log_variance.clamp(-10, 5)

    @torch.no_grad()
    def sample_posterior(self, dosages: Tensor, noise: Tensor) -> Tensor:
        """One sample of q(z | x) per individual, float (n, n_latents), for dosages int (n, m).

        `noise` is standard normal (n, n_latents).
        """
        mean, log_variance = self.encode(dosages)
        return mean + noise * (log_variance / 2).exp()

    def sample_copied(self, latents: Tensor, generator: torch.Generator) -> Tensor:
        """Draw where the second haplotypes are copies of the first, bool (m, n), given latents (n, n_latents)."""
        if self.inbreeding is None:
            shape = self.n_variants, len(latents)
            return torch.zeros(shape, dtype=torch.bool, device=latents.device)
        return self.inbreeding.sample(latents, generator)

    def individual_logits(self, latents: Tensor, conditions: Tensor) -> Tensor:
        """Log odds (m, n) of the effect allele without the decoder's network, where parents have centred alleles of 0.

        `latents` (n, n_latents); `conditions` (n, c).
        """
        linear = torch.addmm(conditions @ self.bias, latents, self.latent_effect)
        return (linear + self.constants()).T.contiguous()

    def constants(self) -> Tensor:
        """Log odds (m,) of the effect allele at the start of training, where the parents' alleles are centred."""
        parent, first = self.parents[:, 0].clamp(min=0), self.log_odds[:, 1] - self.log_odds[:, 0]
        return self.log_odds[:, 0] + first * self.frequency[parent]

    def parent_effects(self) -> Tensor:
        """Effects (m, max_parents) of the centred alleles of the parents on the log odds, 0 for `PADDING`."""
        first = (self.log_odds[:, 1] - self.log_odds[:, 0]) / ALLELE_SCALE
        effects = self.parent_effect * (self.parents != PADDING)
        return torch.cat([effects[:, :1] + first.unsqueeze(1), effects[:, 1:]], dim=1)

    def allele_logits(self, latents: Tensor, haplotypes: Tensor, conditions: Tensor) -> Tensor:
        """Log odds of the effect allele given all earlier alleles, (n_blocks x block_size, 2, n).

        `latents` (n, n_latents); `haplotypes` int (n, 2, m); `conditions` float (n, c).
        """
        n, size = len(haplotypes), self.blocks.shape[1]
        alleles = haplotypes.permute(2, 1, 0).flatten(1).to(self.frequency.dtype)
        alleles = ALLELE_SCALE * (alleles - self.frequency.unsqueeze(1))
        padding = alleles.new_zeros(1, alleles.shape[1])
        alleles = torch.cat([alleles, padding]).index_select(0, self.window_inputs)
        # The alleles of each block and of the blocks before it, without copies.
        n_inputs = len(alleles) - len(self.in_slots) + size
        alleles = alleles.unfold(0, n_inputs, size).transpose(1, 2)
        logits = self.decoder(latents, alleles[:, -2 * size :], self.neighbourhood[:, 1] >= 0)
        logits = torch.baddbmm(logits, self.parent_weights(n_inputs).transpose(1, 2), alleles)
        effects = torch.cat([self.latent_effect, self.bias, self.constants().unsqueeze(0)])
        inputs = torch.cat([latents, conditions, torch.ones_like(latents[:, :1])], dim=1)
        linear = self.to_slots(effects).T @ inputs.T
        return logits.view(-1, PLOIDY, n) + linear.unsqueeze(1)

    def parent_weights(self, n_inputs: int) -> Tensor:
        """Effects of centred alleles of the parents on the log odds, (n_blocks, n_inputs, block_size).

        The inputs of a block are its own variants and those of the blocks before it.
        """
        size, effects = self.blocks.shape[1], self.parent_effects()
        block = self.slots.unsqueeze(1) // size
        row = self.slots[self.parents] - (block + 1) * size + n_inputs
        place = (block * n_inputs + row) * size + self.slots.unsqueeze(1) % size
        place = place.where(self.parents != PADDING, 0)
        weights = effects.new_zeros(len(self.blocks) * n_inputs * size)
        weights = weights.index_add(0, place.flatten(), effects.flatten())
        return weights.view(-1, n_inputs, size)

    def kl_estimate(self, latents: Tensor, noise: Tensor, log_variance: Tensor) -> Tensor:
        """Return log q(z | x) - log p(z) of one sample z per individual, (n,); its mean is the KL divergence.

        The prior is a trained mixture, because a single Gaussian cannot represent separate groups.
        """
        posterior = -(noise.square() + log_variance).sum(dim=1) / 2
        distance = (latents.unsqueeze(1) - self.prior_mean).square()
        distance = distance * (-self.prior_log_variance).exp()
        component = -(distance + self.prior_log_variance).sum(dim=2) / 2
        prior = (component + self.prior_logit.log_softmax(dim=0)).logsumexp(dim=1)
        return posterior - prior

    def prior_moments(self) -> tuple[Tensor, Tensor]:
        """Mean (n_latents,) and covariance (n_latents, n_latents) of the prior, float64."""
        weight = self.prior_logit.detach().double().softmax(dim=0)
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
        """Negative ELBO of each individual; genotypes that are not `called` (bool, n x m) are ignored.

        `dosages` int (n, m). `haplotypes` int (n, 2, m) are sampled haplotypes of the dosages. Later alleles
        are conditioned on these haplotypes, but the likelihood of a heterozygous genotype is the sum over
        both phases, and homozygosity by descent is summed out. `noise` is standard normal (n, n_latents). With
        `swap`, each individual is decoded with the latents of another individual.
        """
        mean, log_variance = self.encode(dosages)
        latents = mean + noise * (log_variance / 2).exp()
        kl = self.kl_estimate(latents, noise, log_variance)
        if swap:
            latents = latents.roll(1, dims=0)
        logits = self.allele_logits(latents, haplotypes, conditions).float()
        dosages, called = (self.rows_of_slots(values.T) for values in (dosages, called))
        on_cpu = logits.device.type == "cpu"
        likelihood = self.compiled_likelihood if on_cpu else self.parallel_likelihood
        return VAELoss(-likelihood(logits, dosages, called, latents), kl)

    def parallel_likelihood(
        self, logits: Tensor, dosages: Tensor, called: Tensor, latents: Tensor
    ) -> Tensor:
        """The same as `compiled_likelihood`, by operations on whole arrays, for a GPU."""
        first, second = logits.unbind(dim=1)
        likelihood = genotype_log_likelihood((first, second), dosages)
        scored = (likelihood * called).sum(dim=0)
        if (chain := self.inbreeding) is not None:
            excess = genotype_excess(second, likelihood, dosages, called)
            stay = F.pad(chain.stay(), (0, 1), value=1)[self.in_slots]
            scored = scored + chain.log_likelihood_gain(excess, stay, latents)
        return scored

    def compiled_likelihood(
        self, logits: Tensor, dosages: Tensor, called: Tensor, latents: Tensor
    ) -> Tensor:
        """Log likelihood (n,) of the genotypes in the places of `blocks`.

        `logits` (n_blocks x block_size, 2, n); `dosages` and `called` (n_blocks x block_size, n).
        """
        n, n_slots = len(latents), len(self.in_slots)
        distance, linked = torch.zeros(2, n_slots)
        inbred, rate, share = torch.full((n,), -math.inf), *torch.zeros(2, n)
        if (chain := self.inbreeding) is not None:
            distance = F.pad(chain.distance, (0, 1))[self.in_slots]
            linked = F.pad(chain.linked, (0, 1), value=1)[self.in_slots]
            inbred = chain.log_odds(latents)
            rate, share = chain.rate().expand(n), chain.share().expand(n)
        arguments = logits, inbred, rate, share, dosages, called, distance, linked
        return LogLikelihood.apply(*arguments)[0]
