"""Figures, report, comparison of phenotypes, and the files cleared for release."""

from snpgen.report.registry import figure_names

PARTIALS = [
    workflow.source_path(f"../report/{name}.jinja")
    for name in (
        "audit",
        "generator",
        "groups",
        "joint",
        "limits",
        "methods",
        "verdicts",
        "warnings",
    )
]


rule plot_association:
    input:
        sumstats="results/{phenotype}/gwas/sumstats.tsv.gz",
        summary="results/{phenotype}/gwas/summary.json",
        panel="results/{phenotype}/panel/variants.tsv",
    output:
        *figure_tables("plot_association"),
        **figure_svgs("plot_association"),
    log:
        "logs/plot_association/{phenotype}.log",
    conda:
        "../../environment.yml"
    resources:
        **requests("plot_association"),
    script:
        "../scripts/plot_association.py"


rule plot_training:
    input:
        vae="results/{phenotype}/model/vae.training.tsv",
        diffusion="results/{phenotype}/model/diffusion.training.tsv",
        guidance="results/{phenotype}/model/guidance.tsv",
    output:
        *figure_tables("plot_training"),
        **figure_svgs("plot_training"),
    log:
        "logs/plot_training/{phenotype}.log",
    conda:
        "../../environment.yml"
    resources:
        **requests("plot_training"),
    script:
        "../scripts/plot_training.py"


rule plot_evaluation:
    input:
        metrics="results/{phenotype}/metrics.tsv",
        frequencies="results/{phenotype}/evaluation/frequencies.tsv",
        effects="results/{phenotype}/evaluation/effects.tsv",
        region="results/{phenotype}/evaluation/ld_region.tsv",
        components="results/{phenotype}/evaluation/components.tsv",
        curves=expand(
            "results/{{phenotype}}/evaluation/{audit}.roc.tsv", audit=["privacy", "controls"]
        ),
    output:
        *figure_tables("plot_evaluation"),
        **figure_svgs("plot_evaluation"),
    log:
        "logs/plot_evaluation/{phenotype}.log",
    conda:
        "../../environment.yml"
    resources:
        **requests("plot_evaluation"),
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
        external_sumstats=external_ranking("ranking.json"),
        forecast=unless_external("results/{phenotype}/panel/forecast.tsv"),
        by_size=unless_external("results/{phenotype}/panel/forecast_by_size.tsv"),
        prior=unless_external("results/{phenotype}/panel/prior.tsv"),
        panel="results/{phenotype}/panel/variants.tsv",
        loci="results/{phenotype}/panel/loci.tsv",
        variance_explained="results/{phenotype}/panel/variance_explained.tsv",
        models=unless_external(
            "results/{phenotype}/model/vae.json",
            "results/{phenotype}/model/diffusion.json",
            "results/{phenotype}/model/guidance.json",
        ),
        figures=figures("results/{phenotype}/figures/{figure}.svg"),
        tables=figures("results/{phenotype}/figures/{figure}.tsv"),
        files=input_files,
        captions=[
            workflow.source_path(f"../report/{figure}.rst")
            for figure in figure_names(with_model=True)
        ],
        templates=[workflow.source_path("../report/report.html.jinja"), *PARTIALS],
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
        **requests("render_report"),
    params:
        settings=settings_of,
        subject=main_subject,
        commands=[COMMAND],
    script:
        "../scripts/render_report.py"


rule compare_phenotypes:
    input:
        metrics=expand("results/{phenotype}/metrics.tsv", phenotype=PHENOTYPES),
        split=expand("results/{phenotype}/split.json", phenotype=PHENOTYPES),
        gwas=expand("results/{phenotype}/gwas/summary.json", phenotype=PHENOTYPES),
        panel=expand("results/{phenotype}/panel/variants.tsv", phenotype=PHENOTYPES),
        calibration=expand("results/{phenotype}/model/guidance.json", phenotype=GENERATED),
        joint=JOINT,
        differences=DIFFERENCES,
        reports=expand("results/{phenotype}/report.html", phenotype=PHENOTYPES),
        templates=[workflow.source_path("../report/comparison.html.jinja"), *PARTIALS],
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
        **requests("compare_phenotypes"),
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
        panel="results/{phenotype}/panel/variants.tsv",
        metrics="results/{phenotype}/metrics.tsv",
        samples="results/cohort/samples.tsv",
        individuals="results/{phenotype}/split.tsv",
        frequencies="results/{phenotype}/keep/frequencies.txt",
        earlier=earlier_releases,
        split="results/{phenotype}/split.json",
        gwas="results/{phenotype}/gwas/summary.json",
        external_sumstats=external_ranking("ranking.json"),
        forecast=unless_external("results/{phenotype}/panel/forecast.tsv"),
        by_size=unless_external("results/{phenotype}/panel/forecast_by_size.tsv"),
        prior=unless_external("results/{phenotype}/panel/prior.tsv"),
        joint=JOINT,
        differences=DIFFERENCES,
        models=unless_external(
            "results/{phenotype}/model/vae.json",
            "results/{phenotype}/model/diffusion.json",
            "results/{phenotype}/model/guidance.json",
        ),
        templates=[
            workflow.source_path("../report/model_card.md.jinja"),
            workflow.source_path("../report/model_card.html.jinja"),
            workflow.source_path("../report/checklist.html.jinja"),
            workflow.source_path("../report/use.jinja"),
            *PARTIALS,
        ],
        style=workflow.source_path("../report/page.css"),
        citation=workflow.source_path("../../CITATION.cff"),
    output:
        checksums="results/{phenotype}/release/SHA256SUMS",
    log:
        "logs/package_release/{phenotype}.log",
    conda:
        "../../environment.yml"
    resources:
        **requests("package_release"),
    params:
        settings=settings_of,
    script:
        "../scripts/package_release.py"


rule recipe:
    input:
        panels=expand("results/{phenotype}/panel/variants.tsv", phenotype=GENERATED),
        checksums=expand("results/{phenotype}/release/SHA256SUMS", phenotype=GENERATED),
        templates=[workflow.source_path("../report/recipe.md.jinja")],
        packages=[
            workflow.source_path("../../requirements.lock"),
            workflow.source_path("../../environment.yml"),
        ],
        citation=workflow.source_path("../../CITATION.cff"),
    output:
        readme="results/recipe/README.md",
    log:
        "logs/recipe.log",
    conda:
        "../../environment.yml"
    resources:
        **requests("recipe"),
    params:
        config=config,
        # Phenotypes with an external cohort are in the same split.
        settings=SETTINGS,
        generated=GENERATED,
    script:
        "../scripts/recipe.py"


onerror:
    text = "".join(Path(file).read_text() for file in log)
    failures = find_failures(text, PHENOTYPES)
    if len(PHENOTYPES) > 1 and failures:
        summary = describe_failures(failures, PHENOTYPES)
        Path("results").mkdir(exist_ok=True)
        Path("results/failed.txt").write_text(summary)
        print(f"Jobs that failed (results/failed.txt):\n{summary}", file=sys.stderr)


onsuccess:
    Path("results/failed.txt").unlink(missing_ok=True)
