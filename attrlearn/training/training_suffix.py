"""The trainable suffix of a backbone in the way in which it is trained."""

from attrlearn.nn.compilation import Compiled
from attrlearn.nn.network import AttributeNetwork
from attrlearn.nn.recompute import Recomputed
from attrlearn.training.sources import Suffix

__all__ = ["prepare_suffix"]


def prepare_suffix(
    suffix: Suffix | None,
    network: AttributeNetwork,
    *,
    gradient_checkpointing: bool,
    compile: bool,
) -> Suffix | None:
    """Return the suffix for training; the network and what validates it stay as they are.

    Parameters
    ----------
    suffix : callable or None
        As in `attrlearn.training.sources.Source`.
    network : AttributeNetwork
        Whose backbone it runs, or a part of it.
    gradient_checkpointing, compile : bool
        Not both; as in `attrlearn.AttributeClassifier`.
    """
    if suffix is None or network.backbone is None:
        return suffix
    if gradient_checkpointing:
        return Recomputed(suffix, network.backbone.model)
    return Compiled(suffix) if compile else suffix
