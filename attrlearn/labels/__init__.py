"""From a labels file to tables."""
