"""The order of samples, variants and rows of tables does not change results."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from example_association import make_samples, make_variants, simulate_dosages

from snpgen.association.gwas import ScanSettings, scan
from snpgen.association.null_model import fit_null_model
from snpgen.association.selection import PanelSettings, select_panel
from snpgen.cohort.covariates import expand_covariates
from snpgen.cohort.phenotype import check_phenotype
from snpgen.cohort.qc import check_samples
from snpgen.cohort.split import SPLITS, split_cohort
from snpgen.genetics.kinship import estimate_kinship, read_planes
from snpgen.genetics.pca import choose_variants, fit_components, project
from snpgen.io.imputation_quality import read_info
from snpgen.io.plink import open_fileset, write_fileset

N, M = 400, 300
FRACTIONS = dict(zip(SPLITS, (0.6, 0.2, 0.2), strict=True))
SETTINGS = ScanSettings(0.01, 5, 0.9, 1e-10, 0.8, 1.0, 20)
PANEL = PanelSettings(40, 2, 40, 1.0, 10, 0.5, None)


def write_input(folder: Path, rng: np.random.Generator | None) -> None:
    """The same cohort and tables in each folder; their rows are shuffled if `rng` is given."""
    own = np.random.default_rng(7)
    half = [make_variants(M // 2, chromosome) for chromosome in ("2", "10")]
    variants = pd.concat(half, ignore_index=True)
    variants.loc[[20, 21], "position"] = variants.position[20]  # the ID decides their order
    variants.loc[30, "variant_id"] = "."
    dosages = simulate_dosages(N, M, own, missing=0.01)
    dosages[:20] = dosages[20:40]  # identical twins
    samples = make_samples(N)
    table = samples[["IID"]].assign(
        trait=own.integers(0, 2, N),
        age=own.integers(40, 70, N),
        centre=own.choice(["north", "south"], N),
    )
    info = variants[["variant_id"]].assign(INFO=own.uniform(0.7, 1, M).round(3))
    info = info[info.variant_id != "."]

    def shuffle(rows: pd.DataFrame) -> pd.DataFrame:
        return rows if rng is None else rows.iloc[rng.permutation(len(rows))]

    samples, variants = shuffle(samples), shuffle(variants)
    dosages = dosages[np.ix_(samples.index, variants.index)]
    write_fileset(str(folder / "set"), dosages, samples, variants)
    shuffle(table).to_csv(folder / "table.tsv", sep="\t", index=False)
    shuffle(info).to_csv(folder / "info.tsv", sep="\t", index=False)


def analyse(folder: Path) -> dict[str, pd.DataFrame]:
    """From quality control to the panel, as the workflow does."""
    fileset = open_fileset(str(folder / "set"), [])
    rows = np.arange(M)
    kept, _ = check_samples(fileset, rows, 0.9, 1)
    individuals = fileset.sample_rows(kept.IID)
    planes = read_planes(fileset, rows, individuals, 1)
    kinship = estimate_kinship(planes, kept.IID.to_numpy())
    tables = [str(folder / "table.tsv")]
    samples, _ = check_phenotype(kept, tables, "trait", "0/1", ["age", "centre"], ["centre"])
    samples["split"], families = split_cohort(
        samples.IID, [samples], kinship, FRACTIONS, 0.3, seed=1
    )
    covariates = expand_covariates(samples, ["age", "centre"], ["centre"]).set_index("IID")

    in_training = (samples.split == "train").to_numpy()
    everyone = fileset.sample_rows(samples.IID)
    train = everyone[in_training]
    regions = pd.DataFrame(columns=["chromosome", "start", "end"])
    chosen, frequency = choose_variants(fileset, rows, train, regions, 0.9, 0.05, 0.2, 500)
    components = fit_components(fileset, chosen, train, frequency, 2, seed=1)
    scores = project(fileset, components, everyone, in_training)
    scores = pd.DataFrame(scores, index=samples.IID, columns=["PC1", "PC2"])

    training = samples[in_training]
    null, _ = fit_null_model(
        training.IID.to_numpy(str),
        training.phenotype.to_numpy(float),
        covariates.join(scores).loc[training.IID],
    )
    info = read_info([str(folder / "info.tsv")])
    sumstats, funnel = scan(fileset, rows, train, null, SETTINGS, info)
    sumstats["beta_corrected"] = sumstats.beta
    position = pd.MultiIndex.from_frame(fileset.variants[["chromosome", "variant_id"]])
    places = position.get_indexer(pd.MultiIndex.from_frame(sumstats[["chromosome", "variant_id"]]))
    order = np.argsort(places)
    sumstats, places = sumstats.iloc[order].reset_index(drop=True), places[order]
    panel, _ = select_panel(sumstats, lambda some: fileset.read(places[some], train), PANEL)
    dosages = fileset.read(rows, everyone)
    return {
        "samples": samples,
        "families": pd.DataFrame({"family": families.family}),
        "covariates": covariates,
        "scores": scores,
        "variants": fileset.variants,
        "sumstats": sumstats,
        "funnel": funnel,
        "panel": panel,
        "dosages": pd.DataFrame(dosages),
    }


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("usual")
    write_input(folder, None)
    return analyse(folder)


@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled_input_gives_the_same_results(usual, seed: int, tmp_path: Path) -> None:
    write_input(tmp_path, np.random.default_rng(seed))
    shuffled = analyse(tmp_path)
    assert len(usual["panel"]) == 40 and usual["families"].family.duplicated().sum() >= 20
    for name, table in usual.items():
        pd.testing.assert_frame_equal(shuffled[name], table, rtol=1e-4, atol=1e-5, obj=name)
