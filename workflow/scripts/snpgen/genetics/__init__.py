"""Packed genotypes, frequencies, Hardy-Weinberg test, LD, clumping, kinship, PCA, builds, harmonisation."""
