"""The trainable suffix of a backbone in the way in which it is trained."""

from dataclasses import replace

from attrlearn.nn.compilation import Compiled
from attrlearn.nn.network import AttributeNetwork
from attrlearn.nn.recompute import Recomputed
from attrlearn.training.examples import Examples

__all__ = ["prepare_suffix"]


def prepare_suffix(
    examples: Examples, network: AttributeNetwork, *, gradient_checkpointing: bool, compile: bool
) -> Examples:
    """Return the examples for training; the network and what validates it stay as they are.

    Parameters
    ----------
    examples : Examples
    network : AttributeNetwork
        Whose backbone they run, or a part of it.
    gradient_checkpointing, compile : bool
        Not both; as in `attrlearn.AttributeClassifier`.
    """
    suffix = examples.source.suffix
    if suffix is None or network.backbone is None:
        return examples
    if gradient_checkpointing:
        suffix = Recomputed(suffix, network.backbone.model)
    if compile:
        suffix = Compiled(suffix)
    return replace(examples, training_suffix=suffix)
