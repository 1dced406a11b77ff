"""Writes to a cache and reads from it as three others do, once a line has been read from stdin.

Its arguments are the folder of the cache and which of the four this one is.
"""

import sys

import numpy as np

from attrlearn.features.cache import FeatureCache

if __name__ == "__main__":
    content_hashes = [b"%016d" % i for i in range(240)]
    features = np.empty((240, 700), np.float32)
    features[:] = np.arange(240)[:, None]
    mine = range(int(sys.argv[2]), 240, 4)
    with FeatureCache(sys.argv[1]) as cache:
        print(flush=True)
        input()
        for start in range(0, 60, 4):
            rows = mine[start : start + 4]
            shared = range(start, start + 4)  # every worker writes these, too
            for some in (rows, shared):
                cache.put("s", [content_hashes[i] for i in some], features[list(some)])
            found, got = cache.get("s", content_hashes, 700)
            assert found[list(rows)].all()
            assert found[: start + 4].all()
            assert np.array_equal(got[found], features[found])
