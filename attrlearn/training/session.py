"""The time that a fit has: when it ends early, and when its state is kept."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from os import PathLike
from time import monotonic
from typing import Any, Protocol

import numpy as np
import torch

from attrlearn.nn.processes import ALONE, Processes, join_processes
from attrlearn.training.checkpoint import CheckpointFolder, check_of
from attrlearn.training.seeds import draw_seed
from attrlearn.training.state import TrainingState

__all__ = ["Session", "open_session"]


class Training(Protocol):
    """What a session asks a training for after a step."""

    @property
    def last_loss(self) -> float:
        """Of the step."""

    def state(self) -> TrainingState:
        """Return what it takes to go on from here."""


class Session:
    """One run of a fit, of one or several trainings.

    Parameters
    ----------
    deadline : float or None, default=None
        Reading of `time.monotonic` after which the fit ends at the next step.
    folder : CheckpointFolder or None, default=None
        Where states are kept. It is the first of the processes that reads and writes it.
    checkpoint_every : float, default=0.0
        Seconds from one to the next.
    processes : Processes, default=ALONE
        They end together.

    Attributes
    ----------
    saved : TrainingState or None
        What to go on from.
    seed : int or None
        Of the fit, once it was drawn.
    is_ended : bool
        Whether the fit has ended early.
    unfinished : TrainingState or None
        Where it was then.
    interrupt : KeyboardInterrupt or None
        That ended it.
    """

    def __init__(
        self,
        deadline: float | None = None,
        folder: CheckpointFolder | None = None,
        checkpoint_every: float = 0.0,
        processes: Processes = ALONE,
    ) -> None:
        self.deadline = deadline
        self.folder = folder
        self.checkpoint_every = checkpoint_every
        self.processes = processes
        self._read = None
        if folder is not None:
            read = processes.attempt(lambda: folder.read() if processes.rank == 0 else None)
            self._read = processes.from_first(read)
        self.saved = self._read
        self.seed: int | None = None
        self.is_ended = False
        self.unfinished: TrainingState | None = None
        self.interrupt: KeyboardInterrupt | None = None
        self._of: dict[str, Callable[[], Any]] = {}
        self._training_deadline = deadline
        self._kept_at = monotonic()

    def draw_seed(self, random_state: int | np.random.RandomState | None) -> int:
        """Return the seed of the fit, that of the state to go on from if there is one."""
        self.seed = draw_seed(random_state)
        if self.saved is not None:
            self.seed = self.saved.record["seed"]
        self.seed = self.processes.from_first(self.seed)
        return self.seed

    def identify(self, name: str, describe: Callable[[], Any]) -> None:
        """Take note of what the fit is of; raise if the processes or the kept state differ in it.

        It is described when it is asked for, and once.
        """
        self._of[name] = describe = cache(describe)
        if self.processes.n > 1 and len({repr(of) for of in self.processes.gather(describe())}) > 1:
            raise ValueError(
                f"fit must get the same {name} in each process of torchrun. Got different ones. "
                "Let all run the same script on the same data."
            )
        if self._read is not None and self.folder is not None:
            check_of(self._read.record["of"], {name: describe()}, self.folder.path)

    def go_on_from(self, state: TrainingState) -> bool:
        """Go on from the state of an earlier fit, and return True, if it was of the same."""
        before = state.record["of"]
        if any(before.get(name) != described for name, described in self._describe().items()):
            return False
        self.saved, self.seed = state, state.record["seed"]
        return True

    def is_past(self, phase: str) -> bool:
        """Whether the state to go on from is of a later training than this."""
        return self.saved is not None and self.saved.record["phase"] != phase

    def take(self, phase: str) -> TrainingState | None:
        """Return the state to go on from if it is of this training."""
        if self.saved is None or self.is_past(phase):
            return None
        saved, self.saved = self.saved, None
        return saved

    def reserve(self, share: float) -> None:
        """Leave a share of the time for what comes after the training."""
        if self.deadline is not None:
            self._training_deadline = self.deadline - share * (self.deadline - monotonic())

    def parts(self, n: int) -> Iterator["Session"]:
        """Yield `n` sessions that share the time that is left, and keep nothing."""
        for n_left in range(n, 0, -1):
            deadline, now = self.deadline, monotonic()
            if deadline is not None:
                deadline = now + (deadline - now) / n_left
            yield Session(deadline, processes=self.processes)

    def ends_after_step(self, training: Training) -> bool:
        """Keep the state if it is time to; return whether to end."""
        if self.deadline is None and self.folder is None:
            return False
        now = monotonic()
        ends = self._training_deadline is not None and now >= self._training_deadline
        keeps = self.folder is not None and now - self._kept_at >= self.checkpoint_every
        self.is_ended, keeps = self.processes.from_first((ends, keeps))
        if keeps and not self.is_ended:
            self._keep(training.state())
        return self.is_ended

    @contextmanager
    def catching_interrupts(self) -> Iterator[None]:
        """Let a KeyboardInterrupt end the block, and be known; several processes just stop."""
        try:
            yield
        except KeyboardInterrupt as error:
            if self.processes.n > 1:
                raise
            self.is_ended, self.interrupt = True, error

    def leave(self, training: Training) -> None:
        """Keep the last state of a training; one that was interrupted may be between two steps."""
        if not self.is_ended and self.folder is None:
            return
        state = training.state()
        state.record.update(of=self._describe(), seed=self.seed)
        if self.interrupt is None and self.folder is not None:
            self._keep(state)
        if self.is_ended:
            self.unfinished = state

    def close(self) -> None:
        """Remove what was kept of a fit that has ended with its last training."""
        if self.folder is not None and not self.is_ended and self.processes.rank == 0:
            self.folder.clear()

    def _keep(self, state: TrainingState) -> None:
        """Write a state."""
        assert self.folder is not None
        state.record.update(of=self._describe(), seed=self.seed)
        if self.processes.rank == 0:
            self.folder.write(state)
        self._kept_at = monotonic()

    def _describe(self) -> dict[str, Any]:
        """What the fit is of, by name."""
        return {name: describe() for name, describe in self._of.items()}


@contextmanager
def open_session(
    time_limit: float | None,
    checkpoint_dir: str | PathLike[str] | None,
    checkpoint_every: float,
    device: torch.device,
) -> Iterator[Session]:
    """Open the session of a fit, for as long as it takes.

    Parameters
    ----------
    time_limit, checkpoint_dir, checkpoint_every
        As in `attrlearn.AttributeClassifier`.
    device : torch.device
        On which the processes of torchrun compute, if it has started this one.

    Raises
    ------
    ValueError
        If another fit has the folder, or what it holds cannot be gone on from.
    """
    deadline = None if time_limit is None else monotonic() + time_limit
    processes = join_processes(device)
    folder = None if checkpoint_dir is None else CheckpointFolder(checkpoint_dir)
    with ExitStack() as stack:
        if folder is not None:
            processes.attempt(lambda: processes.rank or stack.enter_context(folder))
        yield Session(deadline, folder, checkpoint_every, processes)
