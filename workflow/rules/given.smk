"""A cohort made elsewhere, matched with ours so that it can be judged: results/{phenotype}/synthetic/given."""


rule match_external:
    input:
        genotypes=all_genotypes,
        given=external_cohort,
    output:
        variants="results/{phenotype}/panel/matched.tsv",
        funnel="results/{phenotype}/funnel/matched.tsv",
    log:
        "logs/match_given/{phenotype}.log",
    priority: 1
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory("match_given"),
        runtime=minutes("match_given"),
    params:
        genotypes=genotype_pattern,
        chromosomes=CHROMOSOMES,
    script:
        "../scripts/match_given.py"


rule align_external:
    input:
        given=external_cohort,
        matched="results/{phenotype}/panel/matched.tsv",
        variants="results/{phenotype}/panel/variants.tsv",
    output:
        multiext("results/{phenotype}/synthetic/given", ".bed", ".bim", ".fam"),
    log:
        "logs/align_given/{phenotype}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=memory("align_given"),
        runtime=minutes("align_given"),
    script:
        "../scripts/align_given.py"
