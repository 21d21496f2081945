"""Configuration and the few functions that rules ask for paths, settings and resources."""

import os
import shlex
import sys
from difflib import get_close_matches
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from snakemake.exceptions import WorkflowError


def find_library():
    """The folder of the library, whose files are fetched where the workflow is in a repository elsewhere."""
    rules_folder = workflow.current_basedir
    if isinstance(rules_folder, os.PathLike):
        return Path(rules_folder).parent / "scripts"
    modules = Path(workflow.source_path("../scripts/snpgen/modules.txt"))
    for name in modules.read_text().split():
        workflow.source_path(f"../scripts/snpgen/{name}")
    return modules.parents[1]


sys.path.insert(0, str(find_library()))
from snpgen.files import find_fault

N_AUTOSOMES = 22  # of people
SECRET_SEED = 10**12  # a smaller one is soon guessed
SAME_BUILDS = {"hg19": "GRCh37", "b37": "GRCh37", "hg38": "GRCh38", "b38": "GRCh38"}


def did_you_mean(value, known):
    """A hint at the known word that is nearest to `value`, if one is near."""
    lower = {str(word).lower(): word for word in known}
    near = get_close_matches(str(value).lower(), list(lower), n=1)
    word = SAME_BUILDS.get(str(value).lower()) or (lower[near[0]] if near else None)
    return f", did you mean '{word}'?" if word in known else ""


def explain(error):
    """What the schema holds against a setting, in a few words."""
    value = error.instance
    if error.validator == "additionalProperties":
        key = unknown_keys(error)[0]
        return f"unknown key '{key}'{did_you_mean(key, error.schema['properties'])}"
    if error.validator == "enum":
        return f"{error.message}{did_you_mean(value, error.validator_value)}"
    if error.validator == "pattern":
        return f"{error.message}: {error.schema.get('description', 'correct it')}"
    if error.validator == "type":
        return f"{error.message}{hint_at_type(value, error.validator_value)}"
    if "aximum" in error.validator and error.validator_value == 1 and 2 <= value <= 100:
        return f"{error.message}: write {value / 100:g} for {value:g} %"
    return error.message


def unknown_keys(error):
    """Those that the schema does not know, if this is the error."""
    if error.validator != "additionalProperties":
        return []
    return [key for key in error.instance if key not in error.schema["properties"]]


def hint_at_type(value, wanted):
    """What to write in the place of `value` where the schema asks for the type `wanted`, or nothing."""
    if "number" in wanted and is_number(value):
        return ": YAML takes numbers like 5.0e-8, with a point, and shares like 0.7"
    if "string" in wanted and isinstance(value, (bool, int, float)):
        return ": put it in quotes"
    hints = {
        "array": f": write a list, as [{value}]",
        "object": ": indent its keys below it",
        "boolean": ": write true or false",
    }
    return hints.get(wanted, "") if isinstance(wanted, str) else ""


def is_number(text):
    """Whether a text is a number, or a percentage, for everybody but YAML."""
    try:
        float(str(text).rstrip("% "))
    except ValueError:
        return False
    return True


def load_yaml(file):
    """The settings in a file; a fault in it is told in one sentence."""
    try:
        settings = yaml.load(Path(file).read_text(encoding="utf-8-sig"), StrictLoader)
    except UnicodeDecodeError:
        raise WorkflowError(f"{file} is not UTF-8 text: save it as UTF-8")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or "it is not YAML"
        if not isinstance(error, yaml.constructor.ConstructorError):
            what = f"{what}: indent with spaces, and write 'key: value'"
        raise WorkflowError(f"{file}{where}: {what}")
    if not isinstance(settings, dict):
        raise WorkflowError(f"{file} holds no settings: write 'key: value' lines")
    return settings


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would take the last."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"{name} stands twice: take one out", problem_mark=key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep)


def find_file(keys):
    """The file of settings that the value at `keys` is from: the last that has it, or all of them."""
    over = workflow.overwrite_configfiles  # those of the command line, which Snakemake lists first
    files = sorted(workflow.configfiles, key=lambda file: file in over)
    laid = {str(file): load_yaml(file) for file in files}
    laid["--config"] = workflow.config_settings.config
    having = [file for file, settings in laid.items() if has(settings, keys)]
    return having[-1] if having else ", ".join(map(str, files)) or "the configuration"


