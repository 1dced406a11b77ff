"""From files and images in memory to batches of uint8 RGB."""
