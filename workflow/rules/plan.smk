"""What a run will take and yield, told before it begins: results/{phenotype}/plan.txt."""


rule plan_run:
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
        plan="results/{phenotype}/plan.txt",
    log:
        "logs/plan_run/{phenotype}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory("plan_run"),
        runtime=minutes("plan_run"),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
        build=config["cohort"]["build"],
        settings=settings_of,
        largest_job=largest_job,
    script:
        "../scripts/plan_run.py"
