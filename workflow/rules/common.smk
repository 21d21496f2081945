"""Names of the files that rules read: those of the user, and those that depend on a phenotype's settings."""

PHENOTYPES = list(SETTINGS)
EXTERNAL = [name for name in PHENOTYPES if SETTINGS[name]["external_cohort"]]  # whose cohort exists
GENERATED = [name for name in PHENOTYPES if name not in EXTERNAL]
COMPARISON = ["results/comparison.html"] if len(PHENOTYPES) > 1 else []
SPLITS = ["train", "validation", "test"]
SIMULATED = "results/cohort/simulated/"
CONVERTED = "results/cohort/plink/"
OURS = (SIMULATED, CONVERTED)
GENOTYPES = config["cohort"]["genotypes"].removesuffix(".bed")
PLINK2 = GENOTYPES.endswith(".pgen")  # converted before anything reads it
FILESETS = GENOTYPES
if PLINK2:
    FILESETS = CONVERTED + ("chr{chromosome}" if "{chromosome}" in GENOTYPES else "cohort")
CHROMOSOMES = expand_chromosomes(config["cohort"]["chromosomes"], config["cohort"]["build"])


wildcard_constraints:
    phenotype="|".join(PHENOTYPES),
    chromosome="|".join(CHROMOSOMES),
    chunk="[0-9]+",
    replicate=r"(\.[0-9]+)?",
    shadow="[0-9]+",
    fileset="cohort|chr[0-9]+",
    subject=r"[a-z_]+(\.[0-9]+)?",


def users(files):
    """Files that the configuration names, or none: as they stand, also under the prefix of a module."""
    if not files:
        return []
    if isinstance(files, str):
        return files if files.startswith(OURS) else local(files)
    return [users(file) for file in files]


def genotypes_of(chromosomes):
    """The .bed, .bim and .fam files that hold these chromosomes."""
    return users(files_of(FILESETS, chromosomes, ("bed", "bim", "fam")))


def files_of(pattern, chromosomes, endings):
    """The files of filesets at `pattern`, one or one a chromosome."""
    prefixes = sorted({pattern.replace("{chromosome}", name) for name in chromosomes})
    return [f"{prefix}.{ending}" for prefix in prefixes for ending in endings]


def genotype_pattern(wildcards, input):
    """The path of the PLINK 1 filesets, its {chromosome} left for the script to fill in."""
    made = next((folder for folder in OURS if FILESETS.startswith(folder)), None)
    prefix = input.genotypes[0].rpartition(made)[0] if made else ""  # that of a module
    return prefix + FILESETS


def pgen_files(chromosomes):
    """The user's .pgen, .pvar (or .pvar.zst) and .psam files that hold these chromosomes."""
    files = files_of(GENOTYPES.removesuffix(".pgen"), chromosomes, ("pgen", "pvar", "psam"))
    packed = [file for file in files if file.endswith(".pvar") and not Path(file).exists()]
    packed = [file for file in packed if Path(f"{file}.zst").exists()]
    return [f"{file}.zst" if file in packed else file for file in files]


def pgen_fileset(wildcards):
    """Those that a converted fileset is made of."""
    return users(pgen_files([wildcards.fileset.removeprefix("chr")]))


def first_psam(wildcards):
    """The list of people that all chromosomes must hold."""
    return users(pgen_files(CHROMOSOMES[:1])[2])


def multiallelic_variants(wildcards):
    """Ids of variants that were left out of the converted filesets, none where nothing is converted."""
    return files_of(FILESETS, CHROMOSOMES, ["multiallelic.txt"]) if PLINK2 else []


def all_genotypes(wildcards):
    return genotypes_of(CHROMOSOMES)


def chromosome_genotypes(wildcards):
    return genotypes_of([wildcards.chromosome])


def setting(path):
    """A params function: the value at "section/key" in the settings of the phenotype."""

    def of_phenotype(wildcards):
        value = SETTINGS[wildcards.phenotype]
        for key in path.split("/"):
            value = value[key]
        return value

    return of_phenotype


def settings_of(wildcards):
    """All settings of the phenotype, for the report and the model card."""
    return SETTINGS[wildcards.phenotype]


def phenotype_tables(wildcards):
    """The tables that hold the phenotype and its covariates."""
    table = SETTINGS[wildcards.phenotype]["phenotype"].get("table")
    tables = [table or config["cohort"]["table"], config["cohort"]["covariates"]]
    return users([table for table in tables if table])


def panel_file(key):
    """An input function: the file that the panel's setting `key` names, or none."""

    def of_phenotype(wildcards):
        return users(SETTINGS[wildcards.phenotype]["panel"][key])

    return of_phenotype


def from_external(name):
    """An input function: a file made of another study's summary statistics, where these are given."""

    def of_phenotype(wildcards):
        given = panel_file("sumstats")(wildcards)
        return f"results/{wildcards.phenotype}/panel/{name}" if given else []

    return of_phenotype


def external_cohort(wildcards):
    """The fileset made elsewhere that is to be judged, or none where the cohort is made here."""
    return external_cohort_files(wildcards.phenotype) if wildcards.phenotype in EXTERNAL else []


def external_cohort_files(phenotype):
    """Its .bed, .bim and .fam."""
    prefix = SETTINGS[phenotype]["external_cohort"].removesuffix(".bed")
    return users([f"{prefix}.{ending}" for ending in ("bed", "bim", "fam")])


def unless_external(*files):
    """An input function: files that exist only where the cohort is made here."""

    def of_phenotype(wildcards):
        if wildcards.phenotype in EXTERNAL:
            return []
        return expand(files, phenotype=wildcards.phenotype)

    return of_phenotype


