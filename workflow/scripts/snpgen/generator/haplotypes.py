"""One pass along the panel, allele by allele: to draw people, to phase people, to calibrate."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from snpgen.generator.blocks import PADDING, take
from snpgen.generator.vae import STRANDS, VAE

BATCH = 4096  # people

PARTICLES = 4  # of a person who is phased

# Alleles (n, 2, k) from their log odds (n, 2, k) and the variants' numbers (k,).
Choice = Callable[[Tensor, Tensor], Tensor]
# Of blocks by their numbers (k,), the rows (n, k) to go on from.
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
    together, position after position. After each, `resample` says which rows' alleles in these
    blocks every row goes on from; the blocks before stay as they are.
    """
    decoder, blocks, size = vae.decoder, vae.blocks, vae.blocks.shape[1]
    n, device = len(latents), latents.device
    own, out = decoder.own.weight * decoder.see_own, decoder.out.weight * decoder.see_hidden
    context = vae.context(latents)
    coded = torch.zeros(STRANDS * n, len(blocks), size, device=device)
    haplotypes = torch.zeros(n, STRANDS, vae.n_variants, dtype=torch.int8, device=device)
    for rank in (rank.to(device) for rank in vae.ranks):
        before = take(coded, vae.around[rank, 1])
        hidden = decoder.before(before, tokens=rank) + decoder.own.bias[rank]
        hidden += context[:, rank].repeat_interleave(STRANDS, dim=0)
        for position in range(size):
            real = torch.nonzero(blocks[rank, position] != PADDING).flatten()
            if not len(real):
                continue
            here, variants = rank[real], blocks[rank[real], position]
            odds = torch.einsum("nbh,bh->nb", F.silu(hidden[:, real]), out[here, :, position])
            odds = (odds + decoder.out.bias[here, position]).unflatten(0, (n, STRANDS))
            parents = haplotypes[:, :, vae.parent[variants].clamp(min=0)].long()
            alleles = choose(odds + vae.offset(parents, conditions, variants), variants)
            haplotypes[:, :, variants] = alleles.to(torch.int8)
            code = vae.code(alleles, variants).flatten(0, 1)
            coded[:, here, position] = code
            hidden[:, real] += code.unsqueeze(2) * own[here, position]
        if resample:
            rows = resample(rank)
            real = blocks[rank] != PADDING
            variants = blocks[rank][real]
            index = rows.repeat_interleave(real.sum(dim=1), dim=1).unsqueeze(1)
            haplotypes[:, :, variants] = haplotypes[:, :, variants].gather(0, index.expand(-1, STRANDS, -1))
            both = coded[:, rank].unflatten(0, (n, STRANDS))
            index = rows[:, None, :, None].expand_as(both)
            coded[:, rank] = both.gather(0, index).flatten(0, 1)
    return haplotypes


def draw(generator: torch.Generator) -> Choice:
    """Every allele drawn by itself."""

    def choose(odds: Tensor, variants: Tensor) -> Tensor:
        uniform = torch.rand(odds.shape, generator=generator, device=odds.device)
        return (uniform < odds.sigmoid()).float()

    return choose


def draw_systematically(strata: Tensor, generator: torch.Generator) -> Choice:
    """Alleles drawn so that their counts equal what is expected, within one, in each of `strata`.

    Systematic sampling (Madow 1949) over haplotypes sorted by `strata` int (n,), first all people's
    first ones, then their second ones; at random within, and for each variant anew, or alleles of
    equal probability would be drawn alike. Each allele keeps its own probability. "Within one" holds
    for first and for second haplotypes.
    """
    places = torch.stack([strata, strata + strata.max() + 1], dim=1).flatten()

    def choose(odds: Tensor, variants: Tensor) -> Tensor:
        random = torch.rand(
            odds.shape[2], len(places), generator=generator, device=odds.device, dtype=torch.float64
        )
        order = (places + random).argsort(dim=1)
        probability = odds.flatten(0, 1).T.sigmoid().double().gather(1, order)
        start = torch.rand(odds.shape[2], 1, generator=generator, device=odds.device)
        reached = (probability.cumsum(dim=1) + start).floor()
        drawn = torch.diff(reached, dim=1, prepend=torch.zeros_like(reached[:, :1]))
        alleles = torch.empty_like(drawn).scatter_(1, order, drawn)
        return alleles.T.unflatten(0, odds.shape[:2]).to(odds.dtype)

    return choose


