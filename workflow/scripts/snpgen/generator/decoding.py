"""Sequential decoding: haplotypes from the autoregressive decoder, allele by allele along the panel.

The same loop generates individuals and calibrates the decoder (`calibration`). These uses differ in the function that
chooses the alleles from their log odds.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from snpgen.generator.blocks import PADDING, take_blocks
from snpgen.generator.decoder import PLOIDY
from snpgen.generator.inbreeding import copy_first
from snpgen.generator.vae import VAE

BATCH = 4096  # individuals that a thread decodes at once
SHUFFLED = 32  # group size: `sample_systematically` shuffles individuals within groups

# Returns alleles (k, n, 2), given their log odds (k, n, 2) and the indices of the variants (k,).
AlleleSampler = Callable[[Tensor, Tensor], Tensor]


@torch.no_grad()
def decode(
    vae: VAE,
    latents: Tensor,
    conditions: Tensor,
    choose: AlleleSampler,
) -> Tensor:
    """Decode haplotypes int8 (n, 2, m); `choose` selects each allele given all earlier alleles.

    `latents` (n, n_latents), `conditions` (n, c). The first blocks of all chromosomes are decoded together, position
    by position, then the second blocks, and so on.
    """
    decoder, blocks, size = vae.decoder, vae.blocks, vae.blocks.shape[1]
    n, device = len(latents), latents.device
    own = vae.individual_logits(latents, conditions)
    effects, parent_slots = vae.parent_effects(), vae.slots[vae.parents]
    # Variants come first, so that the alleles of one variant are contiguous in memory.
    centred = torch.zeros(len(blocks), size, n * PLOIDY, device=device)
    haplotypes = torch.zeros(vae.n_variants, n * PLOIDY, dtype=torch.int8, device=device)
    for rank in (blocks_of_rank.to(device) for blocks_of_rank in vae.blocks_by_rank):
        previous = take_blocks(centred, vae.neighbourhood[rank, 1])
        hidden = decoder.start(latents, previous, rank)
        for position in range(size):
            is_variant = blocks[rank, position] != PADDING
            if not is_variant.any():
                continue
            variants = blocks[rank[is_variant], position]
            logits = decoder.next_logits(hidden, rank, position)[is_variant]
            parents = centred.flatten(0, 1)[parent_slots[variants]]
            logits += (effects[variants].unsqueeze(1) @ parents).squeeze(1)
            logits = logits.unflatten(1, (n, PLOIDY)) + own[variants].unsqueeze(2)
            alleles = choose(logits, variants).flatten(1)
            haplotypes[variants] = alleles.to(torch.int8)
            centred[rank[is_variant], position] = vae.centre(alleles.T, variants).T
            decoder.add_alleles(hidden, rank, position, centred[rank, position])
    return haplotypes.T.contiguous().unflatten(0, (n, PLOIDY))


def sample_independently(copied: Tensor, generator: torch.Generator) -> AlleleSampler:
    """Sample all alleles independently (Bernoulli).

    The second haplotype is a copy of the first where `copied` (m, n).
    """

    def choose(logits: Tensor, variants: Tensor) -> Tensor:
        uniform = torch.rand(logits.shape, generator=generator, device=logits.device)
        return copy_first((uniform < logits.sigmoid()).float(), copied[variants])

    return choose


def sample_systematically(
    strata: Tensor, effects: Tensor, copied: Tensor, generator: torch.Generator
) -> AlleleSampler:
    """Systematic sampling (Madow 1949): allele counts are close to their expectation in each stratum.

    Each allele is sampled with its own probability. For each variant, the haplotypes are arranged in a list:
    the first haplotypes of all individuals by stratum (`strata` int (n,)), then the second haplotypes by
    stratum. In any interval of this list, the count of alleles differs from the sum of their probabilities by
    less than one. Each stratum is such an interval.

    Where `copied` (m, n), the second haplotype is a copy of the first. Individuals in such segments are adjacent in
    the list of their stratum, so that the counts of copied and of sampled alleles each differ from their
    expectation by less than one.

    Within a stratum, individuals are ordered by a score, the sum of `effects` (strata, m) over the alleles
    sampled so far. Individuals with similar scores are therefore in the same interval, so that the next
    variant has little chance correlation with the score. Within groups of `SHUFFLED` individuals, the order
    is random for each variant; otherwise variants of equal frequency would receive the same alleles.
    """
    n = len(strata)
    interval = torch.stack([strata, strata + strata.max() + 1], dim=1)  # haplotype and stratum
    score = torch.rand(n, generator=generator, device=strata.device)
    score *= 1e-6  # random order until alleles have been sampled

    def choose(logits: Tensor, variants: Tensor) -> Tensor:
        order = score.argsort()
        order = order[strata[order].argsort(stable=True)]
        place = torch.empty_like(order)
        place[order] = torch.arange(n, device=order.device) // SHUFFLED
        same = copied[variants]
        places = place.unsqueeze(1) + n * (2 * interval + same.unsqueeze(2))
        places = places.flatten(1)
        random = torch.rand(
            places.shape, generator=generator, device=logits.device, dtype=torch.float64
        )
        order = (places + random).argsort(dim=1)
        probability = logits.flatten(1).sigmoid().double().gather(1, order)
        start = torch.rand(len(logits), 1, generator=generator, device=logits.device)
        count = (probability.cumsum(dim=1) + start).floor()
        ordered = torch.diff(count, dim=1, prepend=torch.zeros_like(count[:, :1]))
        alleles = torch.empty_like(ordered).scatter_(1, order, ordered).view_as(logits)
        alleles = copy_first(alleles, same)
        dosages = alleles.sum(dim=2).to(effects.dtype)
        score.add_((effects[:, variants].T[:, strata] * dosages).sum(dim=0))
        return alleles.to(logits.dtype)

    return choose
