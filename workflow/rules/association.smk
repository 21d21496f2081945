"""GWAS of the training set and panel: results/{phenotype}/gwas and panel."""


rule check_panel:
    input:
        genotypes=all_genotypes,
        include=panel_file("include"),
        exclude=panel_file("exclude"),
        external=panel_file("sumstats"),
        matched=matched_variants,  # not read
        markers=workflow.source_path("../../resources/build_markers.tsv"),
    output:
        lists="results/{phenotype}/panel/lists.tsv",
    log:
        "logs/check_panel/{phenotype}.log",
    benchmark:
        "benchmarks/check_panel/{phenotype}.tsv"
    priority: 1
    conda:
        "../../environment.yml"
    resources:
        **requests("check_panel"),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
        panel=setting("panel"),
    script:
        "../scripts/check_panel.py"


rule fit_null_model:
    input:
        split="results/{phenotype}/split.tsv",
        covariates="results/{phenotype}/covariates.tsv",
        scores="results/cohort/pcs/scores.tsv",
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
        **requests("fit_null_model"),
    script:
        "../scripts/fit_null_model.py"


rule fit_loco:
    input:
        genotypes=all_genotypes,
        null_model="results/{phenotype}/gwas/null_model.npz",
        loadings="results/cohort/pcs/loadings.tsv",
    output:
        loco="results/{phenotype}/gwas/loco.npz",
    log:
        "logs/fit_loco/{phenotype}.log",
    benchmark:
        "benchmarks/fit_loco/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    threads: 1  # most time is spent in matrix products, which use one thread
    resources:
        **requests("fit_loco"),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
        seed=setting("seed"),
    script:
        "../scripts/fit_loco.py"


rule run_gwas:
    input:
        genotypes=chromosome_genotypes,
        null_model="results/{phenotype}/gwas/null_model.npz",
        loco=loco_offsets,
        split="results/{phenotype}/split.tsv",
        info=info_tables,
    output:
        sumstats=temp("results/{phenotype}/gwas/chunks/{chromosome}.{chunk}.tsv.gz"),
        funnel=temp("results/{phenotype}/gwas/chunks/{chromosome}.{chunk}.funnel.tsv"),
    log:
        "logs/run_gwas/{phenotype}.{chromosome}.{chunk}.log",
    benchmark:
        "benchmarks/run_gwas/{phenotype}.{chromosome}.{chunk}.tsv"
    conda:
        "../../environment.yml"
    threads: 1  # the jobs of all chromosomes can run at the same time
    resources:
        **requests("run_gwas"),
    params:
        genotypes=genotype_pattern,
        gwas=setting("gwas"),
        phenotype=setting("phenotype"),
    script:
        "../scripts/run_gwas.py"


rule merge_gwas:
    input:
        sumstats=gwas_chunks("results/{phenotype}/gwas/chunks/{chunk}.tsv.gz"),
        funnels=gwas_chunks("results/{phenotype}/gwas/chunks/{chunk}.funnel.tsv"),
        null_model="results/{phenotype}/gwas/null_model.npz",
        loadings="results/cohort/pcs/loadings.tsv",
        split="results/{phenotype}/split.json",
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
        **requests("merge_gwas"),
    params:
        build=config["cohort"]["build"],
        loco=setting("gwas/loco"),
    script:
        "../scripts/merge_gwas.py"


rule harmonise_sumstats:
    input:
        sumstats="results/{phenotype}/gwas/sumstats.tsv.gz",
        external=panel_file("sumstats"),
        markers=workflow.source_path("../../resources/build_markers.tsv"),
    output:
        ranking="results/{phenotype}/panel/ranking.tsv.gz",
        summary="results/{phenotype}/panel/ranking.json",
        funnel="results/{phenotype}/funnel/ranking.tsv",
    log:
        "logs/harmonise_sumstats/{phenotype}.log",
    benchmark:
        "benchmarks/harmonise_sumstats/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    resources:
        **requests("harmonise_sumstats"),
    params:
        panel=setting("panel"),
    script:
        "../scripts/harmonise_sumstats.py"


rule select_panel:
    input:
        genotypes=all_genotypes,
        split="results/{phenotype}/split.tsv",
        sumstats="results/{phenotype}/gwas/sumstats.tsv.gz",
        ranking=external_ranking("ranking.tsv.gz"),
        scores="results/cohort/pcs/scores.tsv",
        lists="results/{phenotype}/panel/lists.tsv",
        matched=matched_variants,
        long_range_ld=workflow.source_path("../../resources/long_range_ld.tsv"),
    output:
        variants="results/{phenotype}/panel/selected.tsv",
        loci="results/{phenotype}/panel/loci.tsv",
        funnel="results/{phenotype}/funnel/panel.tsv",
    log:
        "logs/select_panel/{phenotype}.log",
    benchmark:
        "benchmarks/select_panel/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    threads: up_to(2)
    resources:
        **requests("select_panel"),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
        build=config["cohort"]["build"],
        panel=setting("panel"),
        max_forecast_auc=panel_limit,
    script:
        "../scripts/select_panel.py"


rule score_panel:
    input:
        genotypes=all_genotypes,
        split="results/{phenotype}/split.tsv",
        covariates="results/{phenotype}/covariates.tsv",
        scores="results/cohort/pcs/scores.tsv",
        sumstats="results/{phenotype}/gwas/sumstats.tsv.gz",
        variants="results/{phenotype}/panel/variants.tsv",
    output:
        variance_explained="results/{phenotype}/panel/variance_explained.tsv",
    log:
        "logs/score_panel/{phenotype}.log",
    benchmark:
        "benchmarks/score_panel/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    threads: up_to(2)
    resources:
        **requests("score_panel"),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
        panel=setting("panel"),
    script:
        "../scripts/score_panel.py"


rule extract_panel:
    input:
        genotypes=all_genotypes,
        split="results/{phenotype}/split.tsv",
        variants="results/{phenotype}/panel/selected.tsv",
        frequencies="results/{phenotype}/keep/frequencies.txt",
    output:
        genotypes="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        frequencies="results/{phenotype}/panel/frequencies.tsv",
    log:
        "logs/extract_panel/{phenotype}.log",
    benchmark:
        "benchmarks/extract_panel/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    threads: up_to(2)
    resources:
        **requests("extract_panel"),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
        phenotype=setting("phenotype"),
    script:
        "../scripts/extract_panel.py"


rule shrink_effects:
    input:
        panel="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        variants="results/{phenotype}/panel/selected.tsv",
        frequencies="results/{phenotype}/panel/frequencies.tsv",
        sumstats="results/{phenotype}/gwas/sumstats.tsv.gz",
        scores="results/cohort/pcs/scores.tsv",
        ranking=external_ranking("ranking.tsv.gz"),
    output:
        variants="results/{phenotype}/panel/variants.tsv",
        target="results/{phenotype}/panel/target.npz",
        prior="results/{phenotype}/panel/prior.tsv",
        forecast="results/{phenotype}/panel/forecast.tsv",
        by_size="results/{phenotype}/panel/forecast_by_size.tsv",
    log:
        "logs/shrink_effects/{phenotype}.log",
    benchmark:
        "benchmarks/shrink_effects/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    resources:
        **requests("shrink_effects"),
    params:
        conditions=setting("conditions"),
        calibration=setting("calibration"),
        sampling=setting("sampling"),
        independent_effects=has_independent_effects,
        seed=setting("seed"),
    script:
        "../scripts/shrink_effects.py"
