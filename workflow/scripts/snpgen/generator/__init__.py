"""Variational autoencoder, latent diffusion, calibration, sampling and baselines."""
