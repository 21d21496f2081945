"""SNPgen: synthetic genotypes and phenotypes that a biobank can share."""
