"""GWAS on the training people and the panel of variants chosen by it."""
