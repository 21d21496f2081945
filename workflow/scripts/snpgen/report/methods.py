"""How it was done and what it cannot tell, in sentences written from the settings and the summaries."""

from pathlib import Path
from typing import Any

from snpgen.baselines.registry import BASELINES
from snpgen.evaluation.controls import PLANTED_SHARE
from snpgen.report.metrics import show

MIN_SAMPLES_PER_VARIANT = 10


def describe_methods(
    settings: dict[str, Any],
    split: dict[str, Any],
    gwas: dict[str, Any],
    panel_size: int,
    cards: dict[str, dict[str, Any]],
    generator: list[str],
    software: dict[str, str],
) -> list[tuple[str, str]]:
    """Title and text of each paragraph of the methods, fit for a paper.

    `settings` are all of the phenotype's, `split` and `gwas` the two summaries, `cards` those of the
    models by title (none where the cohort was made elsewhere), `generator` the sentences on what they
    came to, `software` versions by name.
    """
    made = _generator(settings, cards, generator) if cards else _made_elsewhere(settings)
    return [
        ("Cohort", _cohort(settings, split)),
        ("Association", _association(settings, gwas)),
        ("Panel", _panel(settings, panel_size)),
        ("Generator" if cards else "Synthetic people", made),
        ("Evaluation", _evaluation(settings)),
        ("Privacy", _privacy(settings)),
        ("Software", _software(settings, software)),
    ]


