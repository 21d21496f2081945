"""Check all input without running the workflow, and summarise it: results/{phenotype}/check.txt."""


rule check_inputs:
    input:
        genotypes=all_genotypes,
        exclude_samples=unprefixed(config["cohort"]["exclude_samples"]),
        kinship=unprefixed(config["cohort"]["kinship"]),
        info=info_tables,
        tables=phenotype_tables,
        split=split_table,
        include=panel_file("include"),
        exclude=panel_file("exclude"),
        sumstats=panel_file("sumstats"),
        scoring_files=scoring_files,
        causal=causal_table,
        external_cohort=external_cohort,
        earlier=earlier_releases,
        markers=workflow.source_path("../../resources/build_markers.tsv"),
    output:
        summary="results/{phenotype}/check.txt",
        forecast="results/{phenotype}/check.json",
    log:
        "logs/check_inputs/{phenotype}.log",
    conda:
        "../../environment.yml"
    resources:
        **requests("check_inputs"),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
        build=config["cohort"]["build"],
        settings=settings_of,
        min_cell=min_cell_of,
        largest_job=largest_job,
        max_forecast_auc=panel_limit,
    script:
        "../scripts/check_inputs.py"


rule check_joint:
    input:
        forecasts=expand("results/{phenotype}/check.json", phenotype=GENERATED),
    output:
        summary="results/cohort/check.txt",
    log:
        "logs/check_joint.log",
    conda:
        "../../environment.yml"
    resources:
        **requests("check_joint"),
    params:
        phenotypes=GENERATED,
    script:
        "../scripts/check_joint.py"


rule check:
    input:
        expand("results/{phenotype}/check.txt", phenotype=PHENOTYPES),
        ["results/cohort/check.txt"] if JOINT else [],
    log:
        "logs/check.log",
    localrule: True
    conda:
        "../../environment.yml"
    shell:
        "cat {input:q} | tee {log:q}"
