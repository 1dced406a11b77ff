"""Parts in the order in which they are asked to take a unit."""

from heapq import heapify, heappop, heappush, heapreplace

import numpy as np

__all__ = ["PartQueue"]

SCALE = 1e9  # values that are equal to so many parts of one are equal


class PartQueue:
    """Parts in order of value, then of room, then of number.

    Parameters
    ----------
    value : ndarray of shape (F,)
    room : ndarray of shape (F,)
        Rows that each part still takes. Both may change for the part that `first` gave, which
        `update` is then to be told.

    Examples
    --------
    >>> value, room = np.array([2.0, 1.0, 2.0]), np.array([1.0, 9.0, 5.0])
    >>> queue = PartQueue(value, room)
    >>> queue.first(n_rows=4), queue.first(n_rows=1)
    (2, 2)
    >>> value[2] = 0
    >>> queue.update(2)
    >>> queue.first(n_rows=1), queue.first(n_rows=10)
    (0, 1)
    """

    def __init__(self, value: np.ndarray, room: np.ndarray) -> None:
        self.value, self.room = value, room
        ranks = (-np.rint(value * SCALE)).tolist(), (-room).tolist(), range(len(room))
        self._heap: list[tuple[float, float, int]] = list(zip(*ranks, strict=True))
        heapify(self._heap)
        self._aside: list[int] = []  # parts without room for `n_rows`
        self._n_rows = 0

    def first(self, n_rows: int) -> int:
        """First part with room for so many rows; if there is none, the one with most room."""
        if n_rows < self._n_rows:
            for part in self._aside:
                heappush(self._heap, self._rank(part))
            self._aside = []
        self._n_rows = n_rows
        while self._heap and self.room[self._heap[0][2]] < n_rows:
            self._aside.append(heappop(self._heap)[2])
        return self._heap[0][2] if self._heap else int(self.room.argmax())

    def update(self, part: int) -> None:
        """Move the part that `first` gave to its new place."""
        if self._heap:
            heapreplace(self._heap, self._rank(part))

    def _rank(self, part: int) -> tuple[float, float, int]:
        """What a part is sorted by."""
        return -round(self.value[part] * SCALE), -float(self.room[part]), part
