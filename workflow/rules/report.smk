"""Figures, report and release: results/{phenotype}/figures, report.html and release."""

FIGURES = [
    "manhattan",
    "qq",
    "frequencies",
    "ld",
    "region",
    "components",
    "effects",
    "utility",
    "augmentation",
    "privacy",
    "roc",
]
GENERATOR_FIGURES = ["training"]


rule plot_association:
    input:
        sumstats="results/{phenotype}/gwas/sumstats.tsv.gz",
        summary="results/{phenotype}/gwas/summary.json",
        variants="results/{phenotype}/panel/variants.tsv",
    output:
        expand("results/{{phenotype}}/figures/{figure}.tsv", figure=["manhattan", "qq"]),
        manhattan=report(
            "results/{phenotype}/figures/manhattan.svg",
            caption="../report/manhattan.rst",
            category="Association",
            subcategory="{phenotype}",
            labels={"figure": "Manhattan plot"},
        ),
        qq=report(
            "results/{phenotype}/figures/qq.svg",
            caption="../report/qq.rst",
            category="Association",
            subcategory="{phenotype}",
            labels={"figure": "QQ plot"},
        ),
    log:
        "logs/plot_association/{phenotype}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory("plot_association"),
        runtime=minutes("plot_association"),
    script:
        "../scripts/plot_association.py"


rule plot_training:
    input:
        vae="results/{phenotype}/model/vae.training.tsv",
        diffusion="results/{phenotype}/model/diffusion.training.tsv",
        guidance="results/{phenotype}/model/guidance.tsv",
    output:
        table="results/{phenotype}/figures/training.tsv",
        training=report(
            "results/{phenotype}/figures/training.svg",
            caption="../report/training.rst",
            category="Generator",
            subcategory="{phenotype}",
            labels={"figure": "Training"},
        ),
    log:
        "logs/plot_training/{phenotype}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory("plot_training"),
        runtime=minutes("plot_training"),
    script:
        "../scripts/plot_training.py"


rule plot_evaluation:
    input:
        metrics="results/{phenotype}/metrics.tsv",
        frequencies="results/{phenotype}/evaluation/frequencies.tsv",
        effects="results/{phenotype}/evaluation/effects.tsv",
        region="results/{phenotype}/evaluation/ld_region.tsv",
        components="results/{phenotype}/evaluation/components.tsv",
        curves=roc_tables,
    output:
        expand("results/{{phenotype}}/figures/{figure}.tsv", figure=FIGURES[2:]),
        frequencies=report(
            "results/{phenotype}/figures/frequencies.svg",
            caption="../report/frequencies.rst",
            category="Fidelity",
            subcategory="{phenotype}",
            labels={"figure": "Allele frequencies"},
        ),
        ld=report(
            "results/{phenotype}/figures/ld.svg",
            caption="../report/ld.rst",
            category="Fidelity",
            subcategory="{phenotype}",
            labels={"figure": "Linkage disequilibrium by distance"},
        ),
        region=report(
            "results/{phenotype}/figures/region.svg",
            caption="../report/region.rst",
            category="Fidelity",
            subcategory="{phenotype}",
            labels={"figure": "Linkage disequilibrium of a region"},
        ),
        components=report(
            "results/{phenotype}/figures/components.svg",
            caption="../report/components.rst",
            category="Fidelity",
            subcategory="{phenotype}",
            labels={"figure": "Principal components"},
        ),
        effects=report(
            "results/{phenotype}/figures/effects.svg",
            caption="../report/effects.rst",
            category="Association",
            subcategory="{phenotype}",
            labels={"figure": "Effects"},
        ),
        utility=report(
            "results/{phenotype}/figures/utility.svg",
            caption="../report/utility.rst",
            category="Utility",
            subcategory="{phenotype}",
            labels={"figure": "Prediction"},
        ),
        augmentation=report(
            "results/{phenotype}/figures/augmentation.svg",
            caption="../report/augmentation.rst",
            category="Utility",
            subcategory="{phenotype}",
            labels={"figure": "Augmentation of the training set"},
        ),
        privacy=report(
            "results/{phenotype}/figures/privacy.svg",
            caption="../report/privacy.rst",
            category="Privacy",
            subcategory="{phenotype}",
            labels={"figure": "Membership inference"},
        ),
        roc=report(
            "results/{phenotype}/figures/roc.svg",
            caption="../report/roc.rst",
            category="Privacy",
            subcategory="{phenotype}",
            labels={"figure": "Membership inference, ROC curves"},
        ),
    log:
        "logs/plot_evaluation/{phenotype}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory("plot_evaluation"),
        runtime=minutes("plot_evaluation"),
    params:
        subject=main_subject,
    script:
        "../scripts/plot_evaluation.py"


