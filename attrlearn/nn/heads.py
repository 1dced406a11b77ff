"""From features to the class probabilities of every attribute."""

from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from numbers import Integral
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attrlearn.nn.dropout import Dropout
from attrlearn.nn.gate import SqueezeExcitationGate
from attrlearn.nn.members import MemberBatchNorm, MemberLinear, MemberNorm

__all__ = [
    "AttributeHead",
    "CategoryEmbedding",
    "ClassLogProbabilities",
    "Standardization",
    "member_widths",
]


class Standardization(nn.Module):
    """Features to mean 0 and variance 1, by statistics that are set once and not learnt.

    Parameters
    ----------
    n_features : int
        D.

    Shape
    -----
    features, output : (B, D)

    Examples
    --------
    >>> layer = Standardization(2)
    >>> layer.set(mean=torch.tensor([1.0, 5.0]), std=torch.tensor([2.0, 0.0]))
    >>> layer(torch.tensor([[3.0, 5.0]]))
    tensor([[1., 0.]])
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))

    def set(self, mean: Tensor, std: Tensor) -> None:
        """Set the statistics (D,); a feature that is constant is only shifted."""
        # Rounding makes a constant feature vary a little; it must not be blown up.
        constant = std <= 1e-6 * (1 + mean.abs())
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(constant, 1, std).reciprocal())

    def forward(self, features: Tensor) -> Tensor:
        """Return the standardised features."""
        return (features - self.mean) * self.scale


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
    n_members : int, default=1
        M, each with its own vectors.

    Shape
    -----
    categories : (B,) int64, 0 for unknown, else 1 to `n_categories`
    output : (K, M, B, E) for K networks; the same are hidden in each
    """

    def __init__(
        self, n_categories: int, dim: int, dropout: float = 0.1, n_members: int = 1
    ) -> None:
        super().__init__()
        self.n_members = n_members
        self.table = nn.Parameter(torch.randn(n_members, n_categories + 1, dim))
        self.dropout = dropout

    def forward(self, categories: Tensor) -> Tensor:
        """Return the vectors of the categories."""
        codes = categories.expand(self.n_members, -1)  # (M, B)
        if self.training:
            hidden = torch.rand(codes.shape, device=codes.device) < self.dropout
            codes = codes.masked_fill(hidden, 0)
        n_tables, n_rows, _ = self.table.shape
        starts = torch.arange(n_tables, device=codes.device).view(-1, self.n_members, 1) * n_rows
        return F.embedding(codes + starts, self.table.flatten(0, 1))


