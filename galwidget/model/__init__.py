"""The multimodal variational autoencoder: experts, networks, likelihoods, objective, prior, checkpoint. Tensors in, tensors out."""
