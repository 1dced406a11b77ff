"""``attrlearn cache``: what the features of frozen backbones take on disk, and an end to it."""

import argparse

from attrlearn.data.cache import FeatureCache, default_cache_dir

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Print what the cache holds, or clear it."""
    with FeatureCache(arguments.cache_dir or default_cache_dir()) as cache:
        info = cache.info()
        held = f"{info.n_entries:,} features, {info.n_bytes / 1e6:,.1f} MB"
        if arguments.clear:
            cache.clear()
            print(f"{info.path}: removed {held}")
        else:
            print(f"{info.path}: {held} of at most {info.max_bytes / 1e6:,.0f} MB")
    return 0