def has(settings, keys):
    """Whether there is a value at these keys, one inside the other."""
    try:
        for key in keys:
            settings = settings[key]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def check_against_schema(settings, schema, file=None):
    """Refuse settings, of `file` or of the configuration, that the schema does not allow, in one sentence."""
    schema = yaml.safe_load(Path(workflow.source_path(schema)).read_text())
    error = best_match(Draft202012Validator(schema).iter_errors(settings))
    if error:
        where = ".".join(map(str, error.absolute_path)) or "top level"
        file = file or find_file([*error.absolute_path, *unknown_keys(error)[:1]])
        raise WorkflowError(f"{file}, {where}: {explain(error)} (see config/README.md)")


def check_relations(settings, own, file):
    """Refuse, in one sentence, what a schema cannot say: relations between settings."""
    split = settings["split"]
    shares = [split["train"], split["validation"], split["test"]]
    names = [Path(other).stem for other in config["phenotypes"]]
    unknown = sorted(set(own.get("categorical", [])) - set(own.get("covariates", [])))
    panel, build = settings["panel"], settings["cohort"]["build"]
    coding, threshold, classes = own["coding"], "threshold" in own, "classes" in own
    private = settings["differential_privacy"]["epsilon"] is not None
    column = {own["column"]} & set(own.get("covariates", []))
    reserved = {"FID", "IID", "phenotype", "split", "value", "class", "sex_code", "group"}
    ours = sorted(reserved & set(own.get("covariates", [])))
    wrong = {
        f"split: train, validation and test sum to {sum(shares):g}, not to 1": (
            abs(sum(shares) - 1) > 1e-6
        ),
        f"categorical: {', '.join(unknown)} must stand among the covariates, too": unknown,
        f"covariates: {own['column']} is the phenotype itself: leave it out": column,
        f"covariates: {', '.join(ours)} is a name of SNPgen's own: rename the column": ours,
        "coding: quantitative needs a threshold, the value from which a person counts as a case": (
            coding == "quantitative" and not threshold
        ),
        "threshold: it goes with coding quantitative alone: leave it out, or correct coding": (
            threshold and coding != "quantitative"
        ),
        "coding: classes needs classes, a list of their names with the reference first": (
            coding == "classes" and not classes
        ),
        "classes: they go with coding classes alone: leave them out, or correct coding": (
            classes and coding != "classes"
        ),
        f"panel: sumstats are on {panel['sumstats_build']} and the cohort is on {build}: lift the "
        "file over to the cohort's build": (panel["sumstats"] and panel["sumstats_build"] != build),
        "calibration: noise goes not with differential_privacy, which puts its own: write null": (
            private and settings["calibration"]["noise"] is not None
        ),
        "seed: with differential_privacy it keeps the noise secret: take one that nobody guesses, "
        "such as python -c 'import secrets; print(secrets.randbits(62))' prints": (
            private and settings["seed"] < SECRET_SEED
        ),
        "its name is that of another phenotype: rename the file": (
            names.count(Path(file).stem) > 1
        ),
    }
    for sentence, is_wrong in wrong.items():
        if is_wrong:
            section = sentence.partition(":")[0]
            shared = section in config and section not in own
            raise WorkflowError(f"{find_file([section]) if shared else file}, {sentence}")


def merge(shared, own):
    """`shared` with the keys of `own` put over it, mapping by mapping."""
    both = isinstance(shared, dict) and isinstance(own, dict)
    return (
        {key: merge(shared.get(key), own.get(key, shared.get(key))) for key in shared | own}
        if both
        else own
    )


def check_file(key, file):
    """Refuse a file, which `key` of the configuration names, that cannot be read."""
    fault = find_fault(file)
    if fault:
        astray = fault == "does not exist" and not Path(file).is_absolute()
        where = f" (looked for in {Path.cwd()}, where snakemake runs)" if astray else ""
        raise WorkflowError(f"{file} {fault}: correct {key} in the configuration{where}")


def expand_chromosomes(text, build):
    """Chromosome names of "1-22", "1,3,5-7"; X, Y and MT (23 and on) of people are refused."""
    names = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        first, last = int(first), int(last or first)
        if first > last:
            raise WorkflowError(f"cohort.chromosomes: {part} runs backwards: write {last}-{first}")
        names += map(str, range(first, last + 1))
    numbers = [int(name) for name in names]
    other = [number for number in numbers if number < 1 or number > N_AUTOSOMES]
    if other and (build != "other" or 0 in other):
        raise WorkflowError(
            f"cohort.chromosomes: {other[0]} is not an autosome: SNPgen takes 1 to {N_AUTOSOMES}"
        )
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise WorkflowError(f"cohort.chromosomes: {twice[0]} stands twice: take it out once")
    return names


