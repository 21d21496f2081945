"""What a run will take and yield, told before it begins: results/{phenotype}/check.txt."""


rule check_inputs:
    input:
        genotypes=all_genotypes,
        kinship=users(config["cohort"]["kinship"]),
        info=users(config["cohort"]["info"]),
        tables=phenotype_tables,
        split=split_table,
        include=panel_file("include"),
        exclude=panel_file("exclude"),
        external=panel_file("sumstats"),
        scoring_files=scoring_files,
        causal=truth_table,
        given=external_cohort,
        markers=workflow.source_path("../../resources/build_markers.tsv"),
    output:
        plan="results/{phenotype}/check.txt",
    log:
        "logs/check_inputs/{phenotype}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory("check_inputs"),
        runtime=minutes("check_inputs"),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
        build=config["cohort"]["build"],
        settings=settings_of,
        largest_job=largest_job,
    script:
        "../scripts/check_inputs.py"
