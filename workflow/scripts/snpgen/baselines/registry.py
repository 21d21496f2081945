"""The cohorts of an evaluation, with their labels, plot styles and descriptions in the report.

The Snakefile reads this module, so it imports only the standard library. A new baseline needs a
module beside this one, an entry here, and a test.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

# Okabe & Ito (2008): distinguishable with any kind of colour vision.
BLUE, ORANGE, GREEN, VERMILLION = "#0072b2", "#e69f00", "#009e73", "#d55e00"
SKY, PURPLE, GREY = "#56b4e9", "#cc79a7", "#8c959f"
INK = "#24292f"

REAL, TEST, SHUFFLED = "real", "test", "shuffled"
SNPGEN, BALANCED, RECONSTRUCTION = "snpgen", "snpgen_balanced", "reconstruction"
EXTERNAL, REPLICATES = "external", "replicates"
MIXTURE = "mixture"
THRESHOLDING = "clumping_thresholding"
POSITIVE_CONTROL, NEGATIVE_CONTROL = "positive_control", "negative_control"
CONTROLS = (POSITIVE_CONTROL, NEGATIVE_CONTROL)


@dataclass(frozen=True)
class Subject:
    """A value of the column `subject` of metrics.tsv.

    `description` is shown with the label. `releasable`: the genotypes may be released.
    `needs_model`: the cohort is generated with the trained networks. `sampler`: "module:function" that
    generates a baseline; it has the signature of `independent.sample_independent` or, with `needs_model`,
    of `cvae.sample_cvae`.
    """

    name: str
    label: str
    colour: str
    marker: str
    description: str
    releasable: bool = False
    needs_model: bool = False
    sampler: str = ""

    def load_sampler(self) -> Callable:
        """Import the function `sampler`. It is imported here because it may need torch."""
        module, function = self.sampler.split(":")
        return getattr(import_module(module), function)


SUBJECTS = {  # in the order of figures and tables
    subject.name: subject
    for subject in (
        Subject(REAL, "Real, training", INK, "o", "training individuals, the real-data reference"),
        Subject(TEST, "Real, test", GREY, "X", "test individuals"),
        Subject(
            SHUFFLED,
            "Real, shuffled",
            "#b0407a",
            ">",
            "training individuals with chromosomes permuted within class and group; the best "
            "result expected without copying individuals",
        ),
        Subject(
            SNPGEN,
            "SNPgen",
            BLUE,
            "o",
            "the same proportion of cases as in the training set",
            releasable=True,
            needs_model=True,
        ),
        Subject(
            EXTERNAL,
            "External cohort",
            BLUE,
            "o",
            "the synthetic cohort of another tool",
            releasable=True,
        ),
        Subject(
            REPLICATES,
            "SNPgen, mean of runs",
            BLUE,
            "d",
            "mean and range over repeated trainings of the generator",
        ),
        Subject(
            BALANCED,
            "SNPgen, balanced",
            SKY,
            "s",
            "as many cases as controls",
            releasable=True,
            needs_model=True,
        ),
        Subject(
            RECONSTRUCTION,
            "Reconstruction",
            GREEN,
            "D",
            "training individuals encoded and decoded by the VAE",
            needs_model=True,
        ),
        Subject(
            "cvae",
            "Conditional VAE",
            "#999933",
            "<",
            "the VAE with latent codes from a normal distribution instead of the diffusion model",
            releasable=True,
            needs_model=True,
            sampler="snpgen.baselines.cvae:sample_cvae",
        ),
        Subject(
            MIXTURE,
            "Gaussian mixture",
            "#56704e",
            "p",
            "the VAE with latent codes from a Gaussian mixture in each class instead of the "
            "diffusion model",
            releasable=True,
            needs_model=True,
            sampler="snpgen.baselines.mixture:sample_mixture",
        ),
        Subject(
            "mosaic",
            "Mosaic",
            PURPLE,
            "P",
            "segments of about 1 Mb, each from a random training individual",
            sampler="snpgen.baselines.mosaic:sample_mosaic",
        ),
        Subject(
            "copula",
            "Copula",
            VERMILLION,
            "v",
            "correlated normal variables, converted to dosages by thresholds (Gaussian copula), with the "
            "target frequencies of the classes",
            releasable=True,
            sampler="snpgen.baselines.copula:sample_copula",
        ),
        Subject(
            "independent",
            "Independent",
            ORANGE,
            "^",
            "each variant sampled independently, with the target frequencies of the classes, without LD",
            releasable=True,
            sampler="snpgen.baselines.independent:sample_independent",
        ),
        Subject(
            THRESHOLDING,
            "Clumping and thresholding",
            "#7a68d8",
            "H",
            "a genome-wide polygenic score fitted to the training individuals",
        ),
        Subject(
            POSITIVE_CONTROL,
            "Positive control",
            VERMILLION,
            "*",
            "the synthetic cohort with planted copies of training individuals",
        ),
        Subject(
            NEGATIVE_CONTROL,
            "Negative control",
            GREY,
            "h",
            "one half of the test individuals instead of the synthetic cohort; the other half are "
            "the non-members",
        ),
    )
}
BASELINES = {name: subject for name, subject in SUBJECTS.items() if subject.sampler}
