"""Simpler generators that SNPgen is compared with."""
