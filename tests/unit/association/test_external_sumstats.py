"""External summary statistics: formats, harmonisation of alleles and strands, errors."""

import gzip

import numpy as np
import pandas as pd
import pytest
from example_association import (
    make_variants,
    needs_plink2,
    run_plink2,
    simulate_covariates,
    simulate_dosages,
    simulate_phenotype,
    write_cohort,
)
from scipy.stats import norm

from snpgen.association.external_ranking import (
    RANKING_COLUMNS,
    compare_effects,
    harmonise,
    summarise_ranking,
)
from snpgen.association.external_sumstats import (
    ExternalSumstats,
    check_external_build,
    read_external_sumstats,
)
from snpgen.association.null_model import neg_log_10_p
from snpgen.association.shrinkage import correct_effects
from snpgen.genetics.harmonisation import EffectRange
from snpgen.messages import Code, InputError

MARKERS = pd.DataFrame(
    {"variant_id": ["rs6025"], "chromosome": ["1"], "grch37": [169519049], "grch38": [169549811]}
)
COMPLEMENT = dict(zip("ACGT", "TGCA", strict=True))
PAIRS = [("A", "G"), ("C", "T"), ("G", "T"), ("AT", "A"), ("C", "A")]


@pytest.fixture
def truth():
    """Summary statistics of another study at 600 variants on three chromosomes, with our alleles."""
    rng = np.random.default_rng(11)
    n = 600
    table = pd.DataFrame(
        {
            "chromosome": np.repeat(["1", "2", "13"], n // 3),
            "variant_id": [f"rs{j}" for j in range(n)],
            "position": np.tile(1_000 + 100 * np.arange(n // 3), 3),
            "effect_allele": [PAIRS[j % 5][0] for j in range(n)],
            "other_allele": [PAIRS[j % 5][1] for j in range(n)],
            "frequency": rng.uniform(0.05, 0.95, n).round(4),
            "beta": rng.normal(0, 0.1, n).round(5),
            "standard_error": rng.uniform(0.01, 0.05, n).round(5),
        }
    )
    table["neg_log_10_p_value"] = neg_log_10_p((table.beta / table.standard_error).to_numpy())
    return table


def make_gwas(truth: pd.DataFrame) -> pd.DataFrame:
    """Our GWAS of the same variants: other noise, almost the same frequencies."""
    rng = np.random.default_rng(12)
    noise = rng.normal(0, 0.02, len(truth))
    return truth.drop(columns=["frequency", "standard_error"]).assign(
        effect_allele_frequency=(truth.frequency + noise / 2).clip(0.01, 0.99),
        beta=truth.beta + noise,
        neg_log_10_p_value=1.0,
    )


def with_corrected(truth: pd.DataFrame) -> pd.DataFrame:
    effects = truth.beta.to_numpy(), truth.standard_error.to_numpy()
    return truth.assign(beta_corrected=correct_effects(*effects))


def read_ranking(path, gwas: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return harmonise(read_external_sumstats(str(path), gwas, MARKERS), gwas)


def write_ssf(path, truth, p_column="neg_log_10_p_value", ratio=False):
    table = truth.rename(
        columns={"position": "base_pair_location", "frequency": "effect_allele_frequency"}
    )
    if ratio:
        table["odds_ratio"] = np.exp(table.pop("beta"))
    if p_column == "p_value":
        table["p_value"] = [f"{10**-value:.12g}" for value in table.pop("neg_log_10_p_value")]
    table.to_csv(path, sep="\t", index=False, na_rep="#NA")


def write_plink2(path, truth, omitted=False):
    """REF is the effect allele of every second row; newer releases have a column OMITTED."""
    effect_is_alt = np.arange(len(truth)) % 2 == 0
    table = pd.DataFrame({"#CHROM": "chr" + truth.chromosome, "POS": truth.position})
    table["ID"] = truth.variant_id
    table["REF"] = np.where(effect_is_alt, truth.other_allele, truth.effect_allele)
    table["ALT"] = np.where(effect_is_alt, truth.effect_allele, truth.other_allele)
    table["A1"] = truth.effect_allele
    if omitted:
        table["OMITTED"] = truth.other_allele
        table["ALT"] = "C,G,T"
    table["A1_FREQ"] = truth.frequency
    table["TEST"] = "ADD"
    table["OR"] = np.exp(truth.beta)
    table["LOG(OR)_SE"] = truth.standard_error
    table["P"] = [f"{10**-value:.12g}" for value in truth.neg_log_10_p_value]
    covariate = table.assign(TEST="age", P="1e-99")
    both = pd.concat([table, covariate]).sort_index(kind="stable")
    both.to_csv(path, sep="\t", index=False)


def write_regenie(path, truth):
    table = pd.DataFrame({"CHROM": truth.chromosome, "GENPOS": truth.position})
    table = table.assign(
        ID=truth.variant_id,
        ALLELE0=truth.other_allele,
        ALLELE1=truth.effect_allele,
        A1FREQ=truth.frequency,
        N=900,
        TEST="ADD",
        BETA=truth.beta,
        SE=truth.standard_error,
        CHISQ=1.0,
        LOG10P=truth.neg_log_10_p_value,
        EXTRA="NA",
    )
    table.to_csv(path, sep=" ", index=False, float_format="%.12g")


def write_saige(path, truth, sep="\t"):
    table = pd.DataFrame({"CHR": truth.chromosome.str.zfill(2), "POS": truth.position})
    table = table.assign(
        MarkerID=truth.variant_id,
        Allele1=truth.other_allele.str.lower(),
        Allele2=truth.effect_allele.str.lower(),
        AC_Allele2=7,
        AF_Allele2=truth.frequency,
        BETA=truth.beta,
        SE=truth.standard_error,
    )
    table["p.value"] = [f"{10**-value:.12g}" for value in truth.neg_log_10_p_value]
    table.to_csv(path, sep=sep, index=False)


WRITERS = {
    "ssf": (write_ssf, {}, "GWAS-SSF"),
    "ssf p and odds ratio": (write_ssf, {"p_column": "p_value", "ratio": True}, "GWAS-SSF"),
    "plink2": (write_plink2, {}, "PLINK 2"),
    "plink2 omitted": (write_plink2, {"omitted": True}, "PLINK 2"),
    "regenie": (write_regenie, {}, "REGENIE"),
    "saige": (write_saige, {}, "SAIGE"),
    "saige csv": (write_saige, {"sep": ","}, "SAIGE"),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("zipped", [False, True])
def test_all_formats_give_the_same_table(truth, tmp_path, monkeypatch, name, zipped):
    monkeypatch.setattr("snpgen.association.external_sumstats._CHUNK", 97)  # several chunks
    write, settings, label = WRITERS[name]
    path = tmp_path / "sumstats.txt"
    write(path, truth, **settings)
    if zipped:  # without the ending .gz
        path.write_bytes(gzip.compress(path.read_bytes()))
    gwas = make_gwas(truth)
    external = read_external_sumstats(str(path), gwas, MARKERS)
    assert external.format == label and external.n_rows == external.n_complete == 600
    ranking, funnel = harmonise(external, gwas)
    assert funnel.kept.tolist() == [600] * 7 and funnel.dropped.tolist() == [0] * 7
    expected = with_corrected(truth)[RANKING_COLUMNS]
    if ranking.standard_error.isna().all():  # the file has none
        expected = expected.assign(standard_error=np.nan, beta_corrected=np.nan)
    pd.testing.assert_frame_equal(ranking[RANKING_COLUMNS], expected, rtol=1e-6)
    assert not ranking.swapped.any() and not ranking.other_strand.any()


@needs_plink2
def test_file_written_by_plink2(tmp_path):
    rng = np.random.default_rng(3)
    dosages = simulate_dosages(500, 60, rng)
    covariates = simulate_covariates(500, rng)
    phenotype = simulate_phenotype(dosages, covariates, {7: 0.8}, rng)
    fileset = write_cohort(tmp_path / "set", dosages, make_variants(60))
    ids = fileset.samples[["FID", "IID"]]
    ids.assign(y=phenotype + 1).to_csv(tmp_path / "y", sep="\t", index=False)
    ids.join(covariates).to_csv(tmp_path / "covariates", sep="\t", index=False)
    inputs = ["--bfile", tmp_path / "set", "--pheno", tmp_path / "y"]
    inputs += ["--covar", tmp_path / "covariates", "--covar-variance-standardize"]
    run_plink2(*inputs, "--glm", "cols=+a1freq", "--out", tmp_path / "scan")
    path = tmp_path / "scan.y.glm.logistic.hybrid"
    theirs = pd.read_csv(path, sep="\t", dtype={"#CHROM": str})
    theirs = theirs[theirs.TEST == "ADD"].set_index("ID")
    gwas = fileset.variants.assign(
        effect_allele_frequency=dosages.mean(axis=0) / 2, beta=0.0, neg_log_10_p_value=0.0
    )
    ranking, _ = read_ranking(path, gwas)
    theirs = theirs.loc[ranking.variant_id]
    assert len(ranking) == 60
    sign = np.where(theirs.A1 == "A", 1, -1)  # PLINK 2 tests the minor allele, whichever it is
    assert (sign < 0).sum() > 10 and ranking.swapped.sum() == (sign < 0).sum()
    np.testing.assert_allclose(ranking.beta, sign * np.log(theirs.OR), rtol=1e-6)
    np.testing.assert_allclose(ranking.neg_log_10_p_value, -np.log10(theirs.P), rtol=1e-6)


def make_external(rows: list[tuple]) -> ExternalSumstats:
    names = ["position", "effect_allele", "other_allele", "frequency", "beta"]
    table = pd.DataFrame(rows, columns=[*names, "neg_log_10_p_value"]).assign(
        chromosome="1", standard_error=0.1
    )
    return ExternalSumstats("external.tsv", "REGENIE", table, len(table), len(table), table)


def make_ours(rows: list[tuple]) -> pd.DataFrame:
    names = ["position", "effect_allele", "other_allele", "effect_allele_frequency"]
    table = pd.DataFrame(rows, columns=names).assign(chromosome="1", beta=0.1)
    return table.assign(variant_id=[f"v{row}" for row in range(len(rows))])


def fit(theirs: tuple, ours: tuple, frequency: float = 0.2):
    """Ranking and funnel of one row (effect allele, other allele, frequency), with beta 0.3."""
    anchor = (2, "A", "C", 0.3)  # always matches, so that the result is not empty
    external = make_external([(1, *theirs, 0.3, 5.0), (*anchor, 0.1, 1.0)])
    ranking, funnel = harmonise(external, make_ours([(1, *ours, frequency), anchor]))
    return ranking[ranking.position == 1], funnel.set_index("step").dropped


@pytest.mark.parametrize(
    ("theirs", "ours", "sign", "strand"),
    [
        (("A", "G", 0.22), ("A", "G"), 1, False),
        (("G", "A", 0.78), ("A", "G"), -1, False),
        (("T", "C", 0.22), ("A", "G"), 1, True),
        (("C", "T", 0.78), ("A", "G"), -1, True),
        (("A", "T", 0.22), ("A", "T"), 1, False),  # palindromic, both frequencies below 0.5
        (("T", "A", 0.78), ("A", "T"), -1, False),
        (("A", "T", 0.78), ("A", "T"), -1, True),  # other strand: A in the file is T in the cohort
        (("T", "A", 0.22), ("A", "T"), 1, True),
        (("CAG", "C", 0.22), ("CAG", "C"), 1, False),
        (("C", "CAG", 0.78), ("CAG", "C"), -1, False),
        (("A", "G", np.nan), ("A", "G"), 1, False),
    ],
)
def test_strand_and_swap(theirs, ours, sign, strand):
    ranking, dropped = fit(theirs, ours)
    assert ranking.beta.tolist() == [sign * 0.3] and ranking.neg_log_10_p_value.tolist() == [5.0]
    assert ranking.effect_allele.tolist() == [ours[0]]
    assert ranking.swapped.tolist() == [sign < 0] and ranking.other_strand.tolist() == [strand]
    assert dropped.sum() == 0


@pytest.mark.parametrize(
    ("theirs", "ours", "frequency", "step"),
    [
        (("A", "C", 0.2), ("A", "G"), 0.2, "alleles"),
        (("T", "G", 0.2), ("A", "G"), 0.2, "alleles"),
        (("GTC", "G", 0.2), ("CAG", "C"), 0.2, "alleles"),  # longer alleles are not complemented
        (("A", "T", 0.44), ("A", "T"), 0.3, "strand"),
        (("C", "G", 0.3), ("C", "G"), 0.43, "strand"),
        (("A", "T", np.nan), ("A", "T"), 0.2, "strand"),
        (("A", "G", 0.42), ("A", "G"), 0.2, "frequency"),
        (("G", "A", 0.2), ("A", "G"), 0.2, "frequency"),
        (("A", "T", 0.41), ("A", "T"), 0.15, "frequency"),
    ],
)
def test_mismatched_and_ambiguous_variants_are_dropped_and_counted(theirs, ours, frequency, step):
    ranking, dropped = fit(theirs, ours, frequency)
    assert ranking.empty
    assert dropped[step] == 1 and dropped.sum() == 1


def test_duplicates_and_sites_with_several_variants():
    ours = make_ours(
        [(1, "A", "G", 0.2), (5, "A", "G", 0.2), (5, "A", "C", 0.1), (9, "C", "T", 0.3)]
    )
    theirs = make_external(
        [
            (1, "A", "G", 0.2, 0.1, 3.0),
            (1, "G", "A", 0.8, -0.2, 4.0),  # the same variant with a smaller p
            (1, "T", "C", 0.2, 0.9, 9.0),  # and on the other strand
            (5, "A", "C", 0.1, 0.3, 2.0),
            (5, "A", "G", 0.2, 0.4, 1.0),
            (5, "A", "T", 0.2, 0.5, 8.0),
            (9, "G", "A", 0.3, 0.6, 7.0),
        ]
    )
    ranking, funnel = harmonise(theirs, ours)
    assert ranking.variant_id.tolist() == ["v0", "v1", "v2", "v3"]
    assert ranking.beta.tolist() == [0.2, 0.4, 0.3, 0.6]
    assert ranking.neg_log_10_p_value.tolist() == [4.0, 1.0, 2.0, 7.0]
    dropped = funnel.set_index("step").dropped
    assert dropped["duplicates"] == 2 and dropped["alleles"] == 1


def test_each_step_counts_the_variants_it_drops(truth, tmp_path):
    """Thirty rows each are swapped, on the other strand, of other alleles, duplicated or incomplete."""
    theirs, gwas = truth.copy(), make_gwas(truth)
    single = theirs.index[theirs.effect_allele.str.len() == 1].to_numpy()
    swap, turn, wrong, repeat, lost = np.split(single[:150], 5)
    columns = ["effect_allele", "other_allele"]
    theirs.loc[swap, columns] = theirs.loc[swap, columns[::-1]].to_numpy()
    theirs.loc[swap, "frequency"] = 1 - theirs.frequency[swap]
    theirs.loc[swap, "beta"] *= -1
    for name in columns:
        theirs.loc[turn, name] = theirs.loc[turn, name].map(COMPLEMENT)
    theirs.loc[wrong, "other_allele"] = theirs.loc[wrong, "other_allele"] + "A"
    theirs.loc[lost, "neg_log_10_p_value"] = np.nan
    again = theirs.loc[repeat].assign(beta=9.0, neg_log_10_p_value=0.0)
    elsewhere = theirs.iloc[:40].assign(position=lambda table: table.position + 1)
    path = tmp_path / "external.tsv"
    write_ssf(path, pd.concat([again, theirs, elsewhere]))
    external = read_external_sumstats(str(path), gwas, MARKERS)
    ranking, funnel = harmonise(external, gwas)
    dropped = funnel.set_index("step").dropped.to_dict()
    assert dropped == {
        "in the file": 0,
        "complete": 30,
        "position": 40,
        "alleles": 30,
        "strand": 0,
        "frequency": 0,
        "duplicates": 30,
    }
    expected = with_corrected(truth.drop(index=np.concatenate([wrong, lost])))
    pd.testing.assert_frame_equal(
        ranking[RANKING_COLUMNS], expected[RANKING_COLUMNS].reset_index(drop=True)
    )
    summary = summarise_ranking(external, ranking, "GRCh38", True)
    assert (summary["n_matched"], summary["n_swapped"], summary["n_other_strand"]) == (540, 30, 30)
    assert summary["effect_correlation"] > 0.9 and summary["warnings"] == []
    assert summary["file"] == "external.tsv"


@pytest.mark.parametrize("allele", ["0", "N", "*", "<DEL>", ".", " NA", "nan", ""])
def test_placeholders_are_not_alleles(truth, tmp_path, allele):
    """A row whose allele is not stated matches no variant, even if the cohort has the same text."""
    theirs = truth.copy()
    theirs.loc[:9, "effect_allele"] = allele
    gwas = make_gwas(truth)
    gwas.loc[:9, "effect_allele"] = allele.strip()
    write_ssf(tmp_path / "external.tsv", theirs)
    _, funnel = harmonise(
        read_external_sumstats(str(tmp_path / "external.tsv"), gwas, MARKERS), gwas
    )
    assert funnel.set_index("step").dropped["complete"] == 10


@pytest.fixture
def palindromes(truth):
    """Every third variant A/T or C/G, in either order."""
    pairs = [("A", "T"), ("C", "G"), ("T", "A"), ("G", "C")]
    rows = truth.index[::3]
    for place, name in enumerate(("effect_allele", "other_allele")):
        truth.loc[rows, name] = [pairs[row // 3 % 4][place] for row in rows]
    return truth.assign(palindrome=truth.index % 3 == 0)


@pytest.mark.parametrize("strand", ["ours", "other"])
@pytest.mark.parametrize("orientation", ["ours", "other", "either"])
def test_strand_and_orientation_of_a_whole_file(palindromes, tmp_path, strand, orientation):
    """All effects are recovered; variants that frequencies cannot settle are dropped and counted."""
    truth, gwas = palindromes, make_gwas(palindromes)
    theirs = truth.drop(columns="palindrome")
    rows = {"ours": [], "other": theirs.index, "either": theirs.index[::2]}[orientation]
    alleles = ["effect_allele", "other_allele"]
    theirs.loc[rows, alleles] = theirs.loc[rows, alleles[::-1]].to_numpy()
    theirs.loc[rows, "frequency"] = 1 - theirs.frequency[rows]
    theirs.loc[rows, "beta"] *= -1
    if strand == "other":
        for name in alleles:
            is_base = theirs[name].str.len() == 1  # longer alleles are not complemented
            theirs.loc[is_base, name] = theirs[name][is_base].map(COMPLEMENT)
        lost = (truth.effect_allele.str.len() > 1) & ~truth.palindrome
    else:
        lost = pd.Series(False, index=truth.index)
    write_ssf(tmp_path / "external.tsv", theirs)
    ranking, funnel = read_ranking(tmp_path / "external.tsv", gwas)

    frequencies = np.array([truth.frequency, gwas.effect_allele_frequency])
    minor = np.minimum(frequencies, 1 - frequencies)
    unsettled = truth.palindrome & (minor.max(axis=0) >= 0.42)
    dropped = funnel.set_index("step").dropped
    assert dropped["strand"] == unsettled.sum() > 20
    assert dropped["alleles"] == lost.sum() and dropped["frequency"] == 0
    expected = truth[~unsettled & ~lost]
    assert ranking.variant_id.tolist() == expected.variant_id.tolist()
    np.testing.assert_allclose(ranking.beta, expected.beta, atol=1e-12)
    assert ranking.effect_allele.tolist() == expected.effect_allele.tolist()


def test_frequencies_of_the_other_allele_are_refused(palindromes, tmp_path):
    """Interchanged alleles, frequencies of the other allele, and minor allele frequencies."""
    truth, gwas = palindromes.drop(columns="palindrome"), make_gwas(palindromes)
    names = {"effect_allele": "other_allele", "other_allele": "effect_allele"}
    minor = np.minimum(truth.frequency, 1 - truth.frequency)
    for theirs in (
        truth.rename(columns=names),
        truth.assign(frequency=1 - truth.frequency),
        truth.assign(frequency=minor),
    ):
        write_ssf(tmp_path / "external.tsv", theirs)
        check_error(tmp_path / "external.tsv", gwas, Code.SUMSTATS_ALLELES)


def test_frequencies_of_another_population_are_accepted(truth, tmp_path):
    """A tenth of the frequencies are on the other side of 0.5; only these variants are dropped."""
    gwas = make_gwas(truth)
    theirs = truth.copy()
    theirs.loc[theirs.index[::10], "frequency"] = 1 - theirs.frequency[::10]
    write_ssf(tmp_path / "external.tsv", theirs)
    ranking, funnel = read_ranking(tmp_path / "external.tsv", gwas)
    dropped = funnel.set_index("step").dropped
    assert 30 < dropped["frequency"] <= 60 and len(ranking) == 600 - dropped["frequency"]


def test_warnings_of_overlapping_samples_and_opposite_effects(truth, tmp_path, caplog):
    path, gwas = tmp_path / "external.tsv", make_gwas(truth)
    write_ssf(path, truth.assign(beta=-truth.beta))
    external = read_external_sumstats(str(path), gwas, MARKERS)
    ranking, _ = harmonise(external, gwas)
    assert compare_effects(ranking) < -0.9
    leak, opposite = summarise_ranking(external, ranking, "GRCh38", False)["warnings"]
    # Without the path, because the model card is released.
    assert leak == {"kind": "sample_overlap", "facts": {"file": "external.tsv"}}
    assert opposite["kind"] == "opposite_effects" and opposite["facts"]["file"] == "external.tsv"
    assert opposite["facts"]["correlation"] < -0.9
    assert sum(record.levelname == "WARNING" for record in caplog.records) == 2


def test_p_value_too_small_for_a_float(truth, tmp_path):
    small = truth.iloc[:4].drop(columns="neg_log_10_p_value")
    small["p_value"] = ["2e-400", "0", "3.2E-310", "0"]
    small["beta"] = [1.0, 2.0, 1.0, np.nan]
    small["standard_error"] = 0.04
    path = tmp_path / "external.tsv"
    small.rename(columns={"position": "base_pair_location"}).to_csv(
        path, sep="\t", index=False, na_rep="#NA"
    )
    table = read_external_sumstats(str(path), truth, MARKERS).table
    by_z = -(norm.logsf(50) + np.log(2)) / np.log(10)
    expected = [400 - np.log10(2), by_z, 310 - np.log10(3.2), -np.log10(5e-324)]
    np.testing.assert_allclose(table.neg_log_10_p_value, expected, rtol=1e-12)


def check_error(path, gwas: pd.DataFrame, code: Code) -> None:
    with pytest.raises(InputError) as error:
        read_ranking(path, gwas)
    assert (error.value.code, error.value.file) == (code, str(path))


def test_blank_lines_are_accepted(truth, tmp_path):
    path, gwas = tmp_path / "external.tsv", make_gwas(truth)
    write_ssf(path, truth)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], "", *lines[3:], ""]))
    assert len(read_ranking(path, gwas)[0]) == 600


def test_a_tenth_of_the_variants_is_enough(truth, tmp_path):
    path, gwas = tmp_path / "external.tsv", make_gwas(truth)
    write_ssf(path, truth.iloc[:59])
    check_error(path, gwas, Code.SUMSTATS_OVERLAP)
    write_ssf(path, truth.iloc[:60])
    assert len(read_ranking(path, gwas)[0]) == 60


def test_file_without_the_additive_test_is_refused(truth, tmp_path):
    path = tmp_path / "external.regenie"
    write_regenie(path, truth)
    path.write_text(path.read_text().replace(" ADD ", " DOM "))
    check_error(path, truth, Code.EMPTY_FILE)


def test_build_is_detected_by_markers_and_ends_of_chromosomes(truth, tmp_path):
    path = tmp_path / "external.tsv"
    for build, position in (("GRCh37", 169519049), ("GRCh38", 169549811)):
        marker = truth.iloc[[0]].assign(variant_id="rs6025", position=position)
        write_ssf(path, pd.concat([truth, marker]))
        external = read_external_sumstats(str(path), truth, MARKERS)
        check_external_build(external, MARKERS, build)
        check_external_build(external, MARKERS, "other")
        other = {"GRCh37": "GRCh38", "GRCh38": "GRCh37"}[build]
        with pytest.raises(InputError) as error:
            check_external_build(external, MARKERS, other)
        assert (error.value.code, error.value.variant) == (Code.SUMSTATS_BUILD, "rs6025")
    last = truth.iloc[[0]].assign(variant_id="last", position=249_000_000)  # beyond the end on 38
    write_ssf(path, pd.concat([last, truth]))
    with pytest.raises(InputError) as error:
        check_external_build(read_external_sumstats(str(path), truth, MARKERS), MARKERS, "GRCh38")
    assert (error.value.code, error.value.variant) == (Code.SUMSTATS_BUILD, "last")
    write_ssf(path, truth)
    check_external_build(read_external_sumstats(str(path), truth, MARKERS), MARKERS, "GRCh38")


def lose(table: pd.DataFrame, **columns: object) -> pd.DataFrame:
    """The statistics with these columns; the first 50 rows stay as they are."""
    return table.assign(
        **{
            name: table[name].where(np.arange(len(table)) < 50, values)
            for name, values in columns.items()
        }
    )


def far(frequency: float) -> float:
    """A frequency on the same side of 0.5 that differs by more than 0.2."""
    minor = min(frequency, 1 - frequency)
    other = 0.49 if minor < 0.27 else 0.01
    return other if frequency < 0.5 else 1 - other


LOSSES = {
    "chromosomes": (lambda t: lose(t, chromosome="NC_0000" + t.chromosome), "chromosomes", "Name"),
    "positions": (lambda t: lose(t, position=t.position + 7), "positions", "sumstats_build"),
    "alleles": (
        lambda t: lose(t, effect_allele="A", other_allele="B"),
        "other alleles in the file (A/G in the cohort, A/B in the file",
        "bases",
    ),
    "frequencies": (
        lambda t: lose(t, frequency=t.frequency.map(far)),
        "have a frequency",
        "ancestry",
    ),
    "p-values": (
        lambda t: lose(t, neg_log_10_p_value=np.nan),
        "of its 600 rows, 550 lack neg_log_10_p_value",
        "Fill in",
    ),
    "rows": (lambda t: t[:50], "has only 50 rows", "all variants of the study"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_the_largest_loss_is_named(loss: str, truth, tmp_path) -> None:
    change, what, remedy = LOSSES[loss]
    path, gwas = tmp_path / "external.tsv", make_gwas(truth)
    write_ssf(path, change(truth))
    with pytest.raises(InputError) as error:
        read_ranking(path, gwas)
    assert error.value.code == Code.SUMSTATS_OVERLAP
    assert "only 50 of the 600" in error.value.what or loss == "frequencies"
    assert what in error.value.what and remedy in error.value.remedy, str(error.value)


def test_palindromes_without_a_frequency_are_named(truth, tmp_path) -> None:
    truth = truth.assign(effect_allele="A", other_allele="T")
    path, gwas = tmp_path / "external.tsv", make_gwas(truth)
    write_ssf(path, truth.drop(columns="frequency"))
    with pytest.raises(InputError) as error:
        read_ranking(path, gwas)
    assert "600 are A/T or C/G variants without a frequency" in error.value.what
    assert "frequencies" in error.value.remedy


def test_harmonised_columns_are_used_on_their_build(truth, tmp_path) -> None:
    """The author's columns are on another build, with the other allele as effect allele."""
    path, gwas = tmp_path / "external.tsv", make_gwas(truth)
    harmonised = {
        "hm_chrom": truth.chromosome,
        "hm_pos": truth.position,
        "hm_effect_allele": truth.effect_allele,
        "hm_other_allele": truth.other_allele,
        "hm_beta": truth.beta,
        "hm_effect_allele_frequency": truth.frequency,
        "chromosome": truth.chromosome,
        "base_pair_location": truth.position + 3,
        "effect_allele": truth.other_allele,
        "other_allele": truth.effect_allele,
        "beta": -truth.beta,
        "standard_error": truth.standard_error,
        "p_value": 10**-truth.neg_log_10_p_value,
    }
    pd.DataFrame(harmonised).to_csv(path, sep="\t", index=False)
    ranking, _ = read_ranking(path, gwas)
    np.testing.assert_allclose(ranking.beta, truth.beta, atol=1e-9)
    assert not ranking.swapped.any()
    older = make_gwas(truth.assign(position=truth.position + 3))
    external = read_external_sumstats(str(path), older, MARKERS, "GRCh37")
    ranking, _ = harmonise(external, older)
    np.testing.assert_allclose(ranking.beta, truth.beta, atol=1e-9)
    assert ranking.swapped.all()


def test_chromosomes_written_as_decimal_numbers_are_read(truth, tmp_path) -> None:
    path, gwas = tmp_path / "external.tsv", make_gwas(truth)
    write_ssf(path, truth.assign(chromosome=truth.chromosome + ".0"))
    assert len(read_ranking(path, gwas)[0]) == 600


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.exp(np.linspace(-0.4, 0.5, 20)), True),
        (np.exp(np.linspace(-0.4, 0.5, 19)), False),  # too few to tell
        (np.linspace(-0.4, 0.5, 20), False),
        (np.linspace(0.01, 0.6, 20), False),  # weights of risk alleles
        (np.ones(20), False),  # counts risk alleles
    ],
)
def test_odds_ratios_are_recognised(values: np.ndarray, expected: bool) -> None:
    values = np.append(values, np.nan)
    parts = [EffectRange.of(pd.Series(part)) for part in (values[:7], values[7:], values[:0])]
    assert EffectRange.of(pd.Series(values)).are_odds_ratios is expected
    assert EffectRange.combine(parts).are_odds_ratios is expected