def load_phenotype(file):
    """The shared settings with those of one phenotype's file over them."""
    check_file("phenotypes", file)
    own = load_yaml(file)
    check_against_schema(own, "../schemas/phenotype.schema.yaml", file)
    shared = {key: value for key, value in config.items() if key != "phenotypes"}
    settings = merge(shared, {key: own[key] for key in own if key in shared})
    check_against_schema(settings | {"phenotypes": [file]}, "../schemas/config.schema.yaml", file)
    check_relations(settings, own, file)
    alone = {key: own[key] for key in own if key not in shared}  # overrides rerun their own rules
    return settings | {"phenotype": alone}


def commands():
    """The command that makes the results anew from the same configuration, for the report."""
    here = Path.cwd()
    files = map(Path, workflow.overwrite_configfiles)  # laid over config.yaml, which goes unnamed
    files = [file.relative_to(here) if file.is_relative_to(here) else file for file in files]
    settings = {
        key: yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()
        for key, value in workflow.config_settings.config.items()
    }
    words = ["snakemake", "--cores", "all"]
    words += ["--configfile", *map(str, files)] if files else []
    words += (
        ["--config", *(f"{key}={value}" for key, value in settings.items())] if settings else []
    )
    return [shlex.join(words)]


check_against_schema(config, "../schemas/config.schema.yaml")
for file in workflow.configfiles:
    load_yaml(file)  # whether a key stands twice
SETTINGS = {Path(file).stem: load_phenotype(file) for file in config["phenotypes"]}
PHENOTYPES = list(SETTINGS)
GIVEN = [name for name in PHENOTYPES if SETTINGS[name]["synthetic"]]  # whose cohort exists
MADE = [name for name in PHENOTYPES if name not in GIVEN]
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


def from_outside(name):
    """An input function: a file made of another study's summary statistics, where these are given."""

    def of_phenotype(wildcards):
        given = panel_file("sumstats")(wildcards)
        return f"results/{wildcards.phenotype}/panel/{name}" if given else []

    return of_phenotype


def given_cohort(wildcards):
    """The fileset made elsewhere that is to be judged, or none where the cohort is made here."""
    return given_files(wildcards.phenotype) if wildcards.phenotype in GIVEN else []


def given_files(phenotype):
    """Its .bed, .bim and .fam."""
    prefix = SETTINGS[phenotype]["synthetic"].removesuffix(".bed")
    return users([f"{prefix}.{ending}" for ending in ("bed", "bim", "fam")])


def unless_given(*files):
    """An input function: files that exist only where the cohort is made here."""

    def of_phenotype(wildcards):
        if wildcards.phenotype in GIVEN:
            return []
        return expand(files, phenotype=wildcards.phenotype)

    return of_phenotype


def matched_variants(wildcards):
    """The variants that a cohort made elsewhere has, or none where it is made here."""
    of_given = "results/{phenotype}/panel/matched.tsv".format(phenotype=wildcards.phenotype)
    return of_given if wildcards.phenotype in GIVEN else []


def funnels(wildcards):
    """The funnels of people and variants, in the order of the report."""
    names = ["people", "split", "variants", "panel"]
    if panel_file("sumstats")(wildcards):
        names.insert(3, "ranking")
    if wildcards.phenotype in GIVEN:
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
        *given_cohort(wildcards),
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
    return [name for name in names if name != "cvae" or wildcards.phenotype not in GIVEN]


def replicate_seed(wildcards):
    """The seed of a replicate of the generator: the second has the seed plus one, and so on."""
    number = int(wildcards.replicate.removeprefix(".") or 1)
    return SETTINGS[wildcards.phenotype]["seed"] + number - 1


def privacy_promise(wildcards):
    """What differential privacy is asked for, with the training that shares its budget."""
    settings = SETTINGS[wildcards.phenotype]
    promise = settings["differential_privacy"]
    return promise | {"diffusion": settings["diffusion"]} if promise["epsilon"] else promise


def subjects(wildcards):
    """Every synthetic cohort that is judged, the one that the report is about first."""
    if wildcards.phenotype in GIVEN:
        return ["given", *baselines(wildcards)]
    count = SETTINGS[wildcards.phenotype]["evaluation"]["replicates"]
    replicates = [f"snpgen.{number}" for number in range(2, count + 1)]
    return ["snpgen", "snpgen_balanced", "reconstruction", *baselines(wildcards), *replicates]


def main_of(phenotype):
    return "given" if phenotype in GIVEN else "snpgen"


def main_subject(wildcards):
    """The synthetic cohort that the report is about."""
    return main_of(wildcards.phenotype)


