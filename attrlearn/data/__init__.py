"""What goes in: inputs, targets, images."""