class _Members(nn.Module):
    """M members of one form: features and categories to logits; see `AttributeHead`.

    Shape
    -----
    features : (B, D)
    categories : (B,) int64
    output : (K, M, B, L) for K networks
    """

    def __init__(
        self,
        n_members: int,
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
        self.n_members = n_members
        self.attention = (
            SqueezeExcitationGate(n_features, n_members=n_members) if attention else nn.Identity()
        )
        self.embedding = (
            CategoryEmbedding(n_categories, category_dim, n_members=n_members)
            if n_categories
            else None
        )
        width = n_features + (category_dim if n_categories else 0)
        if hidden_dim is None:
            self.hidden: nn.Module = Dropout(dropout)
        else:
            norms = {"layer": MemberNorm, "batch": MemberBatchNorm}
            normalise = nn.Identity() if norm is None else norms[norm](n_members, hidden_dim)
            self.hidden = nn.Sequential(
                MemberLinear(n_members, width, hidden_dim),
                normalise,
                nn.ReLU(),
                Dropout(dropout),
            )
            width = hidden_dim
        self.linear = MemberLinear(n_members, width, n_logits)

    def forward(self, features: Tensor, categories: Tensor) -> Tensor:
        """Return the logits."""
        # One copy for all networks, as long as they do the same with it.
        x = self.attention(features.expand(1, self.n_members, -1, -1))  # (1 or K, M, B, D)
        if self.embedding is not None:
            vectors = self.embedding(categories)  # (K, M, B, E)
            x = torch.cat([x.expand(len(vectors), -1, -1, -1), vectors], dim=3)
        return self.linear(self.hidden(x))  # (K, M, B, L)


def member_widths(hidden_dim: int | Sequence[int | None] | None) -> list[int | None]:
    """Return the width of the hidden block of each member, None for a linear one.

    Raises
    ------
    ValueError
        If there is no member, or something else among them.

    Examples
    --------
    >>> member_widths(128), member_widths((None, 128))
    ([128], [None, 128])
    """
    widths = list(hidden_dim) if isinstance(hidden_dim, Sequence) else [hidden_dim]
    wrong = [w for w in widths if w is not None and not (isinstance(w, Integral) and w >= 1)]
    if wrong or not widths:
        raise ValueError(
            "hidden_dim must be a width of 1 or more, None, or a tuple of at least one of these. "
            f"Got {hidden_dim!r}. Pass None for a linear head, 128 for a hidden layer, (None, 128) "
            "for both."
        )
    return [None if w is None else int(w) for w in widths]


class AttributeHead(nn.Module):
    """Features and categories to the logits of all attributes, by each of M members.

    In a member one hidden block is shared, and the linear heads of all attributes are one matrix: a
    head of its own per attribute costs time in proportion to their number. Members of one form are
    one batched computation.

    Parameters
    ----------
    n_features : int
        D.
    n_logits : int
        L.
    n_categories : int
        Known categories; 0 builds no embedding.
    standardize : bool
        Whether `Standardization` comes first.
    attention : bool
        Whether `SqueezeExcitationGate` comes next.
    category_dim : int
        Width of the category embedding.
    hidden_dim : int, None, or sequence of these
        Width of the hidden block of each member; None has no such block.
    norm : {"layer", "batch"} or None
        Normalisation in the hidden block.
    dropout : float
        Probability in [0, 1) that an input of the linear heads is dropped in training.

    Shape
    -----
    features : (B, D)
    categories : (B,) int64; not read if `n_categories` is 0
    output : (K, M, B, L); K is 1, but for what `copies` gives
    """

    def __init__(
        self,
        n_features: int,
        n_logits: int,
        n_categories: int,
        *,
        standardize: bool,
        attention: bool,
        category_dim: int,
        hidden_dim: int | Sequence[int | None] | None,
        norm: str | None,
        dropout: float,
    ) -> None:
        super().__init__()
        self.standardization = Standardization(n_features) if standardize else None
        counts = Counter(member_widths(hidden_dim))
        self.members = nn.ModuleList(
            _Members(
                n_members,
                n_features,
                n_logits,
                n_categories,
                attention=attention,
                category_dim=category_dim,
                hidden_dim=width,
                norm=norm,
                dropout=dropout,
            )
            for width, n_members in counts.items()
        )

    def forward(self, features: Tensor, categories: Tensor) -> Tensor:
        """Return the logits."""
        if self.standardization is not None:
            features = self.standardization(features)
        return torch.cat([members(features, categories) for members in self.members], dim=1)

    def copies(self, dropout: Sequence[float]) -> Self:
        """Return the heads of K networks that all begin as this one, each with its dropout.

        They learn side by side from the same rows; `take` hands over what one has learnt. Not with
        batch normalisation.
        """
        heads = deepcopy(self)
        for p in heads.parameters():
            p.data = p.data.repeat(len(dropout), *[1] * (p.ndim - 1))
        for module in heads.modules():
            if isinstance(module, Dropout):
                module.rates = list(dropout)
        return heads

    @torch.no_grad()
    def take(self, heads: Self, network: int) -> None:
        """Take over what one of the networks that `copies` gave has learnt."""
        for p, many in zip(self.parameters(), heads.parameters(), strict=True):
            p.copy_(many[network * len(p) : (network + 1) * len(p)])


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
    logits : (..., B, L)
    output : (..., B, C), C the sum of `n_classes`

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
        one = logits[..., self.binary]  # (..., B, binary attributes)
        inside = self.padded >= 0
        several = logits[..., self.padded.clamp(min=0)].masked_fill(~inside, -torch.inf)
        several = several.log_softmax(dim=-1)[..., inside]  # (..., B, classes of categorical ones)
        return torch.cat([F.logsigmoid(-one), F.logsigmoid(one), several], dim=-1)[..., self.order]
