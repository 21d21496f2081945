"""The evaluation of synthetic cohorts: results/{phenotype}/evaluation and metrics.tsv."""


rule assign_groups:
    input:
        panel="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        variants="results/{phenotype}/panel/variants.tsv",
        samples="results/cohort/samples.tsv",
        tables=group_tables,
    output:
        groups="results/{phenotype}/restricted/groups.tsv",
    log:
        "logs/assign_groups/{phenotype}.log",
    benchmark:
        "benchmarks/assign_groups/{phenotype}.tsv"
    priority: 1
    conda:
        "../../environment.yml"
    resources:
        **requests("assign_groups"),
    params:
        group=setting("evaluation/group"),
        seed=setting("seed"),
    script:
        "../scripts/assign_groups.py"


rule evaluate_fidelity:
    input:
        panel="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        variants="results/{phenotype}/panel/variants.tsv",
        groups="results/{phenotype}/restricted/groups.tsv",
        synthetic=per_subject("results/{phenotype}/synthetic/{subject}.bed"),
    output:
        metrics="results/{phenotype}/evaluation/fidelity.tsv",
        frequencies="results/{phenotype}/evaluation/frequencies.tsv",
        region="results/{phenotype}/evaluation/ld_region.tsv",
    log:
        "logs/evaluate_fidelity/{phenotype}.log",
    benchmark:
        "benchmarks/evaluate_fidelity/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    resources:
        **requests("evaluate_fidelity"),
    params:
        evaluation=setting("evaluation"),
        seed=setting("seed"),
        subjects=subjects,
    script:
        "../scripts/evaluate_fidelity.py"


rule compute_true_effects:
    input:
        panel="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        variants="results/{phenotype}/panel/variants.tsv",
        genotypes=all_genotypes,
        causal=causal_table,
    output:
        effects="results/{phenotype}/evaluation/true_effects.tsv",
    log:
        "logs/compute_true_effects/{phenotype}.log",
    benchmark:
        "benchmarks/compute_true_effects/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    threads: up_to(2)
    resources:
        **requests("compute_true_effects"),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
    script:
        "../scripts/compute_true_effects.py"


rule evaluate_association:
    input:
        panel="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        variants="results/{phenotype}/panel/variants.tsv",
        groups="results/{phenotype}/restricted/groups.tsv",
        synthetic=per_subject("results/{phenotype}/synthetic/{subject}.bed"),
        truth=true_effects,
    output:
        metrics="results/{phenotype}/evaluation/association.tsv",
        effects="results/{phenotype}/evaluation/effects.tsv",
    log:
        "logs/evaluate_association/{phenotype}.log",
    benchmark:
        "benchmarks/evaluate_association/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    resources:
        **requests("evaluate_association"),
    params:
        evaluation=setting("evaluation"),
        seed=setting("seed"),
        subjects=subjects,
    script:
        "../scripts/evaluate_association.py"


rule score_comparators:
    input:
        genotypes=all_genotypes,
        split="results/{phenotype}/split.tsv",
        sumstats="results/{phenotype}/gwas/sumstats.tsv.gz",
        scoring_files=scoring_files,
        markers=workflow.source_path("../../resources/build_markers.tsv"),
    output:
        scores="results/{phenotype}/restricted/comparators.tsv",
        estimates="results/{phenotype}/evaluation/comparators.tsv",
    log:
        "logs/score_comparators/{phenotype}.log",
    benchmark:
        "benchmarks/score_comparators/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    threads: up_to(2)
    resources:
        **requests("score_comparators"),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
        build=config["cohort"]["build"],
    script:
        "../scripts/score_comparators.py"


rule evaluate_utility:
    input:
        panel="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        variants="results/{phenotype}/panel/variants.tsv",
        groups="results/{phenotype}/restricted/groups.tsv",
        synthetic=per_subject("results/{phenotype}/synthetic/{subject}.bed"),
        comparators="results/{phenotype}/evaluation/comparators.tsv",
        comparator_scores="results/{phenotype}/restricted/comparators.tsv",
    output:
        metrics="results/{phenotype}/evaluation/utility.tsv",
        scores="results/{phenotype}/restricted/test_scores.tsv",
    log:
        "logs/evaluate_utility/{phenotype}.log",
    benchmark:
        "benchmarks/evaluate_utility/{phenotype}.tsv"
    priority: 1  # before evaluate_fidelity, because evaluate_groups waits for it
    conda:
        "../../environment.yml"
    resources:
        **requests("evaluate_utility"),
    params:
        evaluation=setting("evaluation"),
        seed=setting("seed"),
        subjects=subjects,
    script:
        "../scripts/evaluate_utility.py"


rule measure_losses:
    input:
        panel="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        vae="results/{phenotype}/model/vae.safetensors",
        vae_card="results/{phenotype}/model/vae.json",
        diffusion="results/{phenotype}/model/diffusion.safetensors",
        diffusion_card="results/{phenotype}/model/diffusion.json",
        shift="results/{phenotype}/model/shift.safetensors",
    output:
        losses="results/{phenotype}/restricted/losses.tsv",
    log:
        "logs/measure_losses/{phenotype}.log",
    benchmark:
        "benchmarks/measure_losses/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    threads: up_to(8)
    resources:
        **requests("measure_losses"),
        gpu=1,
    params:
        shadow_models=setting("evaluation/shadow_models"),
        seed=setting("seed"),
    script:
        "../scripts/measure_losses.py"


rule train_shadow:
    input:
        panel="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        vae_card="results/{phenotype}/model/vae.json",
    output:
        losses="results/{phenotype}/restricted/shadow/{shadow}.tsv",
    log:
        "logs/train_shadow/{phenotype}.{shadow}.log",
    benchmark:
        "benchmarks/train_shadow/{phenotype}.{shadow}.tsv"
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        **requests("train_shadow"),
        gpu=1,
    params:
        seed=setting("seed"),
    script:
        "../scripts/train_shadow.py"


