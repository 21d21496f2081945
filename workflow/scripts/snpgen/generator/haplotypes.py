"""One pass along the panel, allele by allele: to draw people, to phase people, to calibrate."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from snpgen.generator.blocks import PADDING, take
from snpgen.generator.vae import STRANDS, VAE, genotype_likelihood

BATCH = 4096  # people
PARTICLES = 8  # of a person who is phased
NEIGHBOURS = 32  # people of similar score who are drawn in random order

# Alleles (k, n, 2) from their log odds (k, n, 2) and the variants' numbers (k,).
Choice = Callable[[Tensor, Tensor], Tensor]
# Of blocks by their numbers (k,), the rows (k, n) to go on from.
Resample = Callable[[Tensor], Tensor]


@torch.no_grad()
def pass_along(
    vae: VAE,
    latents: Tensor,
    conditions: Tensor,
    choose: Choice,
    resample: Resample | None = None,
) -> Tensor:
    """Haplotypes int8 (n, 2, m), each allele chosen by `choose` given those before it.

    `latents` (n, n_latents), `conditions` (n, c). Blocks of the same rank on their chromosomes go
    together, position after position. After each, `resample` says which rows' alleles every row
    goes on from, in these blocks and all before them on their chromosomes.
    """
    decoder, blocks, size = vae.decoder, vae.blocks, vae.blocks.shape[1]
    n, device = len(latents), latents.device
    own, out = decoder.own.weight * decoder.see_own, decoder.out.weight * decoder.see_hidden
    ready = [0, *decoder.see_hidden.sum(dim=0).int().tolist()]  # units, which rise in degree
    context, bias = vae.context(latents), (conditions @ vae.bias).T.contiguous()
    # A variant's alleles lie side by side, since one variant after the other is read and written.
    coded = torch.zeros(len(blocks), size, n * STRANDS, device=device)
    haplotypes = torch.zeros(vae.n_variants, n * STRANDS, dtype=torch.int8, device=device)
    for rank in (rank.to(device) for rank in vae.ranks):
        before = take(coded.permute(2, 0, 1), vae.around[rank, 1])
        hidden = decoder.before(before, tokens=rank) + decoder.own.bias[rank]
        hidden += context[:, rank].repeat_interleave(STRANDS, dim=0)
        hidden = hidden.permute(1, 2, 0).contiguous()
        for position in range(size):
            is_real = blocks[rank, position] != PADDING
            if not is_real.any():
                continue
            variants = blocks[rank[is_real], position]
            first, end = ready[position : position + 2]
            hidden[:, first:end] = F.silu(hidden[:, first:end])
            weight = out[rank, None, :end, position]
            odds = (weight @ hidden[:, :end]).squeeze(1) + decoder.out.bias[rank, position, None]
            odds = odds[is_real] + vae.offset(haplotypes, variants)
            odds = odds.unflatten(1, (n, STRANDS)) + bias[variants].unsqueeze(2)
            alleles = choose(odds, variants).flatten(1)
            haplotypes[variants] = alleles.to(torch.int8)
            coded[rank[is_real], position] = vae.code(alleles.T, variants).T
            hidden[:, end:] += own[rank, position, end:, None] * coded[rank, None, position]
        if resample:
            for block, rows in zip(rank.tolist(), resample(rank), strict=True):
                both = (
                    STRANDS * rows.unsqueeze(1) + torch.arange(STRANDS, device=device)
                ).flatten()
                so_far = vae.variants_until(block)
                coded[block] = coded[block][:, both]
                haplotypes[so_far] = haplotypes[so_far][:, both]
    return haplotypes.T.contiguous().unflatten(0, (n, STRANDS))


def draw(generator: torch.Generator) -> Choice:
    """Every allele drawn by itself."""

    def choose(odds: Tensor, variants: Tensor) -> Tensor:
        uniform = torch.rand(odds.shape, generator=generator, device=odds.device)
        return (uniform < odds.sigmoid()).float()

    return choose


def draw_systematically(strata: Tensor, effects: Tensor, generator: torch.Generator) -> Choice:
    """Alleles drawn so that their counts equal what is expected, within one, in each of `strata`.

    Systematic sampling (Madow 1949) over haplotypes sorted by `strata` int (n,), first all people's
    first ones, then their second ones. Each allele keeps its own probability. "Within one" holds for
    first and for second haplotypes, and nearly so for any stretch of the sorted list. So a stratum's
    people are sorted by a score, the sum of `effects` (strata, m) of their alleles so far, which chance
    then hardly correlates with the next variant. `NEIGHBOURS` in score change places at random for each
    variant anew, or alleles of equal probability would be drawn alike.
    """
    n = len(strata)
    own = n * torch.stack([strata, strata + strata.max() + 1], dim=1)  # where each list begins
    score = torch.rand(n, generator=generator, device=strata.device)
    score *= 1e-6  # an order where there is none yet

    def choose(odds: Tensor, variants: Tensor) -> Tensor:
        order = score.argsort()
        order = order[strata[order].argsort(stable=True)]
        place = torch.empty_like(order)
        place[order] = torch.arange(n, device=order.device) // NEIGHBOURS
        places = (place.unsqueeze(1) + own).flatten()
        random = torch.rand(
            len(odds), len(places), generator=generator, device=odds.device, dtype=torch.float64
        )
        order = (places + random).argsort(dim=1)
        probability = odds.flatten(1).sigmoid().double().gather(1, order)
        start = torch.rand(len(odds), 1, generator=generator, device=odds.device)
        reached = (probability.cumsum(dim=1) + start).floor()
        drawn = torch.diff(reached, dim=1, prepend=torch.zeros_like(reached[:, :1]))
        alleles = torch.empty_like(drawn).scatter_(1, order, drawn).view_as(odds)
        copies = alleles.sum(dim=2).to(effects.dtype)
        score.add_((effects[:, variants].T[:, strata] * copies).sum(dim=0))
        return alleles.to(odds.dtype)

    return choose


class Particles:
    """Phases of known genotypes, several a person, of which after each block the likelier go on.

    Alleles are placed by what lies before them. Where an allele depends on several before it whose
    order among themselves was a guess, this takes from linkage disequilibrium, unless the guesses
    compete: a particle filter (Gordon et al. 1993; systematic resampling, Kitagawa 1996).
    """

    def __init__(self, vae: VAE, dosages: Tensor, count: int, generator: torch.Generator) -> None:
        """`count` particles for each of n people with `dosages` int8 (n, m)."""
        self.vae, self.count, self.n, self.generator = vae, count, len(dosages), generator
        self.dosages = dosages.T.repeat_interleave(count, dim=1)
        self.likelihood = torch.zeros(self.dosages.shape, device=dosages.device)  # log

    def choose(self, odds: Tensor, variants: Tensor) -> Tensor:
        """The alleles of the genotypes: of heterozygotes only the order is drawn."""
        genotypes = self.dosages[variants]
        self.likelihood[variants] = genotype_likelihood(odds.unbind(dim=2), genotypes)
        uniform = torch.rand(genotypes.shape, generator=self.generator, device=odds.device)
        first = uniform < (odds[..., 0] - odds[..., 1]).sigmoid()
        pair = torch.stack([first, ~first], dim=2)
        return torch.where(genotypes.unsqueeze(2) == 1, pair, genotypes.unsqueeze(2) == 2).float()

    def resample(self, rank: Tensor) -> Tensor:
        """Each person's particles in proportion to how likely these blocks' genotypes were to them."""
        rows = []
        first = self.count * torch.arange(self.n, device=rank.device).unsqueeze(1)
        for block in rank.tolist():
            total = self.likelihood[self.vae.variants_of(block)].sum(dim=0)
            reached = total.unflatten(0, (self.n, self.count)).softmax(dim=1).cumsum(dim=1)
            start = torch.rand(self.n, 1, generator=self.generator, device=rank.device)
            point = (torch.arange(self.count, device=rank.device) + start) / self.count
            chosen = torch.searchsorted(reached, point).clamp(max=self.count - 1)
            rows.append((first + chosen).flatten())
        return torch.stack(rows)

    def pick(self, haplotypes: Tensor) -> Tensor:
        """One particle of each person and chromosome: int8 (n, 2, m).

        `haplotypes` (n x count, 2, m) as `pass_along` leaves them.
        """
        picked = torch.empty_like(haplotypes[:: self.count])
        first = self.count * torch.arange(self.n, device=picked.device)
        for variants in self.vae.variants_by_chromosome():
            place = torch.rand(self.n, generator=self.generator, device=picked.device)
            row = first + (place * self.count).long()
            picked[:, :, variants] = haplotypes[:, :, variants][row]
        return picked


def phase(vae: VAE, dosages: Tensor, conditions: Tensor, generator: torch.Generator) -> Tensor:
    """Haplotypes int8 (n, 2, m) of people int8 (n, m) with these conditions, drawn from the model."""
    return torch.cat(list(phase_in_parts(vae, dosages, conditions, generator)))


def phase_in_parts(
    vae: VAE, dosages: Tensor, conditions: Tensor, generator: torch.Generator
) -> Iterator[Tensor]:
    """What `phase` gives, some people after the others."""
    for start in range(0, len(dosages), BATCH // PARTICLES):
        rows = slice(start, start + BATCH // PARTICLES)
        particles = Particles(vae, dosages[rows], PARTICLES, generator)
        latents, described = (
            array.repeat_interleave(PARTICLES, dim=0)
            for array in (draw_latents(vae, dosages[rows], generator), conditions[rows])
        )
        drawn = pass_along(vae, latents, described, particles.choose, particles.resample)
        yield particles.pick(drawn)


@torch.no_grad()
def draw_latents(vae: VAE, dosages: Tensor, generator: torch.Generator) -> Tensor:
    """A draw from the posterior of people int (n, n_variants): float (n, n_latents)."""
    mean, log_variance = vae.encode(dosages)
    noise = torch.randn(mean.shape, generator=generator, device=mean.device)
    return mean + noise * (log_variance / 2).exp()
