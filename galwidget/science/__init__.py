"""What an astronomer asks of a sample, each question in a file: what looks alike, what is odd."""