def join(words: list[str]) -> str:
    """Words as a list in a sentence."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _cohort(settings: dict[str, Any], split: dict[str, Any]) -> str:
    cohort, kinship, own = settings["cohort"], settings["kinship"], settings["phenotype"]
    sizes, shares = split["splits"], settings["split"]
    text = (
        f"Genotypes of autosomes {cohort['chromosomes']} ({cohort['build']}) came from PLINK files; people "
        f"with fewer than {100 * cohort['min_sample_call_rate']:g} % of genotypes called were left out"
    )
    text += f", and only those with {own['include']} included. " if "include" in own else ". "
    if cohort["kinship"]:
        text += f"Kinship was taken from {Path(cohort['kinship']).name}. "
    elif not shares["file"]:
        text += (
            f"Kinship was estimated by KING-robust (Manichaikul 2010) on SNPs with a minor allele frequency of "
            f"at least {kinship['min_maf']:g}, pruned at an r² of {kinship['prune_r2']:g} within "
            f"{kinship['prune_kb']:g} kb. "
        )
    samples = (
        f"{show(sizes['train']['samples'], 0)} training, {show(sizes['validation']['samples'], 0)} validation and "
        f"{show(sizes['test']['samples'], 0)} test people"
    )
    if shares["file"]:
        return f"{text}{samples} were told apart by {Path(shares['file']).name}."
    return (
        f"{text}People were split at random, stratified by phenotype, into {samples} ({100 * shares['train']:g}, "
        f"{100 * shares['validation']:g} and {100 * shares['test']:g} %), with pairs of a kinship of "
        f"{shares['max_kinship']:g} and more on one side. All that was fitted was fitted on training people; "
        "validation people chose among training steps and settings, and test people served the evaluation alone."
    )


def _association(settings: dict[str, Any], gwas: dict[str, Any]) -> str:
    rules, pcs, own = settings["gwas"], settings["pcs"], settings["phenotype"]
    linear = own["coding"] == "quantitative"
    adjusted = list(own.get("covariates", []))
    if pcs["count"]:
        adjusted.append(
            f"{pcs['count']} principal components of the training people's pruned genotypes"
        )
    limits = [
        f"a minor allele frequency of at least {rules['min_maf']:g}",
        f"{rules['min_mac']} or more minor alleles",
        f"a call rate of {rules['min_call_rate']:g} or more",
        f"an exact Hardy-Weinberg p of {rules['min_hwe_p']:g} or more{'' if linear else ' in controls'}",
    ]
    if settings["cohort"]["info"]:
        limits.append(f"an imputation quality of {rules['min_info']:g} or more")
    kind = "linear" if linear else "logistic"
    text = f"Variants with {join(limits)} were tested in training people by {kind} regression"
    text += f", adjusted for {join(adjusted)}" if adjusted else ""
    if not linear and rules["exact_p"] < 1:
        text += f", by its score test alone where that gave a p above {rules['exact_p']:g}"
    if not linear:
        text += (
            f", with Firth's penalised likelihood (Firth 1993) where fewer than {rules['firth_mac']} minor alleles "
            "were expected in cases or controls"
        )
    text += "; a polygenic prediction from the other chromosomes was an offset" * rules["loco"]
    inflation, scaled = (
        show(gwas[name], 3) if gwas[name] is not None else "NA"
        for name in ("lambda_gc", "lambda_1000")
    )
    return (
        f"{text}. Of {show(gwas['n_variants'], 0)} variants {show(gwas['n_genome_wide'], 0)} had p < 5e-8; genomic "
        f"inflation λ was {inflation} (λ of 1,000 {'samples' if linear else 'cases and controls'} {scaled})."
    )


def _panel(settings: dict[str, Any], size: int) -> str:
    rules = settings["panel"]
    source = "the training people"
    if rules["sumstats"]:
        source = f"the summary statistics {Path(rules['sumstats']).name}"
    limit = f" of at most {rules['max_p']:g}" if rules["max_p"] < 1 else ""
    text = (
        f"The panel holds the {show(size, 0)} variants with the smallest p{limit} in {source} after clumping at an "
        f"r² of {rules['clump_r2']:g} within {rules['clump_kb']:g} kb"
    )
    if rules["max_per_locus"]:
        text += f", at most {rules['max_per_locus']} of a locus"
    if not rules["long_range_ld"]:
        text += ", none from the MHC and other regions of long-range LD"
    lists = [key for key in ("include", "exclude") if rules[key]]
    text += f", with a list of variants to {' and one to '.join(lists)}" if lists else ""
    return (
        f"{text}. Effects were corrected for winner's curse by adaptive shrinkage (Stephens 2017)."
    )


def _made_elsewhere(settings: dict[str, Any]) -> str:
    return (
        f"The cohort {Path(settings['synthetic']).name} was made elsewhere. Its variants were matched by "
        "chromosome, position and both alleles."
    )


def _generator(
    settings: dict[str, Any], cards: dict[str, dict[str, Any]], generator: list[str]
) -> str:
    vae, denoiser = (cards[name]["settings"] for name in ("Autoencoder", "Diffusion model"))
    conditions, sampling = settings["conditions"], settings["sampling"]
    given = ["the phenotype", *(["sex"] * conditions["sex"])]
    given += [f"group ({conditions['group']})"] if conditions["group"] else []
    return (
        f"A variational autoencoder (Kingma & Welling 2014) with {vae['latents']} latents compressed the dosages, "
        f"and an autoregressive decoder of haplotypes, in blocks of {vae['block_size']} SNPs with "
        f"{vae['hidden']} hidden units, drew alleles given the latents and earlier alleles "
        f"({vae['steps']:,} steps of AdamW, batches of {vae['batch_size']:,} people, learning rate "
        f"{vae['learning_rate']:g}, weight decay {vae['weight_decay']:.3g}). A latent diffusion model (Karras 2022; "
        f"{denoiser['layers']} residual layers of {denoiser['width']} units, {denoiser['steps']:,} steps, label "
        f"hidden in {100 * denoiser['label_dropout']:g} % of people) learnt the latents given {join(given)}, for "
        f"classifier-free guidance (Ho & Salimans 2022), and was sampled by DPM-Solver++ (Lu 2022) in "
        f"{sampling['steps']} steps. " + " ".join(generator)
    )


def _evaluation(settings: dict[str, Any]) -> str:
    rules, names, given = settings["evaluation"], settings["baselines"], settings["external_cohort"]
    baselines = [BASELINES[name] for name in names]
    others = [
        f"{one.label} ({one.description})" for one in baselines if not (given and one.needs_model)
    ]
    text = (
        "Each figure was measured against test people and stands beside its ceiling, the same with training "
        "people in the place of the synthetic ones, and its floor, the same with a useless generator. "
    )
    text += f"Compared were {'; '.join(others)}. " if others else ""
    text += (
        f"Intervals of 95 % are from {rules['bootstraps']:,} bootstrap resamples of people, without fitting "
        f"anew. The classifier two-sample test (Lopez-Paz & Oquab 2017) is XGBoost in {rules['folds']} folds. Effects "
        "are those of logistic regression on each SNP. Utility is the ROC-AUC on test people of a "
        "univariate polygenic score, ridge regression and XGBoost that were trained on each cohort."
    )
    if rules["replicates"] > 1 and not given:
        text += f" The generator was trained {rules['replicates']} times, with seeds one apart."
    return text


def _privacy(settings: dict[str, Any]) -> str:
    shadows = settings["evaluation"]["shadow_models"]
    text = (
        "Membership inference tells training from test people by distance to the nearest synthetic "
        "person, by density under a kernel over the density of reference people, and by the likelihood ratio of "
        "allele frequencies (Homer 2008; Sankararaman 2009); the reference are validation people. "
    )
    if not settings["external_cohort"]:
        text += "An attacker who has the networks also uses their loss on a person (Yeom 2018). "
    if shadows and not settings["external_cohort"]:
        text += f"{shadows} shadow models served a likelihood ratio attack (Carlini 2022). "
    return text + (
        f"Two controls test the audit: a cohort of which {100 * PLANTED_SHARE:g} % are copies of training people, "
        "which an attack must find, and half of the test people attacked with the other half, where none may find "
        "anything."
    )


def _software(settings: dict[str, Any], software: dict[str, str]) -> str:
    used = ["Snakemake", "torch", "scikit-learn", "xgboost"]
    packages = join([f"{name} {software[name.lower()]}" for name in used])
    return (
        f"SNPgen {software['SNPgen']} was run with Python {software['Python']}, {packages}, and the seed "
        f"{settings['seed']}."
    )


def describe_limits(
    settings: dict[str, Any], samples: int, panel_size: int, noise: float
) -> list[str]:
    """What the figures cannot tell, a sentence or two each; a small cohort first.

    `noise` is what was put on the class frequencies, in standard errors.
    """
    limits = [
        "The audit sees what its attacks can see; better ones may find more. "
        + (
            "The promise of differential privacy holds for the generator alone, not for the choice of the panel or "
            "for figures of real people on this page."
            if settings["differential_privacy"]["epsilon"]
            else "This is not differential privacy of the cohort: an epsilon, where one is given, covers the allele "
            "frequencies alone."
        ),
        (
            "This page and metrics.tsv hold no figure about a single person, but allele frequencies and effects of real "
            "people. Treat the page as summary statistics: what may leave is in the folder release/."
        ),
        (
            "Only the variants of the panel were made, unphased, and nothing between them: this is no cohort for "
            "finding new variants."
        ),
        (
            "The variants were chosen by the same training people, so effects on the panel suffer from winner's curse, "
            "in synthetic people as in real ones."
        ),
        (
            "Synthetic people look like the cohort they were learnt from, with its ancestry and its ways of recruiting; "
            "statements about other populations do not follow."
        ),
        (
            "Intervals are over people. They do not hold the luck of training, which replicates show "
            "(evaluation.replicates)."
        ),
    ]
    if settings["phenotype"]["coding"] == "quantitative" or "classes" in settings["phenotype"]:
        limits.append(
            "The evaluation sees two classes: those below and from the threshold of a quantitative trait, or the "
            "first class and the rest."
        )
    if noise:
        limits.insert(
            0,
            "The release holds class frequencies with noise, to hide who was in training; figures and tables of "
            "this page hold those of the real people without. Where that noise is needed, the page must not go "
            "with the release.",
        )
    few = warn_of_few(samples, panel_size)
    return [few, *limits] if few else limits


def warn_of_few(samples: int, panel_size: int) -> str:
    """A sentence where there are few training people for the SNPs of the panel, else nothing."""
    if samples >= MIN_SAMPLES_PER_VARIANT * panel_size:
        return ""
    return (
        f"There are {samples / panel_size:.1f} training people for each SNP of the panel. So few leak most, "
        "roughly as the square root of SNPs over people; do not share such a cohort on the strength of these "
        "figures alone."
    )