rule render_report:
    input:
        metrics="results/{phenotype}/metrics.tsv",
        funnels=funnels,
        split="results/{phenotype}/split.json",
        gwas="results/{phenotype}/gwas/summary.json",
        ranking=external_ranking("ranking.json"),
        panel="results/{phenotype}/panel/variants.tsv",
        loci="results/{phenotype}/panel/loci.tsv",
        signal="results/{phenotype}/panel/variance_explained.tsv",
        cards=unless_external(
            "results/{phenotype}/model/vae.json",
            "results/{phenotype}/model/diffusion.json",
            "results/{phenotype}/model/guidance.json",
        ),
        figures=figures("results/{phenotype}/figures/{figure}.svg"),
        tables=figures("results/{phenotype}/figures/{figure}.tsv"),
        files=input_files,
        captions=[
            workflow.source_path(f"../report/{figure}.rst")
            for figure in FIGURES + GENERATOR_FIGURES
        ],
        template=workflow.source_path("../report/report.html.jinja"),
        style=workflow.source_path("../report/page.css"),
        citation=workflow.source_path("../../CITATION.cff"),
    output:
        html=report(
            "results/{phenotype}/report.html",
            caption="../report/report.rst",
            category="Report",
            subcategory="{phenotype}",
            labels={"page": "Report"},
        ),
    log:
        "logs/render_report/{phenotype}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory("render_report"),
        runtime=minutes("render_report"),
    params:
        settings=settings_of,
        subject=main_subject,
        commands=[COMMAND],
    script:
        "../scripts/render_report.py"


rule compare_phenotypes:
    input:
        metrics=expand("results/{phenotype}/metrics.tsv", phenotype=PHENOTYPES),
        splits=expand("results/{phenotype}/split.json", phenotype=PHENOTYPES),
        gwas=expand("results/{phenotype}/gwas/summary.json", phenotype=PHENOTYPES),
        panels=expand("results/{phenotype}/panel/variants.tsv", phenotype=PHENOTYPES),
        guidance=expand("results/{phenotype}/model/guidance.json", phenotype=GENERATED),
        reports=expand("results/{phenotype}/report.html", phenotype=PHENOTYPES),
        template=workflow.source_path("../report/comparison.html.jinja"),
        style=workflow.source_path("../report/page.css"),
    output:
        html=report(
            "results/comparison.html",
            caption="../report/comparison.rst",
            category="Report",
            subcategory="all phenotypes",
            labels={"page": "Comparison"},
        ),
    log:
        "logs/compare_phenotypes.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory("compare_phenotypes"),
        runtime=minutes("compare_phenotypes"),
    params:
        phenotypes=PHENOTYPES,
        settings=[SETTINGS[name] for name in PHENOTYPES],
        generated=GENERATED,
        subjects=[main_of(name) for name in PHENOTYPES],
    script:
        "../scripts/compare_phenotypes.py"


rule package_release:
    input:
        synthetic=expand(
            "results/{{phenotype}}/synthetic/{cohort}.{ending}",
            cohort=["snpgen", "snpgen_balanced"],
            ending=["bed", "bim", "fam", "pheno.tsv"],
        ),
        variants="results/{phenotype}/panel/variants.tsv",
        metrics="results/{phenotype}/metrics.tsv",
        split="results/{phenotype}/split.json",
        gwas="results/{phenotype}/gwas/summary.json",
        ranking=external_ranking("ranking.json"),
        vae="results/{phenotype}/model/vae.json",
        diffusion="results/{phenotype}/model/diffusion.json",
        guidance="results/{phenotype}/model/guidance.json",
        template=workflow.source_path("../report/model_card.md.jinja"),
        page=workflow.source_path("../report/model_card.html.jinja"),
        style=workflow.source_path("../report/page.css"),
        citation=workflow.source_path("../../CITATION.cff"),
    output:
        checksums="results/{phenotype}/release/SHA256SUMS",
    log:
        "logs/package_release/{phenotype}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory("package_release"),
        runtime=minutes("package_release"),
    params:
        settings=settings_of,
    script:
        "../scripts/package_release.py"
