"""An external cohort, matched with the variants of the panel: results/{phenotype}/synthetic/external."""


rule match_external:
    input:
        genotypes=all_genotypes,
        cohort=external_cohort,
    output:
        variants="results/{phenotype}/panel/matched.tsv",
        funnel="results/{phenotype}/funnel/matched.tsv",
    log:
        "logs/match_external/{phenotype}.log",
    priority: 1
    conda:
        "../../environment.yml"
    resources:
        **requests("match_external"),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
    script:
        "../scripts/match_external.py"


rule align_external:
    input:
        cohort=external_cohort,
        matched="results/{phenotype}/panel/matched.tsv",
        variants="results/{phenotype}/panel/variants.tsv",
    output:
        multiext("results/{phenotype}/synthetic/external", ".bed", ".bim", ".fam"),
    log:
        "logs/align_external/{phenotype}.log",
    conda:
        "../../environment.yml"
    resources:
        **requests("align_external"),
    script:
        "../scripts/align_external.py"