def main_subjects(wildcards):
    """Those of all phenotypes."""
    return [main_of(phenotype) for phenotype in PHENOTYPES]


def main_samples(wildcards):
    """The .fam of that cohort."""
    return f"results/{wildcards.phenotype}/synthetic/{main_subject(wildcards)}.fam"


def main_bed(wildcards):
    """The .bed of that cohort."""
    return f"results/{wildcards.phenotype}/synthetic/{main_subject(wildcards)}.bed"


def main_curves(wildcards):
    """ROC curves of the attacks on that cohort, and on the controls."""
    folder = f"results/{wildcards.phenotype}/evaluation"
    return [f"{folder}/privacy/{main_subject(wildcards)}.roc.tsv", f"{folder}/controls.roc.tsv"]


def figures(pattern):
    """An input function: `pattern` for each figure of the report, in its order."""

    def of_phenotype(wildcards):
        names = FIGURES if wildcards.phenotype in GIVEN else FIGURES + GENERATOR_FIGURES
        return expand(pattern, phenotype=wildcards.phenotype, figure=names)

    return of_phenotype


def synthetic_beds(wildcards):
    return expand(
        "results/{phenotype}/synthetic/{subject}.bed",
        phenotype=wildcards.phenotype,
        subject=subjects(wildcards),
    )


def shadow_losses(wildcards):
    """Losses of the shadow models, none unless the configuration asks for some."""
    if wildcards.phenotype in GIVEN:
        return []
    models = SETTINGS[wildcards.phenotype]["evaluation"]["shadow_models"]
    return expand(
        "results/{phenotype}/private/shadow/{shadow}.tsv",
        phenotype=wildcards.phenotype,
        shadow=range(1, models + 1),
    )


def audits(wildcards):
    """Privacy metrics of each synthetic cohort."""
    return expand(
        "results/{phenotype}/evaluation/privacy/{subject}.tsv",
        phenotype=wildcards.phenotype,
        subject=subjects(wildcards),
    )


def losses_of_subject(wildcards):
    """Losses on real people: the model that is attacked by them is that of the main cohort."""
    of_main = wildcards.subject == main_subject(wildcards)
    return unless_given("results/{phenotype}/private/losses.tsv")(wildcards) if of_main else []


def shadows_of_subject(wildcards):
    """Those of the shadow models, for the main cohort."""
    return shadow_losses(wildcards) if wildcards.subject == main_subject(wildcards) else []


def cost_benchmarks(wildcards):
    """Benchmark files of the rules whose cost the report shows."""
    phenotype = wildcards.phenotype
    if phenotype in GIVEN:
        return []
    cohorts = ["snpgen", "snpgen_balanced", "reconstruction"]
    return [
        *gwas_chunks("benchmarks/run_gwas/{phenotype}.{chunk}.tsv")(wildcards),
        f"benchmarks/train_vae/{phenotype}.tsv",
        f"benchmarks/train_diffusion/{phenotype}.tsv",
        f"benchmarks/calibrate_guidance/{phenotype}.tsv",
        *expand(
            "benchmarks/sample_cohort/{phenotype}.{name}.tsv", phenotype=phenotype, name=cohorts
        ),
    ]


def megabytes(files):
    """What `input.size_mb` gives, without its price: it starts an event loop for every job."""
    if isinstance(files, Planned):
        return files.megabytes
    return sum(Path(file).stat().st_size for file in files) / 2**20


class Planned(list):
    """In the place of input files that are not there yet and will have these `megabytes` together."""

    def __init__(self, megabytes):
        super().__init__()
        self.megabytes = megabytes


def simulated_megabytes():
    """Genotypes of the simulated cohort, a byte each."""
    return config["simulation"]["samples"] * config["simulation"]["variants"] / 1e6


def memory(fixed, per_input, per_snp=0):
    """A mem_mb function: MB, those for each MB read and for each SNP of the panel, more at each attempt."""

    def mem_mb(wildcards, input, attempt):
        for_panel = per_snp and per_snp * SETTINGS[wildcards.phenotype]["panel"]["size"]
        for_input = per_input and per_input * megabytes(input)
        return int((fixed + for_panel + for_input) * attempt)

    return mem_mb


def minutes(fixed, per_gigabyte):
    """A runtime function: `fixed` minutes plus `per_gigabyte` for each GB read, more at each attempt."""

    def runtime(wildcards, input, attempt):
        return int((fixed + (per_gigabyte and per_gigabyte * megabytes(input) / 1000)) * attempt)

    return runtime


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
        if name in GIVEN:
            named += [(f"{name}: synthetic", file) for file in given_files(name)]
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
