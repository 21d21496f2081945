"""SNPgen: synthetic genotypes, aligned with a phenotype, that a biobank can share."""
