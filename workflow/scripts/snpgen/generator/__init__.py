"""The generator: variational autoencoder, latent diffusion model, calibration and sampling."""
