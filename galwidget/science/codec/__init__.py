"""What a compressed sample is made of: the container, the coder of integers, and a file each for latents, pixels, PSFs and attributes."""
