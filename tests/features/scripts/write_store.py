"""Writes entries to the store of its argument, eight at a time, until it is killed."""

import sys
from pathlib import Path

from attrlearn.features.store import ByteStore

if __name__ == "__main__":
    store = ByteStore(Path(sys.argv[1]), ["t"], max_bytes=10**9)
    for batch in range(store.count("t") // 8, 10**6):
        store.put("t", [(b"%d/%d" % (batch, i), b"%d/%d" % (batch, i) * 3_000) for i in range(8)])
        print(batch, flush=True)
