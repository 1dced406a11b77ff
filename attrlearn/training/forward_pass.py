"""What runs, and is differentiated, in a step of training."""

from torch import Tensor, nn

from attrlearn.nn.network import AttributeNetwork
from attrlearn.training.sources import Suffix

__all__ = ["ForwardPass"]


class ForwardPass(nn.Module):
    """From the inputs of a batch to the log-probabilities by each member of the head.

    One module, so that what wraps modules, such as data-parallel training, has one to wrap.

    Parameters
    ----------
    network : AttributeNetwork
    suffix : callable or None
        As from `attrlearn.training.training_suffix.prepare_suffix`.

    Shape
    -----
    inputs : (B, ...) as the source gives them
    categories : (B,) int64
    output : (M, B, C)
    """

    def __init__(self, network: AttributeNetwork, suffix: Suffix | None) -> None:
        super().__init__()
        self.network = network
        self.suffix = suffix

    def forward(self, inputs: Tensor, categories: Tensor) -> Tensor:
        """Return the log-probabilities."""
        features = inputs if self.suffix is None else self.suffix(inputs)
        (of_members,) = self.network.by_member(features, categories)
        return of_members