rule evaluate_privacy:
    input:
        panel="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        variants="results/{phenotype}/panel/variants.tsv",
        prior="results/{phenotype}/panel/prior.tsv",
        synthetic=per_subject("results/{phenotype}/synthetic/{subject}.bed"),
        samples=per_subject("results/{phenotype}/synthetic/{subject}.fam"),
        losses=unless_external("results/{phenotype}/restricted/losses.tsv"),
        shadows=shadow_losses,
    output:
        metrics="results/{phenotype}/evaluation/privacy.tsv",
        curves="results/{phenotype}/evaluation/privacy.roc.tsv",
        scores="results/{phenotype}/restricted/membership_scores.tsv",
    log:
        "logs/evaluate_privacy/{phenotype}.log",
    benchmark:
        "benchmarks/evaluate_privacy/{phenotype}.tsv"
    priority: 1  # evaluate_groups waits for it
    conda:
        "../../environment.yml"
    threads: up_to(8)
    resources:
        **requests("evaluate_privacy"),
    params:
        evaluation=setting("evaluation"),
        seed=setting("seed"),
        subjects=subjects,
    script:
        "../scripts/evaluate_privacy.py"


rule evaluate_controls:
    input:
        panel="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        variants="results/{phenotype}/panel/variants.tsv",
        prior="results/{phenotype}/panel/prior.tsv",
        forecast=unless_external("results/{phenotype}/panel/forecast.tsv"),
        synthetic=of_main_subject("results/{phenotype}/synthetic/{subject}.bed"),
        kinship=kinship_table,
        split="results/{phenotype}/split.json",
        losses=unless_external("results/{phenotype}/restricted/losses.tsv"),
        shadows=shadow_losses,
    output:
        metrics="results/{phenotype}/evaluation/controls.tsv",
        curves="results/{phenotype}/evaluation/controls.roc.tsv",
        scores="results/{phenotype}/restricted/control_scores.tsv",
    log:
        "logs/evaluate_controls/{phenotype}.log",
    benchmark:
        "benchmarks/evaluate_controls/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    threads: up_to(8)
    resources:
        **requests("evaluate_controls"),
    params:
        evaluation=setting("evaluation"),
        seed=setting("seed"),
    script:
        "../scripts/evaluate_controls.py"


rule evaluate_joint:
    input:
        scores=expand("results/{phenotype}/restricted/membership_scores.tsv", phenotype=GENERATED),
        controls=expand("results/{phenotype}/restricted/control_scores.tsv", phenotype=GENERATED),
        forecasts=expand("results/{phenotype}/panel/forecast.tsv", phenotype=GENERATED),
        panels=expand("results/{phenotype}/panel/variants.tsv", phenotype=GENERATED),
        splits=expand("results/{phenotype}/split.tsv", phenotype=GENERATED),
        samples=expand("results/{phenotype}/keep/frequencies.txt", phenotype=GENERATED),
    output:
        attacks="results/cohort/joint_attacks.tsv",
        differences="results/cohort/joint_differences.tsv",
    log:
        "logs/evaluate_joint.log",
    benchmark:
        "benchmarks/evaluate_joint.tsv"
    conda:
        "../../environment.yml"
    resources:
        **requests("evaluate_joint"),
    params:
        phenotypes=GENERATED,
        private=[name for name in GENERATED if is_private(name)],
        conditioned=[name for name in GENERATED if any(SETTINGS[name]["conditions"].values())],
        evaluation=config["evaluation"],
        min_cell=max((SETTINGS[name]["release"]["min_cell"] for name in GENERATED), default=0),
        seed=config["seed"],
    script:
        "../scripts/evaluate_joint.py"


rule evaluate_groups:
    input:
        panel="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        variants="results/{phenotype}/panel/variants.tsv",
        groups="results/{phenotype}/restricted/groups.tsv",
        synthetic=per_subject("results/{phenotype}/synthetic/{subject}.bed"),
        scores="results/{phenotype}/restricted/test_scores.tsv",
        membership="results/{phenotype}/restricted/membership_scores.tsv",
        controls="results/{phenotype}/restricted/control_scores.tsv",
    output:
        metrics="results/{phenotype}/evaluation/groups.tsv",
        components="results/{phenotype}/evaluation/components.tsv",
    log:
        "logs/evaluate_groups/{phenotype}.log",
    benchmark:
        "benchmarks/evaluate_groups/{phenotype}.tsv"
    conda:
        "../../environment.yml"
    resources:
        **requests("evaluate_groups"),
    params:
        evaluation=setting("evaluation"),
        seed=setting("seed"),
        subjects=subjects,
    script:
        "../scripts/evaluate_groups.py"


rule collect_metrics:
    input:
        metrics=expand(
            "results/{{phenotype}}/evaluation/{domain}.tsv",
            domain=["fidelity", "association", "utility", "groups", "privacy", "controls"],
        ),
        benchmarks=cost_benchmarks,
        samples=of_main_subject("results/{phenotype}/synthetic/{subject}.fam"),
        variants="results/{phenotype}/panel/variants.tsv",
    output:
        metrics=report(
            "results/{phenotype}/metrics.tsv",
            caption="../report/metrics.rst",
            category="Report",
            subcategory="{phenotype}",
            labels={"page": "All metrics"},
        ),
    log:
        "logs/collect_metrics/{phenotype}.log",
    conda:
        "../../environment.yml"
    resources:
        **requests("collect_metrics"),
    params:
        subject=main_subject,
    script:
        "../scripts/collect_metrics.py"
