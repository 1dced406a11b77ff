"""Files at URLs, through fsspec, which nothing imports before there is a URL."""
