"""Cohort: quality control, phenotype, covariates, split, and simulation of the demo cohort."""
