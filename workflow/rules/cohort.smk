"""Quality control, phenotypes, kinship, split and principal components: results/cohort; results/{phenotype}/split.tsv."""


rule simulate_cohort:
    input:
        long_range_ld=workflow.source_path("../../resources/long_range_ld.tsv"),
    output:
        bed="results/cohort/simulated/cohort.bed",
        bim="results/cohort/simulated/cohort.bim",
        fam="results/cohort/simulated/cohort.fam",
        phenotypes="results/cohort/simulated/phenotypes.tsv",
        causal="results/cohort/simulated/causal.tsv",
    log:
        "logs/simulate_cohort.log",
    benchmark:
        "benchmarks/simulate_cohort.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        **requests("simulate_cohort"),
    params:
        simulation=config["simulation"],
        chromosomes=CHROMOSOMES,
        seed=config["seed"],
    script:
        "../scripts/simulate_cohort.py"


rule convert_genotypes:
    input:
        fileset=pgen_fileset,
        first=first_psam,
    output:
        bed="results/cohort/plink/{fileset}.bed",
        bim="results/cohort/plink/{fileset}.bim",
        fam="results/cohort/plink/{fileset}.fam",
        multiallelic="results/cohort/plink/{fileset}.multiallelic.txt",
    log:
        "logs/convert_genotypes/{fileset}.log",
    benchmark:
        "benchmarks/convert_genotypes/{fileset}.tsv"
    conda:
        "../../environment.yml"
    resources:
        **requests("convert_genotypes"),
    script:
        "../scripts/convert_genotypes.py"


rule check_cohort:
    input:
        genotypes=all_genotypes,
        multiallelic=multiallelic_variants,
        exclude=unprefixed(config["cohort"]["exclude_samples"]),
        kinship=unprefixed(config["cohort"]["kinship"]),
        info=info_tables,
        markers=workflow.source_path("../../resources/build_markers.tsv"),
    output:
        samples="results/cohort/samples.tsv",
        funnel="results/cohort/funnel.tsv",
    log:
        "logs/check_cohort.log",
    benchmark:
        "benchmarks/check_cohort.tsv"
    conda:
        "../../environment.yml"
    threads: up_to(2)
    resources:
        **requests("check_cohort"),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
        build=config["cohort"]["build"],
        min_sample_call_rate=config["cohort"]["min_sample_call_rate"],
    script:
        "../scripts/check_cohort.py"


rule check_phenotype:
    input:
        samples="results/cohort/samples.tsv",
        tables=phenotype_tables,
    output:
        samples="results/{phenotype}/samples.tsv",
        funnel="results/{phenotype}/funnel/samples.tsv",
    log:
        "logs/check_phenotype/{phenotype}.log",
    benchmark:
        "benchmarks/check_phenotype/{phenotype}.tsv"
    priority: 1
    conda:
        "../../environment.yml"
    resources:
        **requests("check_phenotype"),
    params:
        phenotype=setting("phenotype"),
        conditions=setting("conditions"),
        min_matched=config["cohort"]["min_matched"],
    script:
        "../scripts/check_phenotype.py"


rule estimate_kinship:
    input:
        genotypes=all_genotypes,
        samples="results/cohort/samples.tsv",
    output:
        kinship="results/cohort/kinship.tsv",
        summary="results/cohort/kinship.json",
    log:
        "logs/estimate_kinship.log",
    benchmark:
        "benchmarks/estimate_kinship.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        **requests("estimate_kinship"),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
        kinship=config["kinship"],
        seed=config["seed"],
    script:
        "../scripts/estimate_kinship.py"


rule split_cohort:
    input:
        samples="results/cohort/samples.tsv",
        phenotypes=expand("results/{phenotype}/samples.tsv", phenotype=PHENOTYPES),
        kinship=kinship_table,
        kinship_summary=kinship_summary,
        split=split_table,
    output:
        split="results/cohort/split.tsv",
        keep=expand("results/cohort/keep/{split}.txt", split=SPLITS),
        summary="results/cohort/split.json",
        funnel="results/cohort/split_funnel.tsv",
    log:
        "logs/split_cohort.log",
    benchmark:
        "benchmarks/split_cohort.tsv"
    conda:
        "../../environment.yml"
    resources:
        **requests("split_cohort"),
    params:
        split=config["split"],
        seed=config["seed"],
        min_matched=config["cohort"]["min_matched"],
    script:
        "../scripts/split_cohort.py"


rule share_frequencies:
    input:
        phenotypes=expand("results/{phenotype}/samples.tsv", phenotype=PHENOTYPES),
        split="results/cohort/split.tsv",
    output:
        frequencies=expand("results/{phenotype}/keep/frequencies.txt", phenotype=PHENOTYPES),
    log:
        "logs/share_frequencies.log",
    benchmark:
        "benchmarks/share_frequencies.tsv"
    conda:
        "../../environment.yml"
    resources:
        **requests("share_frequencies"),
    params:
        phenotypes=PHENOTYPES,
        include=inclusion_criteria(),
    script:
        "../scripts/share_frequencies.py"


rule apply_split:
    input:
        samples="results/{phenotype}/samples.tsv",
        split="results/cohort/split.tsv",
        families="results/cohort/split.json",
        kinship=kinship_table,
        # Not read. A phenotype with wrong settings of the panel or a wrong external cohort stops before the GWAS.
        lists=ancient("results/{phenotype}/panel/lists.tsv"),
    output:
        split="results/{phenotype}/split.tsv",
        keep=expand("results/{{phenotype}}/keep/{split}.txt", split=SPLITS),
        covariates="results/{phenotype}/covariates.tsv",
        summary="results/{phenotype}/split.json",
        funnel="results/{phenotype}/funnel/split.tsv",
    log:
        "logs/apply_split/{phenotype}.log",
    benchmark:
        "benchmarks/apply_split/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    resources:
        **requests("apply_split"),
    params:
        phenotype=setting("phenotype"),
        split_file=config["split"]["file"],
        min_cell=min_cell_of,
    script:
        "../scripts/apply_split.py"


rule compute_pcs:
    input:
        genotypes=all_genotypes,
        split="results/cohort/split.tsv",
        long_range_ld=workflow.source_path("../../resources/long_range_ld.tsv"),
    output:
        scores="results/cohort/pcs/scores.tsv",
        loadings="results/cohort/pcs/loadings.tsv",
        eigenvalues="results/cohort/pcs/eigenvalues.tsv",
    log:
        "logs/compute_pcs.log",
    benchmark:
        "benchmarks/compute_pcs.tsv"
    conda:
        "../../environment.yml"
    threads: 1  # most time is spent in matrix products, which use one thread
    resources:
        **requests("compute_pcs"),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
        build=config["cohort"]["build"],
        pcs=config["pcs"],
        min_call_rate=config["gwas"]["min_call_rate"],
        seed=config["seed"],
    script:
        "../scripts/compute_pcs.py"
