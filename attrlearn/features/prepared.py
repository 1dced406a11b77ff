"""Backbones as inference backends run them, prepared once for all that have the same weights."""

import threading
from collections import deque
from os import PathLike
from typing import NamedTuple
from weakref import WeakKeyDictionary, WeakValueDictionary

import torch

from attrlearn.features.backends import Backend, open_backend
from attrlearn.features.model_folder import ModelFolder
from attrlearn.forks import in_forked_child
from attrlearn.nn.backbones import Backbone, Content

__all__ = ["Prepared", "prepare"]


class State(NamedTuple):
    """All that a prepared backbone depends on."""

    name: str
    image_size: int
    content_hash: str
    backend: str
    dtype: torch.dtype
    device: torch.device
    n_threads: int  # with which OpenVINO compiles; 0 for torch, which asks each time


class Prepared:
    """What a backbone in one state is prepared for, when the first image asks for it.

    Without a reference to the backbone, so that it goes when its model goes.

    Attributes
    ----------
    state : State
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self._opened: Backend | None = None
        self._lock = threading.Lock()

    def open(self, backbone: Backbone, cache_dir: str | PathLike | None) -> Backend:
        """Return the backbone as the inference backend runs it, the same one each time."""
        state = self.state
        with self._lock:
            if self._opened is None:
                kept = ModelFolder(cache_dir) if cache_dir is not None else None
                self._opened = open_backend(
                    state.backend, backbone, state.dtype, state.content_hash, kept
                )
            if state.backend == "openvino":
                _keep_a_while(self)
            return self._opened


_contents: WeakKeyDictionary[Backbone, Content] = WeakKeyDictionary()
_by_backbone: WeakKeyDictionary[Backbone, Prepared] = WeakKeyDictionary()  # as it was last
_by_state: WeakValueDictionary[State, Prepared] = WeakValueDictionary()
# Compiled models that outlive their last backbone, for the next fold: the frozen prefix of one that
# is fine-tuned, and the whole.
_last_used: deque[Prepared] = deque(maxlen=2)
_lock = threading.Lock()


@in_forked_child
def _forget() -> None:
    """Open backends anew."""
    global _contents, _by_backbone, _by_state, _last_used, _lock
    _contents, _by_backbone = WeakKeyDictionary(), WeakKeyDictionary()
    _by_state, _last_used = WeakValueDictionary(), deque(maxlen=2)
    _lock = threading.Lock()


def prepare(backbone: Backbone, backend: str, dtype: torch.dtype, *, as_built: bool) -> Prepared:
    """Return what a backbone, or another one with the same weights, is prepared for.

    Parameters
    ----------
    backbone : Backbone
        On the device that computes.
    backend : {"torch", "openvino"}
    dtype : torch.dtype
    as_built : bool
        Whether nobody can have edited it since `build_backbone`. Else its weights are compared:
        torch does not tell every way in which they can be edited.
    """
    state = State(
        backbone.name,
        backbone.image_size,
        _content(backbone, as_built).content_hash,
        backend,
        dtype,
        backbone.mean.device,
        torch.get_num_threads() if backend == "openvino" else 0,
    )
    with _lock:
        prepared = _by_state.get(state) or Prepared(state)
        _by_state[state] = _by_backbone[backbone] = prepared
    return prepared


def _content(backbone: Backbone, as_built: bool) -> Content:
    """Architecture and weights; to hash them takes long, and is done once as long as they stay."""
    if as_built and backbone.pretrained is not None:
        return backbone.pretrained
    checksum = backbone.checksum()
    for known in (backbone.pretrained, _contents.get(backbone)):
        if known is not None and known.checksum == checksum:
            return known
    content = Content(checksum, backbone.content_hash())
    _contents[backbone] = content
    return content


def _keep_a_while(prepared: Prepared) -> None:
    """Make it the one that was used last."""
    with _lock:
        if prepared in _last_used:
            _last_used.remove(prepared)
        _last_used.append(prepared)
