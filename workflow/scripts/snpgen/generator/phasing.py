"""Phasing: haplotypes of observed genotypes, sampled from the decoder by a particle filter.

Sequential Monte Carlo (Gordon et al. 1993) with systematic resampling (Kitagawa 1996). Each particle
is one possible phase of an individual's genotypes. A heterozygous genotype is phased given only the
preceding alleles. With a single particle, phase errors in these alleles would weaken LD. Therefore several
particles are used. After each block of adjacent variants, the particles are resampled in proportion to the
likelihood of the block's genotypes. Given its alleles, each particle sums out homozygosity by descent with the
forward algorithm (Rao-Blackwellisation, Doucet et al. 2000). At the end of a chromosome, one particle is selected at
random.

The filter is compiled and runs on the CPU, whose cache holds the particles of `GROUP` individuals. It computes the
same log odds as the network in `vae`. Particles are adjacent in memory: the columns of all arrays are the first
haplotypes of the particles of all individuals of a group, then their second haplotypes.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numba import njit
from torch import Tensor

from snpgen.generator.blocks import PADDING
from snpgen.generator.inbreeding import ERROR
from snpgen.generator.parents import window_blocks
from snpgen.generator.sigmoid import sigmoid
from snpgen.generator.threads import compute_parts
from snpgen.generator.vae import ALLELE_SCALE, VAE

PARTICLES = 8  # per individual
GROUP = 8  # individuals
BATCH = 128  # individuals whose hidden units without alleles a thread holds in memory
BATCHES = 64  # computed before progress is shown
_FLOAT = np.float32
_ONE = _FLOAT(1)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S40 = (np.uint64(shift) for shift in (27, 30, 31, 40))
_WITHIN, _ERROR = _FLOAT(1 - ERROR), _FLOAT(ERROR)


class Weights(NamedTuple):
    """Weights of the decoder in the layout of the filter, float32 unless stated.

    `start` int64 (n_blocks + 1,) is the first variant of each block, `window` int64 (n_blocks,) the first variant that
    its variants depend on, `previous` int64 (n_blocks,) the first variant of the previous block, and `first` bool
    (n_blocks,) is true for the first block of a chromosome. `ready` int64 (block_size + 1,) is the number of hidden
    units that depend only on alleles before each position. `before` and `within` (n_blocks, hidden, block_size) and
    `output` (n_blocks, block_size, hidden) are those of the network. `parents` int64 and `effect` are (m, max_parents),
    `frequency` (m,). `stay` (m,) and `share` (1,) are those of the chain of homozygosity by descent.
    """

    start: np.ndarray
    window: np.ndarray
    previous: np.ndarray
    first: np.ndarray
    ready: np.ndarray
    before: np.ndarray
    within: np.ndarray
    output: np.ndarray
    parents: np.ndarray
    effect: np.ndarray
    frequency: np.ndarray
    stay: np.ndarray
    share: np.ndarray


class Individuals(NamedTuple):
    """What the filter reads of n individuals, and the alleles int8 (n, m) of the `first` haplotypes that it writes.

    `dosages` int8 (n, m); `context` float32 (n / GROUP, n_blocks, hidden, GROUP): hidden units without alleles;
    `linear` float32 (n / GROUP, m, GROUP): log odds without hidden units and parents; `inbred` float32 (n,):
    probability that an individual is inbred; `state` uint64 (n,): random generators.
    """

    dosages: np.ndarray
    context: np.ndarray
    linear: np.ndarray
    inbred: np.ndarray
    state: np.ndarray
    first: np.ndarray


@torch.no_grad()
def filter_weights(vae: VAE) -> Weights:
    """Copy the weights of the decoder."""
    decoder, chain = vae.decoder, vae.inbreeding
    start = np.append(vae.blocks[:, 0].cpu().numpy(), vae.n_variants)
    before = vae.neighbourhood[:, 1].cpu().numpy()
    first = before == PADDING
    number = np.arange(len(before))
    opened = np.maximum.accumulate(np.where(first, number, 0))  # first block of the chromosome
    window = start[np.maximum(number - window_blocks(vae.blocks.shape[1]), opened)]
    none = torch.zeros(vae.n_variants), torch.zeros(())
    stay, share = none if chain is None else (chain.stay(), chain.share())
    arrays = (
        *(decoder.previous.weight.transpose(1, 2), decoder.within.weight.transpose(1, 2)),
        decoder.output.weight.transpose(1, 2),
        *(vae.parents, vae.parent_effects(), vae.frequency, stay, share.view(1)),
    )
    return Weights(
        *(start, window, np.where(first, start[:-1], start[before]), first),
        np.array(decoder.n_ready),
        *(np.ascontiguousarray(array.cpu().numpy()) for array in arrays),
    )


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _add_products(
    totals: np.ndarray,
    row: int,
    weights: np.ndarray,
    block: int,
    unit: int,
    count: int,
    values: np.ndarray,
    first: int,
) -> None:
    """Add `weights[block, unit, :count] @ values[first : first + count]` to `totals[row]`.

    Slices are not passed to functions, because counting references to them takes longer than the products.
    """
    k = 0
    while k + 4 <= count:
        a, b = weights[block, unit, k], weights[block, unit, k + 1]
        c, d = weights[block, unit, k + 2], weights[block, unit, k + 3]
        j = first + k
        for i in range(totals.shape[1]):
            totals[row, i] += (
                a * values[j, i]
                + b * values[j + 1, i]
                + c * values[j + 2, i]
                + d * values[j + 3, i]
            )
        k += 4
    while k < count:
        for i in range(totals.shape[1]):
            totals[row, i] += weights[block, unit, k] * values[first + k, i]
        k += 1


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _draw(state: np.ndarray, i: int, uniform: np.ndarray, first: int, count: int) -> None:
    """Fill `uniform[first : first + count]` float32 from generator i.

    SplitMix64 (Steele et al. 2014, doi 10.1145/2714064.2660195).
    """
    start = state[i]
    for k in range(count):
        z = start + np.uint64(k + 1) * _GOLDEN
        z = (z ^ (z >> _S30)) * _MIX_1
        z = (z ^ (z >> _S27)) * _MIX_2
        uniform[first + k] = np.int64((z ^ (z >> _S31)) >> _S40) * _FLOAT(2**-24)
    state[i] = start + np.uint64(count) * _GOLDEN


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _filter_group(weights: Weights, individuals: Individuals, count: int, start_row: int) -> None:
    """Phase `GROUP` individuals from `start_row` with `count` particles each."""
    dosages, context, linear = individuals.dosages, individuals.context, individuals.linear
    inbred, state = individuals.inbred, individuals.state
    m, hidden = dosages.shape[1], context.shape[2]
    half = GROUP * count  # columns of a haplotype
    alleles = np.empty((m, 2 * half), np.float32)  # centred
    active = np.empty((hidden, 2 * half), np.float32)
    logits = np.empty((1, 2 * half), np.float32)
    chance, other, moved = np.empty((3, 2 * half), np.float32)
    genotype, uniform = np.empty((2, half), np.float32)
    # Probability that the second haplotype is a copy, if inbred; probability of being inbred.
    chain = np.empty((2, half), np.float32)
    weight = np.empty(half)
    chosen = np.empty((m, half), np.int8)  # alleles of the first haplotypes
    n_blocks = len(weights.first)
    ancestor, origin = np.empty((n_blocks, half), np.int64), np.empty(half, np.int64)
    group, own = start_row // GROUP, np.arange(half) // count  # individual of each column
    share = weights.share[0]
    uniform[:] = 0  # not drawn for homozygous genotypes
    chain[1] = inbred[start_row + own]
    opened = 0
    for block in range(n_blocks):
        start, end = weights.start[block], weights.start[block + 1]
        previous = weights.previous[block]
        if weights.first[block]:
            opened = block
            chain[0] = 0
        weight[:] = 1
        for position in range(end - start):
            variant = start + position
            ready = weights.ready[position + 1]
            for unit in range(weights.ready[position], ready):
                for c in range(half):
                    active[unit, c] = active[unit, half + c] = context[group, block, unit, own[c]]
                before = start - previous
                _add_products(active, unit, weights.before, block, unit, before, alleles, previous)
                _add_products(active, unit, weights.within, block, unit, position, alleles, start)
                for column in range(2 * half):
                    active[unit, column] *= sigmoid(active[unit, column])
            for c in range(half):
                logits[0, c] = logits[0, half + c] = linear[group, variant, own[c]]
            _add_products(logits, 0, weights.output, block, position, ready, active, 0)
            for k in range(weights.parents.shape[1]):
                parent, effect = weights.parents[variant, k], weights.effect[variant, k]
                if parent >= 0:
                    for column in range(2 * half):
                        logits[0, column] += effect * alleles[parent, column]
            for column in range(2 * half):
                chance[column] = sigmoid(logits[0, column])
                other[column] = sigmoid(-logits[0, column])
            stay = weights.stay[variant]
            fresh = (_ONE - stay) * share
            scale = _FLOAT(ALLELE_SCALE)
            absent = -scale * weights.frequency[variant]
            for i in range(GROUP):
                if dosages[start_row + i, variant] == 1:
                    _draw(state, start_row + i, uniform, i * count, count)
            for c in range(half):
                genotype[c] = dosages[start_row + own[c], variant]
            for c in range(half):
                p, s, q, r = chance[c], chance[half + c], other[c], other[half + c]
                two, het = genotype[c] == 2, genotype[c] == 1
                likelihood = p * r + q * s if het else (p * s if two else q * r)
                ratio = _ERROR / likelihood if het else _WITHIN / (s if two else r)
                predicted = stay * chain[0, c] + fresh
                factor = _ONE + predicted * (ratio - _ONE)
                chain[0, c] = predicted * ratio / factor
                evidence = _ONE + chain[1, c] * (factor - _ONE)
                chain[1, c] *= factor / evidence
                weight[c] *= likelihood * evidence
                of_first = p * r / likelihood if het else _FLOAT(two)
                allele = uniform[c] < of_first
                chosen[variant, c] = allele
                alleles[variant, c] = absent + scale * _FLOAT(allele)
                alleles[variant, half + c] = absent + scale * (genotype[c] - _FLOAT(allele))
            if position % 8 == 7:  # before a product of probabilities could underflow
                for first in range(0, half, count):
                    total = 0.0
                    for c in range(first, first + count):
                        total += weight[c]
                    for c in range(first, first + count):
                        weight[c] /= total
        # Systematic resampling.
        for i in range(GROUP):
            _draw(state, start_row + i, uniform, 0, 1)
            first, last = i * count, (i + 1) * count - 1
            step = 0.0
            for c in range(first, last + 1):
                step += weight[c] / count
            particle, cumulative = first, weight[first]
            for k in range(count):
                while cumulative < (k + uniform[0]) * step and particle < last:
                    particle += 1
                    cumulative += weight[particle]
                ancestor[block, first + k] = particle
        for c in range(half):
            origin[c] = ancestor[block, c]
        for row in range(2):
            for c in range(half):
                moved[c] = chain[row, origin[c]]
            for c in range(half):
                chain[row, c] = moved[c]
        if block + 1 < n_blocks and not weights.first[block + 1]:
            for variant in range(weights.window[block + 1], end):
                for c in range(half):
                    moved[c] = alleles[variant, origin[c]]
                    moved[half + c] = alleles[variant, half + origin[c]]
                for column in range(2 * half):
                    alleles[variant, column] = moved[column]
            continue
        # The end of the chromosome: select a particle, and follow its ancestors back.
        for i in range(GROUP):
            _draw(state, start_row + i, uniform, 0, 1)
            particle = i * count + int(uniform[0] * count)
            selected = chain[1, particle]
            for c in range(i * count, (i + 1) * count):
                chain[1, c] = selected
            for earlier in range(block, opened - 1, -1):
                particle = ancestor[earlier, particle]
                for variant in range(weights.start[earlier], weights.start[earlier + 1]):
                    individuals.first[start_row + i, variant] = chosen[variant, particle]


@njit(nogil=True, cache=True)
def _filter(weights: Weights, individuals: Individuals, count: int) -> None:
    """Phase all groups with `count` particles for each individual."""
    for row in range(0, len(individuals.dosages), GROUP):
        _filter_group(weights, individuals, count, row)


@torch.no_grad()
def sample_phase(
    vae: VAE,
    weights: Weights,
    dosages: Tensor,
    latents: Tensor,
    conditions: Tensor,
    count: int,
    seeds: Tensor,
) -> Tensor:
    """Sampled haplotypes, int8 (n, 2, m), given latents (n, n_latents), with `count` particles per individual.

    `seeds` int64 (n,) are those of the random generators of the individuals.
    """
    n, device, decoder = dosages.shape[0], dosages.device, vae.decoder
    padded = torch.arange(-(-n // GROUP) * GROUP, device=device).clamp(max=n - 1)  # whole groups
    latents, conditions = latents[padded], conditions[padded]
    context = decoder.context(latents) + (decoder.previous.bias + decoder.within.bias).unsqueeze(2)
    linear = vae.individual_logits(latents, conditions)
    linear += decoder.output.bias.flatten()[vae.slots].unsqueeze(1)
    context, linear = (
        x.unflatten(-1, (-1, GROUP)).movedim(-2, 0).contiguous() for x in (context, linear)
    )
    chain = vae.inbreeding
    inbred = latents.new_zeros(len(padded)) if chain is None else chain.log_odds(latents).sigmoid()
    state = seeds[padded].view(torch.uint64)
    arrays = [x.cpu().numpy() for x in (dosages[padded], context, linear, inbred, state)]
    individuals = Individuals._make([*arrays, np.empty_like(arrays[0])])
    _filter(weights, individuals, count)
    first = torch.from_numpy(individuals.first[:n]).to(device)
    return torch.stack([first, dosages - first], dim=1)


def phase(vae: VAE, dosages: Tensor, conditions: Tensor, generator: torch.Generator) -> Tensor:
    """Sampled haplotypes, int8 (n, 2, m), of dosages int8 (n, m) without missing calls."""
    return torch.cat(list(phase_in_parts(vae, dosages, conditions, generator)))


@torch.no_grad()
def phase_in_parts(
    vae: VAE, dosages: Tensor, conditions: Tensor, generator: torch.Generator
) -> Iterator[Tensor]:
    """The result of `phase` for consecutive individuals, whose batches are computed in parallel."""
    weights, n, device = filter_weights(vae), len(dosages), dosages.device
    noise = torch.randn(n, vae.n_latents, generator=generator, device=device)
    seeds = torch.randint(2**62, (n,), generator=generator, device=device)

    def phase_batch(start: int) -> Tensor:
        rows = slice(start, start + BATCH)
        latents = vae.sample_posterior(dosages[rows], noise[rows])
        own = dosages[rows], latents, conditions[rows]
        return sample_phase(vae, weights, *own, PARTICLES, seeds[rows])

    starts = range(0, len(dosages), BATCH)
    for first in range(0, len(starts), BATCHES):
        yield torch.cat(list(compute_parts(phase_batch, starts[first : first + BATCHES])))
