"""GWAS on the training people and the panel: results/{phenotype}/pcs, gwas and panel."""


rule compute_pcs:
    input:
        genotypes=all_genotypes,
        split="results/{phenotype}/split.tsv",
        long_range_ld=workflow.source_path("../../resources/long_range_ld.tsv"),
    output:
        scores="results/{phenotype}/pcs/scores.tsv",
        loadings="results/{phenotype}/pcs/loadings.tsv",
        eigenvalues="results/{phenotype}/pcs/eigenvalues.tsv",
    log:
        "logs/compute_pcs/{phenotype}.log",
    benchmark:
        "benchmarks/compute_pcs/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    threads: 1  # BLAS rounds differently with each number of threads
    resources:
        mem_mb=memory(2000, 1),
        runtime=minutes(20, 10),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
        build=config["cohort"]["build"],
        pcs=setting("pcs"),
        seed=setting("seed"),
    script:
        "../scripts/compute_pcs.py"


rule fit_null_model:
    input:
        split="results/{phenotype}/split.tsv",
        covariates="results/{phenotype}/covariates.tsv",
        scores="results/{phenotype}/pcs/scores.tsv",
    output:
        null_model="results/{phenotype}/gwas/null_model.npz",
        coefficients="results/{phenotype}/gwas/null_model.tsv",
    log:
        "logs/fit_null_model/{phenotype}.log",
    benchmark:
        "benchmarks/fit_null_model/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory(1000, 20),
        runtime=10,
    script:
        "../scripts/fit_null_model.py"


rule run_gwas:
    input:
        genotypes=chromosome_genotypes,
        null_model="results/{phenotype}/gwas/null_model.npz",
    output:
        sumstats=temp("results/{phenotype}/gwas/chromosomes/{chromosome}.tsv.gz"),
        funnel=temp("results/{phenotype}/gwas/chromosomes/{chromosome}.funnel.tsv"),
    log:
        "logs/run_gwas/{phenotype}.{chromosome}.log",
    benchmark:
        "benchmarks/run_gwas/{phenotype}.{chromosome}.tsv"
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory(3000, 0.1),
        runtime=minutes(20, 60),
    params:
        genotypes=genotype_pattern,
        gwas=setting("gwas"),
    script:
        "../scripts/run_gwas.py"


rule merge_gwas:
    input:
        sumstats=expand(
            "results/{{phenotype}}/gwas/chromosomes/{chromosome}.tsv.gz", chromosome=CHROMOSOMES
        ),
        funnels=expand(
            "results/{{phenotype}}/gwas/chromosomes/{chromosome}.funnel.tsv",
            chromosome=CHROMOSOMES,
        ),
        null_model="results/{phenotype}/gwas/null_model.npz",
    output:
        sumstats="results/{phenotype}/gwas/sumstats.tsv.gz",
        metadata="results/{phenotype}/gwas/sumstats.tsv.gz-meta.yaml",
        summary="results/{phenotype}/gwas/summary.json",
        funnel="results/{phenotype}/funnel/variants.tsv",
    log:
        "logs/merge_gwas/{phenotype}.log",
    benchmark:
        "benchmarks/merge_gwas/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory(1000, 20),
        runtime=20,
    params:
        build=config["cohort"]["build"],
    script:
        "../scripts/merge_gwas.py"


rule select_panel:
    input:
        genotypes=all_genotypes,
        split="results/{phenotype}/split.tsv",
        sumstats="results/{phenotype}/gwas/sumstats.tsv.gz",
    output:
        variants="results/{phenotype}/panel/variants.tsv",
        funnel="results/{phenotype}/funnel/panel.tsv",
    log:
        "logs/select_panel/{phenotype}.log",
    benchmark:
        "benchmarks/select_panel/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=memory(2000, 0.1),
        runtime=minutes(20, 5),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
        panel=setting("panel"),
    script:
        "../scripts/select_panel.py"


rule extract_panel:
    input:
        genotypes=all_genotypes,
        split="results/{phenotype}/split.tsv",
        variants="results/{phenotype}/panel/variants.tsv",
    output:
        genotypes="results/{phenotype}/panel/genotypes.npz",
    log:
        "logs/extract_panel/{phenotype}.log",
    benchmark:
        "benchmarks/extract_panel/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=memory(4000, 0.1),
        runtime=minutes(10, 1),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
    script:
        "../scripts/extract_panel.py"
