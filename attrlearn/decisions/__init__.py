"""From probabilities to decisions: calibration and thresholds."""
