"""The steps of an epoch."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from math import inf
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from attrlearn.nn.device import send
from attrlearn.nn.losses import Loss
from attrlearn.nn.network import AttributeNetwork
from attrlearn.nn.processes import ALONE, Processes
from attrlearn.training.examples import Examples
from attrlearn.training.forward_pass import ForwardPass
from attrlearn.training.history import Epoch
from attrlearn.training.sources import Suffix

__all__ = ["EpochLoop", "check_finite", "split"]

CHECK_EVERY = 50  # steps, after which losses are looked at: a GPU must be waited for


class EpochLoop:
    """Minimises the weighted mean loss over the labelled cells, step by step.

    It can be left after any step, and gone on with: `n_done` and `order_state` say where it is.

    Parameters
    ----------
    network : AttributeNetwork
    examples : Examples
        What to learn from.
    suffix : callable or None
        As from `attrlearn.training.training_suffix.prepare_suffix`.
    loss : callable
        As from `attrlearn.nn.losses.build_loss`.
    optimizer, schedule
        Each makes one step per `batch_size * accumulate_steps` rows.
    clip_grad_norm : float or None
        Greatest norm of the gradient of a step; a longer one is scaled down to it.
    batch_size : int
        Rows that are seen at once, by all processes together.
    accumulate_steps : int
        Batches whose gradients are summed before a step.
    generator : torch.Generator
        Source of the row order and of the augmentation.
    context : context manager
        As from `attrlearn.nn.device.autocast`.
    processes : Processes, default=ALONE
        Each computes the gradient of its share of every batch.

    Attributes
    ----------
    number : int
        Of the epoch, from 1.
    n_done : int
        Steps of the epoch that were made.
    n_steps : int
        Steps of an epoch.
    order_state : Tensor
        State of the generator when the epoch began.
    losses : Tensor of shape (n_steps,)
        With several processes this one's part of each.
    seconds : float
        That the steps took.
    """

    def __init__(
        self,
        network: AttributeNetwork,
        examples: Examples,
        suffix: Suffix | None,
        *,
        loss: Loss,
        optimizer: Optimizer,
        schedule: LRScheduler,
        clip_grad_norm: float | None,
        batch_size: int,
        accumulate_steps: int,
        generator: torch.Generator,
        context: AbstractContextManager,
        processes: Processes = ALONE,
    ) -> None:
        self.network = network
        self.examples = examples
        self.loss = loss
        self.optimizer = optimizer
        self.schedule = schedule
        self.clip_grad_norm = clip_grad_norm
        self.batch_size = batch_size
        self.accumulate_steps = accumulate_steps
        self.generator = generator
        self.context = context
        self.processes = processes
        self.n_steps = len(split(torch.arange(len(examples)), batch_size * accumulate_steps))
        self.forward: nn.Module = ForwardPass(network, suffix)
        # Data-parallel training takes the mean of the gradients, of parts of one sum.
        self.sum_of_mean = torch.tensor(float(processes.n), device=examples.device)
        if processes.n > 1:
            self.forward = DistributedDataParallel(self.forward)
        self.number = 0
        self.begin()

    def begin(self) -> None:
        """Begin the next epoch."""
        self.number += 1
        self.n_done = 0
        self.order_state = self.generator.get_state()
        # One block: a small one that each step leaves in the memory that its batches free makes
        # that too small for the next, and the process grows with the steps.
        self.losses = torch.zeros(self.n_steps, device=self.examples.device)
        self.seconds = 0.0

    def run(self) -> Iterator[int]:
        """Make the steps that are left of the epoch; yield the rows of each after it."""
        self.generator.set_state(self.order_state)
        order = torch.randperm(len(self.examples), generator=self.generator)
        steps = [
            split(rows, self.batch_size)
            for rows in split(order, self.batch_size * self.accumulate_steps)
        ]
        parts = [self._share(part) for step in steps for part in step]
        n_before = sum(len(step) for step in steps[: self.n_done])
        batches = self.examples.source.batches(parts, self.generator, n_before)
        self.network.train()
        with closing(batches):  # type: ignore[type-var]
            for step in steps[self.n_done :]:
                started = perf_counter()
                with self._naming_step(len(step[0])):
                    self._step(step, batches)
                self.n_done += 1
                if self.n_done % CHECK_EVERY == 0:
                    check_finite(self.losses[: self.n_done].tolist(), self.number)
                self.seconds += perf_counter() - started
                yield sum(map(len, step))
        self.network.eval()
        self.processes.copy(self.network.buffers())  # each has seen rows of its own

    def epoch(self) -> Epoch:
        """Return what there is of the epoch; ValueError if its loss is not finite any more."""
        losses = self.losses[: self.n_done].clone()
        self.processes.sum(losses)
        check_finite(losses.tolist(), self.number)
        rate = float(self.schedule.get_last_lr()[0])
        return Epoch(losses.tolist(), rate, self.seconds)

    def _share(self, rows: Tensor) -> Tensor:
        """The rows of a batch that are this process's: one that does not count if there is none."""
        share = self.processes.share(len(rows))
        return rows[share.start : share.stop] if share else rows[:1]

    def _step(self, step: list[Tensor], batches: Iterator[Tensor]) -> None:
        """Go one step along the gradient of some batches of rows."""
        weights = self.examples.weights
        total = weights[torch.cat(step)].sum()  # of the labelled cells of all processes
        total = total.clamp(min=torch.finfo(total.dtype).tiny)
        for number, rows in enumerate(step, start=1):
            share = self._share(rows)
            of_share = total if self.processes.share(len(rows)) else torch.full_like(total, inf)
            with self._adding_up() if number < len(step) else nullcontext():
                self._descend(share, next(batches), of_share)
        if self.clip_grad_norm is not None:
            trained = [p for group in self.optimizer.param_groups for p in group["params"]]
            clip_grad_norm_(trained, self.clip_grad_norm)
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad()

    def _descend(self, rows: Tensor, inputs: Tensor, total: Tensor) -> None:
        """Add the gradient of the loss of some rows, their weights divided by `total`."""
        examples = self.examples
        inputs = send(inputs, examples.device)
        with self.context:
            outputs = self.forward(inputs, examples.categories[rows])  # (M, B, C)
        n_members = len(outputs)
        weights = examples.weights[rows] / total
        part = self.loss(
            outputs.flatten(0, 1),  # each member learns for itself
            examples.targets[rows].repeat(n_members, 1),
            weights.repeat(n_members, 1),
        )
        part.backward(self.sum_of_mean)
        self.losses[self.n_done] += part.detach() / n_members

    def _adding_up(self) -> AbstractContextManager:
        """While gradients are summed that no other process needs yet."""
        if isinstance(self.forward, DistributedDataParallel):
            return self.forward.no_sync()
        return nullcontext()

    @contextmanager
    def _naming_step(self, n_rows: int) -> Iterator[None]:
        """Say of memory that runs out in which step, and what to do."""
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            reason = f": {error}".splitlines()[0].rstrip(": .")
            raise MemoryError(
                "A training step must fit into memory. Got too little of it at step "
                f"{self.n_done + 1} of epoch {self.number}, with {n_rows} rows at once{reason}. "
                "Halve batch_size and double accumulate_steps, which gives the same gradient, or "
                'pass gradient_checkpointing=True, dtype="bfloat16", a smaller image_size, or '
                'trainable="last_block".'
            ) from error


def split(rows: Tensor, size: int) -> list[Tensor]:
    """Cut `rows` into parts of `size`; a last row left alone joins the part before it.

    Batch-norm cannot be trained on one row.

    Examples
    --------
    >>> [part.tolist() for part in split(torch.arange(5), 2)]
    [[0, 1], [2, 3, 4]]
    """
    parts = list(rows.split(int(size)))  # torch takes no int of numpy, such as a search draws
    if size > 1 and len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def check_finite(losses: list[float], epoch: int) -> None:
    """Raise at the first loss that is not finite."""
    for step, loss in enumerate(losses, start=1):
        if not loss < inf:
            raise ValueError(
                f"The training loss must stay finite. Got {loss} at step {step} of epoch {epoch}. "
                "Lower learning_rate, and backbone_learning_rate where a backbone is trained, or "
                "pass clip_grad_norm=1.0. If it is the first step, look for enormous numbers: in X "
                "(standardize=True), in sample_weight, in a loss of your own, or pass "
                'dtype="float32".'
            )


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch or Python says that memory has run out."""
    words = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)
