"""What users pass, as arrays; or an error that names the cell."""
