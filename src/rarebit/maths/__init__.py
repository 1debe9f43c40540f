"""Numbers without words: arrays in, arrays out; knows nothing of security."""