def matched_variants(wildcards):
    """The variants that a cohort made elsewhere has, or none where it is made here."""
    of_given = "results/{phenotype}/panel/matched.tsv".format(phenotype=wildcards.phenotype)
    return of_given if wildcards.phenotype in EXTERNAL else []


def funnels(wildcards):
    """The funnels of people and variants, in the order of the report."""
    names = ["samples", "split", "variants", "panel"]
    if panel_file("sumstats")(wildcards):
        names.insert(3, "ranking")
    if wildcards.phenotype in EXTERNAL:
        names.insert(-1, "matched")
    own = expand("results/{phenotype}/funnel/{name}.tsv", phenotype=wildcards.phenotype, name=names)
    return ["results/cohort/funnel.tsv", *own]


def truth_table(wildcards):
    """The table of known causal variants, where the phenotype was simulated."""
    return users(SETTINGS[wildcards.phenotype]["phenotype"].get("causal"))


def scoring_files(wildcards):
    """Published scores to compare with."""
    return users(SETTINGS[wildcards.phenotype]["phenotype"].get("scoring_files"))


def user_files(wildcards):
    """Every file from outside that the results of a phenotype rest on."""
    cohort = [config["cohort"]["kinship"], config["cohort"]["info"]]
    named = [
        split_table,
        truth_table,
        panel_file("include"),
        panel_file("exclude"),
        panel_file("sumstats"),
    ]
    return [
        *all_genotypes(wildcards),
        *phenotype_tables(wildcards),
        *users([file for file in cohort if file]),
        *(file for file in (find(wildcards) for find in named) if file),
        *scoring_files(wildcards),
        *external_cohort(wildcards),
    ]


def kinship_table(wildcards):
    """The user's table, ours, or none where the split is given and the table is not."""
    given = config["cohort"]["kinship"]
    if given:
        return users(given)
    return [] if split_table(wildcards) else "results/cohort/kinship.tsv"


def gwas_chunks(pattern):
    """An input function: `pattern` for each chromosome's chunks, in the order of the genome."""

    def of_phenotype(wildcards):
        jobs = SETTINGS[wildcards.phenotype]["gwas"]["jobs"]
        chunks = [f"{name}.{number}" for name in CHROMOSOMES for number in range(1, jobs + 1)]
        return expand(pattern, phenotype=wildcards.phenotype, chunk=chunks)

    return of_phenotype


def loco_offsets(wildcards):
    """Polygenic offsets of the null models, or none."""
    wanted = SETTINGS[wildcards.phenotype]["gwas"]["loco"]
    return f"results/{wildcards.phenotype}/gwas/loco.npz" if wanted else []


def split_table(wildcards):
    """The user's own split, or none."""
    return users(SETTINGS[wildcards.phenotype]["split"]["file"])


def baselines(wildcards):
    """The baselines asked for; `cvae` draws from our own autoencoder, which a given cohort lacks."""
    names = SETTINGS[wildcards.phenotype]["baselines"]
    return [name for name in names if name != "cvae" or wildcards.phenotype not in EXTERNAL]


def replicate_seed(wildcards):
    """The seed of a replicate of the generator: the second has the seed plus one, and so on."""
    number = int(wildcards.replicate.removeprefix(".") or 1)
    return SETTINGS[wildcards.phenotype]["seed"] + number - 1


def dp_settings(wildcards):
    """What differential privacy is asked for, with the training that shares its budget."""
    settings = SETTINGS[wildcards.phenotype]
    promise = settings["differential_privacy"]
    return promise | {"diffusion": settings["diffusion"]} if promise["epsilon"] else promise


def figures(pattern):
    """An input function: `pattern` for each figure of the report, in its order."""

    def of_phenotype(wildcards):
        names = figure_names(with_model=wildcards.phenotype not in EXTERNAL)
        return expand(pattern, phenotype=wildcards.phenotype, figure=names)

    return of_phenotype


def check_files():
    """Refuse, before any job starts, a path in the configuration that leads nowhere."""
    cohort = config["cohort"]
    if cohort["genotypes"].endswith((".vcf", ".vcf.gz", ".bcf", ".bgen")):
        raise WorkflowError(
            f"{cohort['genotypes']} is not a PLINK fileset: convert it with plink2, as "
            "config/README.md shows, and correct cohort.genotypes in the configuration"
        )
    genotypes = pgen_files(CHROMOSOMES) if PLINK2 else genotypes_of(CHROMOSOMES)
    named = [("cohort.genotypes", file) for file in genotypes]
    named += [(f"cohort.{key}", cohort[key]) for key in ("table", "covariates", "kinship", "info")]
    for name, settings in SETTINGS.items():
        own = settings["phenotype"]
        if name in EXTERNAL:
            named += [(f"{name}: synthetic", file) for file in external_cohort_files(name)]
        named += [(f"{name}: {key}", own.get(key)) for key in ("table", "causal")]
        named += [(f"{name}: scoring_files", file) for file in own.get("scoring_files", [])]
        named += [(f"{name}: split.file", settings["split"]["file"])]
        named += [
            (f"{name}: panel.{key}", settings["panel"][key])
            for key in ("sumstats", "include", "exclude")
        ]
    for key, file in named:
        if file and not file.startswith(SIMULATED):
            check_file(key, file)


def check_writable():
    """Refuse, before any job starts, a folder that nothing can be written into."""
    for folder in (".", ".snakemake", "results", "logs", "benchmarks"):
        place = Path(folder).resolve()
        if place.exists() and not os.access(place, os.W_OK | os.X_OK):
            raise WorkflowError(
                f"{place} cannot be written: set its permissions, or run in a folder of your own "
                "with --directory"
            )


check_files()
check_writable()
