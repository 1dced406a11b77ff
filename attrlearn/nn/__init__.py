"""The network: backbone, attention, heads and their loss."""
