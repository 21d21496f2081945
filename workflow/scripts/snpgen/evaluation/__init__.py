"""Fidelity, association, utility and privacy of a synthetic cohort."""
