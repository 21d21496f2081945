"""Genetics: packed genotypes, Hardy-Weinberg equilibrium, LD, clumping, kinship, PCA and harmonisation."""
