"""``attrlearn cache``: what features and converted models take on disk, and an end to it."""

import argparse
import warnings
from pathlib import Path

from attrlearn.features.cache import CacheInfo, FeatureCache, default_cache_dir
from attrlearn.features.model_folder import ModelFolder

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
            features = cache.info()
            models = ModelFolder(folder).info()
            if arguments.clear:
                cache.clear()
                ModelFolder(folder).clear()
    if trouble and not arguments.clear:
        raise OSError(
            f"The cache must be readable. Got the file {str(features.path)!r}, which is damaged or "
            "locked by another program. Remove it with attrlearn cache --clear."
        )
    _print("features", features, arguments.clear)
    if models.n_entries:
        _print("converted models", models, arguments.clear)
    return 0


def _print(what: str, info: CacheInfo, is_removed: bool) -> None:
    """Print how much there is, or was."""
    held = f"{info.n_entries:,} {what}, {info.n_bytes / 1e6:,.1f} MB"
    if is_removed:
        print(f"{info.path}: removed {held}")
    else:
        print(f"{info.path}: {held} of at most {info.max_bytes / 1e6:,.0f} MB")
