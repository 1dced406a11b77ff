"""From features to the class probabilities of every attribute."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attrlearn.nn.gate import SqueezeExcitationGate

__all__ = ["AttributeHead", "CategoryEmbedding", "ClassLogProbabilities"]


class CategoryEmbedding(nn.Module):
    """A learnt vector per category of the depicted item; row 0 stands for an unknown one.

    In training each category is hidden, replaced by the unknown one, with probability `dropout`:
    this is what the unknown row learns from.

    Parameters
    ----------
    n_categories : int
        How many are known.
    dim : int
        E, the width of a vector.
    dropout : float, default=0.1
        Probability in [0, 1).

    Shape
    -----
    categories : (B,) int64, 0 for unknown, else 1 to `n_categories`
    output : (B, E)
    """

    def __init__(self, n_categories: int, dim: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.table = nn.Embedding(n_categories + 1, dim)
        self.dropout = dropout

    def forward(self, categories: Tensor) -> Tensor:
        """Return the vectors of the categories."""
        if self.training:
            hidden = torch.rand(categories.shape, device=categories.device) < self.dropout
            categories = categories.masked_fill(hidden, 0)
        return self.table(categories)


class AttributeHead(nn.Module):
    """Features and categories to the logits of all attributes.

    One hidden block is shared, and the linear heads of all attributes are one matrix: a head of
    its own per attribute costs time in proportion to their number.

    Parameters
    ----------
    n_features : int
        D.
    n_logits : int
        L.
    n_categories : int
        Known categories; 0 builds no embedding.
    attention : bool
        Whether `SqueezeExcitationGate` comes first.
    category_dim : int
        Width of the category embedding.
    hidden_dim : int or None
        Width of the hidden block; None has no such block.
    norm : {"layer", "batch"} or None
        Normalisation in the hidden block.
    dropout : float
        Probability in [0, 1) that an input of the linear heads is dropped in training.

    Shape
    -----
    features : (B, D)
    categories : (B,) int64; not read if `n_categories` is 0
    output : (B, L)
    """

    def __init__(
        self,
        n_features: int,
        n_logits: int,
        n_categories: int,
        *,
        attention: bool,
        category_dim: int,
        hidden_dim: int | None,
        norm: str | None,
        dropout: float,
    ) -> None:
        super().__init__()
        self.attention = SqueezeExcitationGate(n_features) if attention else nn.Identity()
        self.embedding = CategoryEmbedding(n_categories, category_dim) if n_categories else None
        width = n_features + (category_dim if n_categories else 0)
        if hidden_dim is None:
            self.hidden: nn.Module = nn.Dropout(dropout)
        else:
            norms = {"layer": nn.LayerNorm, "batch": nn.BatchNorm1d}
            normalise = nn.Identity() if norm is None else norms[norm](hidden_dim)
            self.hidden = nn.Sequential(
                nn.Linear(width, hidden_dim), normalise, nn.ReLU(), nn.Dropout(dropout)
            )
            width = hidden_dim
        self.linear = nn.Linear(width, n_logits)

    def forward(self, features: Tensor, categories: Tensor) -> Tensor:
        """Return the logits."""
        features = self.attention(features)  # (B, D)
        if self.embedding is not None:
            features = torch.cat([features, self.embedding(categories)], dim=1)  # (B, D + E)
        return self.linear(self.hidden(features))  # (B, L)


class ClassLogProbabilities(nn.Module):
    """Logits to the log-probabilities of every class of every attribute, side by side.

    Loss and prediction read the same columns: those of one attribute are neighbours and sum to 1
    after ``exp``. A binary attribute has one logit and two columns, that of 0 and that of 1; one
    with k classes has k of each.

    Parameters
    ----------
    n_classes : list of int
        Classes of each attribute; of a binary one 2.
    is_binary : list of bool
        Whether the attribute has one logit in place of one per class.

    Shape
    -----
    logits : (B, L)
    output : (B, C), C the sum of `n_classes`

    Examples
    --------
    >>> import torch
    >>> layer = ClassLogProbabilities([2, 3], is_binary=[True, False])
    >>> layer.n_logits
    4
    >>> layer(torch.zeros(1, 4)).exp().round(decimals=2)
    tensor([[0.5000, 0.5000, 0.3300, 0.3300, 0.3300]])
    """

    binary: Tensor
    padded: Tensor
    order: Tensor

    def __init__(self, n_classes: list[int], is_binary: list[bool]) -> None:
        super().__init__()
        widths = [1 if binary else k for k, binary in zip(n_classes, is_binary, strict=True)]
        starts = [sum(widths[:a]) for a in range(len(widths))]
        self.n_logits = sum(widths)
        # Logits of the categorical attributes as one (attributes, classes) rectangle, -1 outside.
        several = [
            range(s, s + w) for s, w, b in zip(starts, widths, is_binary, strict=True) if not b
        ]
        padded = torch.full((len(several), max(map(len, several), default=0)), -1)
        for row, columns in enumerate(several):
            padded[row, : len(columns)] = torch.tensor(columns)
        binary = [s for s, b in zip(starts, is_binary, strict=True) if b]
        # Columns are made as all zeros' , all ones', all others'; `order` sorts them by attribute.
        made = [2 * s for s in binary] + [2 * s + 1 for s in binary]
        made += [2 * c for columns in several for c in columns]
        self.register_buffer("binary", torch.tensor(binary, dtype=torch.long), persistent=False)
        self.register_buffer("padded", padded, persistent=False)
        self.register_buffer("order", torch.tensor(made).argsort(), persistent=False)

    def forward(self, logits: Tensor) -> Tensor:
        """Return the log-probabilities."""
        logits = logits.float()  # under autocast the logits are short of digits
        one = logits[:, self.binary]  # (B, binary attributes)
        inside = self.padded >= 0
        several = logits[:, self.padded.clamp(min=0)].masked_fill(~inside, -torch.inf)
        several = several.log_softmax(dim=2)[:, inside]  # (B, classes of categorical attributes)
        return torch.cat([F.logsigmoid(-one), F.logsigmoid(one), several], dim=1)[:, self.order]
