"""The generator, baselines and synthetic cohorts: results/{phenotype}/model and synthetic."""


rule train_vae:
    input:
        panel="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        variants="results/{phenotype}/panel/selected.tsv",
        # Not read. A phenotype whose ancestry groups cannot be evaluated stops here, before training.
        groups=ancient("results/{phenotype}/restricted/groups.tsv"),
    output:
        weights="results/{phenotype}/model{replicate}/vae.safetensors",
        card="results/{phenotype}/model{replicate}/vae.json",
        training="results/{phenotype}/model{replicate}/vae.training.tsv",
    log:
        "logs/train_vae/{phenotype}{replicate}.log",
    benchmark:
        "benchmarks/train_vae/{phenotype}{replicate}.tsv"
    priority: 1  # most other jobs wait for it
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        **requests("train_vae"),
        gpu=1,
    params:
        vae=setting("vae"),
        differential_privacy=dp_settings,
        conditions=setting("conditions"),
        seed=replicate_seed,
    script:
        "../scripts/train_vae.py"


rule train_diffusion:
    input:
        panel="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        vae="results/{phenotype}/model{replicate}/vae.safetensors",
        vae_card="results/{phenotype}/model{replicate}/vae.json",
    output:
        weights="results/{phenotype}/model{replicate}/diffusion.safetensors",
        card="results/{phenotype}/model{replicate}/diffusion.json",
        training="results/{phenotype}/model{replicate}/diffusion.training.tsv",
    log:
        "logs/train_diffusion/{phenotype}{replicate}.log",
    benchmark:
        "benchmarks/train_diffusion/{phenotype}{replicate}.tsv"
    priority: 1  # most other jobs wait for it
    conda:
        "../../environment.yml"
    threads: 1  # the network is so small that more threads would slow the training down
    resources:
        **requests("train_diffusion"),
        gpu=1,
    params:
        diffusion=setting("diffusion"),
        seed=replicate_seed,
    script:
        "../scripts/train_diffusion.py"


rule calibrate_guidance:
    input:
        panel="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        target="results/{phenotype}/panel/target.npz",
        vae="results/{phenotype}/model{replicate}/vae.safetensors",
        vae_card="results/{phenotype}/model{replicate}/vae.json",
        diffusion="results/{phenotype}/model{replicate}/diffusion.safetensors",
        diffusion_card="results/{phenotype}/model{replicate}/diffusion.json",
    output:
        guidance="results/{phenotype}/model{replicate}/guidance.json",
        shift="results/{phenotype}/model{replicate}/shift.safetensors",
        curve="results/{phenotype}/model{replicate}/guidance.tsv",
    log:
        "logs/calibrate_guidance/{phenotype}{replicate}.log",
    benchmark:
        "benchmarks/calibrate_guidance/{phenotype}{replicate}.tsv"
    priority: 1  # most other jobs wait for it
    conda:
        "../../environment.yml"
    threads: 8
    resources:
        **requests("calibrate_guidance"),
        gpu=1,
    params:
        calibration=setting("calibration"),
        sampling=sampler_settings,
        seed=replicate_seed,
    script:
        "../scripts/calibrate_guidance.py"


rule sample_cohort:
    input:
        panel="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        variants="results/{phenotype}/panel/variants.tsv",
        target="results/{phenotype}/panel/target.npz",
        vae="results/{phenotype}/model{replicate}/vae.safetensors",
        vae_card="results/{phenotype}/model{replicate}/vae.json",
        diffusion="results/{phenotype}/model{replicate}/diffusion.safetensors",
        diffusion_card="results/{phenotype}/model{replicate}/diffusion.json",
        guidance="results/{phenotype}/model{replicate}/guidance.json",
        shift="results/{phenotype}/model{replicate}/shift.safetensors",
    output:
        multiext(
            "results/{phenotype}/synthetic/{cohort}{replicate}",
            ".bed",
            ".bim",
            ".fam",
            ".pheno.tsv",
        ),
    log:
        "logs/sample_cohort/{phenotype}.{cohort}{replicate}.log",
    benchmark:
        "benchmarks/sample_cohort/{phenotype}.{cohort}{replicate}.tsv"
    wildcard_constraints:
        cohort="|".join(MODEL_COHORTS),
    conda:
        "../../environment.yml"
    threads: up_to(8)
    resources:
        **requests("sample_cohort"),
        gpu=1,
    params:
        sampling=setting("sampling"),
        min_cell=setting("release/min_cell"),
        seed=replicate_seed,
    script:
        "../scripts/sample_cohort.py"


rule sample_baseline:
    input:
        panel="results/{phenotype}/panel/genotypes.npz",
        dosages="results/{phenotype}/panel/genotypes.npy",
        variants="results/{phenotype}/panel/variants.tsv",
        target="results/{phenotype}/panel/target.npz",
    output:
        multiext("results/{phenotype}/synthetic/{baseline}", ".bed", ".bim", ".fam", ".pheno.tsv"),
    log:
        "logs/sample_baseline/{phenotype}.{baseline}.log",
    benchmark:
        "benchmarks/sample_baseline/{phenotype}.{baseline}.tsv"
    wildcard_constraints:
        baseline="|".join(name for name in BASELINES if name not in MODEL_COHORTS),
    conda:
        "../../environment.yml"
    resources:
        **requests("sample_baseline"),
    params:
        seed=setting("seed"),
        sampling=setting("sampling"),
    script:
        "../scripts/sample_baseline.py"
