"""Phasing: haplotypes of observed genotypes, sampled from the decoder by a particle filter.

Sequential Monte Carlo (Gordon et al. 1993) with systematic resampling (Kitagawa 1996). Each particle
is one possible phase of an individual's genotypes. A heterozygous genotype is phased given only the
preceding alleles. With a single particle, phase errors in these alleles would weaken LD. Therefore several
particles are used. After each block of adjacent variants, the particles are resampled in proportion to the
likelihood of the block's genotypes. Given its alleles, each particle sums out homozygosity by descent with the
forward algorithm (Rao-Blackwellisation, Doucet et al. 2000).
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from snpgen.generator.decoding import BATCH, decode
from snpgen.generator.inbreeding import advance, genotype_excess
from snpgen.generator.vae import VAE, genotype_log_likelihood

PARTICLES = 8  # per individual


class ParticleFilter:
    """Particles of several individuals; `propose` and `resample` are passed to `decode`."""

    def __init__(
        self, vae: VAE, dosages: Tensor, latents: Tensor, count: int, generator: torch.Generator
    ) -> None:
        """Use `count` particles for each of n individuals with `dosages` int8 (n, m).

        `latents` (n x count, n_latents) are those of the particles.
        """
        self.vae, self.count, self.n, self.generator = vae, count, len(dosages), generator
        self.dosages = dosages.T.repeat_interleave(count, dim=1)
        self.log_likelihood = torch.zeros(self.dosages.shape, device=dosages.device)
        self.latents = latents
        # By chromosome, given the genotypes so far: the probability that the second haplotype of an inbred individual is
        # a copy, and the gain in log likelihood by inbreeding.
        self.copied, self.gain = latents.new_zeros(
            2, len(vae.variants_by_chromosome()), len(latents)
        )

    def propose(self, logits: Tensor, variants: Tensor) -> Tensor:
        """Return alleles that match the observed genotypes; the phase is sampled."""
        genotypes = self.dosages[variants]
        likelihood = genotype_log_likelihood(logits.unbind(dim=2), genotypes)
        if (chain := self.vae.inbreeding) is not None:
            own, stay = chain.chromosome[variants], chain.stay()[variants].unsqueeze(1)
            predicted = stay * self.copied[own] + (1 - stay) * chain.share()
            excess = genotype_excess(logits[..., 1], likelihood, genotypes)
            self.copied[own], factor = advance(predicted, excess)
            gain = factor.log()
            # One variant of each chromosome after the other, because whether an individual is inbred links them.
            total = self.gain.sum(dim=0) + gain.cumsum(dim=0)
            after, before = (chain.over_all(g, self.latents) for g in (total, total - gain))
            likelihood = likelihood + after - before
            self.gain[own] += gain
        self.log_likelihood[variants] = likelihood
        uniform = torch.rand(genotypes.shape, generator=self.generator, device=logits.device)
        first = uniform < (logits[..., 0] - logits[..., 1]).sigmoid()
        pair = torch.stack([first, ~first], dim=2)
        return torch.where(genotypes.unsqueeze(2) == 1, pair, genotypes.unsqueeze(2) == 2).float()

    def resample(self, blocks: Tensor) -> Tensor:
        """Resample the particles of each individual separately for each of `blocks` (k,).

        Returns the indices of the selected particles, int64 (k, n x count). A particle is selected with a
        probability proportional to the likelihood of the block's genotypes.
        """
        rows = []
        first = self.count * torch.arange(self.n, device=blocks.device).unsqueeze(1)
        for block in blocks.tolist():
            total = self.log_likelihood[self.vae.variants_of(block)].sum(dim=0)
            cumulative = total.unflatten(0, (self.n, self.count)).softmax(dim=1).cumsum(dim=1)
            start = torch.rand(self.n, 1, generator=self.generator, device=blocks.device)
            point = (torch.arange(self.count, device=blocks.device) + start) / self.count
            chosen = torch.searchsorted(cumulative, point).clamp(max=self.count - 1)
            rows.append((first + chosen).flatten())
            if (chain := self.vae.inbreeding) is not None:
                own = chain.chromosome[self.vae.variants_of(block)[0]]
                for state in (self.copied, self.gain):
                    state[own] = state[own][rows[-1]]
        return torch.stack(rows)

    def select(self, haplotypes: Tensor) -> Tensor:
        """One random particle per individual and chromosome, int8 (n, 2, m).

        `haplotypes` (n x count, 2, m) as `decode` returns them.
        """
        selected = torch.empty_like(haplotypes[:: self.count])
        first = self.count * torch.arange(self.n, device=selected.device)
        for variants in self.vae.variants_by_chromosome():
            uniform = torch.rand(self.n, generator=self.generator, device=selected.device)
            row = first + (uniform * self.count).long()
            selected[:, :, variants] = haplotypes[:, :, variants][row]
        return selected


def phase(vae: VAE, dosages: Tensor, conditions: Tensor, generator: torch.Generator) -> Tensor:
    """Sampled haplotypes, int8 (n, 2, m), of dosages int8 (n, m) without missing calls."""
    return torch.cat(list(phase_in_batches(vae, dosages, conditions, generator)))


def phase_in_batches(
    vae: VAE, dosages: Tensor, conditions: Tensor, generator: torch.Generator
) -> Iterator[Tensor]:
    """The result of `phase` in consecutive batches of individuals."""
    for start in range(0, len(dosages), BATCH // PARTICLES):
        rows = slice(start, start + BATCH // PARTICLES)
        latents, own_conditions = (
            array.repeat_interleave(PARTICLES, dim=0)
            for array in (vae.sample_posterior(dosages[rows], generator), conditions[rows])
        )
        particles = ParticleFilter(vae, dosages[rows], latents, PARTICLES, generator)
        haplotypes = decode(vae, latents, own_conditions, particles.propose, particles.resample)
        yield particles.select(haplotypes)
