"""``attrlearn cache``: what the features of frozen backbones take on disk, and an end to it."""

import argparse
import warnings
from pathlib import Path

from attrlearn.features.cache import FeatureCache, default_cache_dir

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Print what the cache holds, or clear it."""
    with warnings.catch_warnings(record=True) as trouble:
        warnings.simplefilter("always")
        folder = arguments.cache_dir or default_cache_dir()
        if folder is None or (Path(folder).exists() and not Path(folder).is_dir()):
            got = "no home folder of this user" if folder is None else f"the file {str(folder)!r}"
            raise NotADirectoryError(
                f"The cache must be a folder. Got {got}. Pass --cache-dir DIR."
            )
        with FeatureCache(folder) as cache:
            info = cache.info()
            if arguments.clear:
                cache.clear()
    held = f"{info.n_entries:,} features, {info.n_bytes / 1e6:,.1f} MB"
    if arguments.clear:
        print(f"{info.path}: removed {held}")
    elif trouble:
        raise OSError(
            f"The cache must be readable. Got the file {str(info.path)!r}, which is damaged or "
            "locked by another program. Remove it with attrlearn cache --clear."
        )
    else:
        print(f"{info.path}: {held} of at most {info.max_bytes / 1e6:,.0f} MB")
    return 0