def keep_genotypes(dosages: Tensor, generator: torch.Generator) -> Choice:
    """The alleles of known genotypes int (n, m): of heterozygotes only the order is drawn."""

    def choose(odds: Tensor, variants: Tensor) -> Tensor:
        genotypes = dosages[:, variants]
        uniform = torch.rand(genotypes.shape, generator=generator, device=odds.device)
        first = uniform < (odds[:, 0] - odds[:, 1]).sigmoid()
        pair = torch.stack([first, ~first], dim=1)
        return torch.where(genotypes.unsqueeze(1) == 1, pair, genotypes.unsqueeze(1) == 2).float()

    return choose


def phase(vae: VAE, dosages: Tensor, conditions: Tensor, generator: torch.Generator) -> Tensor:
    """Haplotypes int8 (n, 2, m) of people int8 (n, m) with these conditions, drawn from the model."""
    parts = []
    for start in range(0, len(dosages), BATCH // PARTICLES):
        batch, described = (array[start : start + BATCH // PARTICLES] for array in (dosages, conditions))
        latents = draw_latents(vae, batch, generator)
        many = [array.repeat_interleave(PARTICLES, dim=0) for array in (latents, described, batch)]
        n = len(batch)
        weight = torch.zeros(n * PARTICLES, vae.n_variants, device=dosages.device)
        ancestors = {}
        keep = keep_genotypes(many[2], generator)

        def choose(odds: Tensor, variants: Tensor) -> Tensor:
            one, none = F.logsigmoid(odds), F.logsigmoid(-odds)
            either = torch.logaddexp(one[:, 0] + none[:, 1], none[:, 0] + one[:, 1])
            g = many[2][:, variants]
            like = torch.where(g == 0, none.sum(dim=1), one.sum(dim=1))
            weight[:, variants] = torch.where(g == 1, either, like)
            return keep(odds, variants)

        def resample(rank: Tensor) -> Tensor:
            w = vae.in_blocks(weight)[:, rank].sum(dim=2).unflatten(0, (n, PARTICLES))
            p = w.softmax(dim=1).cumsum(dim=1)
            start = torch.rand(n, 1, len(rank), generator=generator, device=weight.device)
            u = (torch.arange(PARTICLES, device=weight.device)[None, :, None] + start) / PARTICLES
            idx = (u.unsqueeze(2) > p.unsqueeze(1)).sum(dim=2).clamp(max=PARTICLES - 1)
            idx = idx + (torch.arange(n, device=weight.device) * PARTICLES)[:, None, None]
            rows = idx.flatten(0, 1)
            for k, block in enumerate(rank.tolist()):
                ancestors[block] = rows[:, k]
            return rows

        drawn = pass_along(vae, many[0], many[1], choose, resample)
        out = torch.empty(n, STRANDS, vae.n_variants, dtype=torch.int8, device=weight.device)
        last = torch.arange(n, device=weight.device) * PARTICLES
        row = {}
        for block in range(len(vae.blocks) - 1, -1, -1):
            if block not in row:
                row[block] = last + torch.randint(PARTICLES, (n,), generator=generator, device=weight.device)
            v = vae.blocks[block][vae.blocks[block] != PADDING]
            out[:, :, v] = drawn[row[block]][:, :, v]
            before = int(vae.around[block, 1])
            if before != PADDING:
                row[before] = ancestors[block][row[block]]
        parts.append(out)
    return torch.cat(parts)


@torch.no_grad()
def draw_latents(vae: VAE, dosages: Tensor, generator: torch.Generator) -> Tensor:
    """A draw from the posterior of people int (n, n_variants): float (n, n_latents)."""
    mean, log_variance = vae.encode(dosages)
    noise = torch.randn(mean.shape, generator=generator, device=mean.device)
    return mean + noise * (log_variance / 2).exp()
