"""The generator in sentences: its latents, guidance, frequencies, noise and promise."""

from typing import Any

from snpgen.report.metrics import show


def describe_generator(cards: dict[str, dict[str, Any]], settings: dict[str, Any]) -> list[str]:
    """What a reader must know of the generator, a sentence each; the collapse of the latents first.

    `cards` by title; `settings` is the section calibration of the configuration.
    """
    vae, calibration = cards["Autoencoder"], cards["Calibration"]
    nats, limit = vae["nats_per_individual"], f"{settings['max_forecast_auc']:g}"
    held = (
        f"The latents hold {nats['kl']:z.2f} nats a person, and make the genotypes of validation people "
        f"{nats['log_likelihood_gain']:z.2f} nats likelier; {nats['reconstruction']:.1f} nats are left."
    )
    sentences = [held]
    if vae["posterior_collapse"]:
        sentences.insert(
            0,
            "The latents are collapsed: they carry next to nothing, so that the decoder alone makes the "
            "synthetic people and the diffusion model adds nothing; right where people differ in nothing "
            "that spans their genomes, else a sign that training failed.",
        )
    guided = (
        f"Guidance has a scale of {calibration['guidance_scale']:g}; by it alone synthetic effects have a slope of "
        f"{calibration['effect_slope_before_matching']:.2f} on those of training people. Then the "
        "allele frequencies of each class were matched with theirs, "
    )
    promise = vae["differential_privacy"]
    if promise:
        sentences.append(guided + "with noise.")
        sentences.append(_describe_promise(promise))
        return sentences
    sentences.append(guided + "less what effects of variants far away add by chance.")
    asked, noise = settings["noise"] is not None, calibration["noise"]
    what = f"Gaussian noise of {noise:.2g} standard errors" if noise else "No noise"
    reached = f"the forecast frequency attack stays within an AUC of {limit}"
    how = f"the least at which {reached}" if noise else f"{reached} without"
    if asked:
        how = "as the configuration asks; the forecast attack was not limited"
    sentences.append(f"{what} was put on these frequencies: {how}.")
    if calibration["epsilon"] is None:
        sentences.append("Without noise there is no bound of differential privacy.")
    else:
        sentences.append(
            f"The frequencies alone are differentially private with an epsilon of "
            f"{_epsilon(calibration['epsilon'])} at a delta of {calibration['delta']:.1g}; the networks and "
            "what is taken off for variants far away are not."
        )
    return sentences


def _describe_promise(promise: dict[str, Any]) -> str:
    """What differential privacy says, and what it does not cover."""
    return (
        f"The generator is differentially private, with an epsilon of {_epsilon(promise['epsilon'])} at a delta of "
        f"{promise['delta']:.1g} for one training person more or less, against whoever does not know the seed. That "
        "adds up the frequencies that the decoder starts from and is matched with, the autoencoder and the diffusion "
        "model, both trained by DP-SGD (Abadi 2016). It does not cover the choice of the panel by these people's GWAS "
        "and LD, call rates, the numbers of people by label, sex and group, values of a quantitative trait, or figures "
        "of the evaluation."
    )


def _epsilon(value: float) -> str:
    return show(value, 0) if value >= 100 else f"{value:.3g}"
