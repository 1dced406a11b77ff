"""The error of an image that cannot be read."""

__all__ = ["ImageError"]


class ImageError(OSError):
    """An image cannot be read.

    Parameters
    ----------
    text : str
        What ``str(error)`` gives.
    row, image, reason
        See below.

    Attributes
    ----------
    row : int or None
        Position of the image in X, from 0.
    image : str
        Its path, or for an image in memory its type, such as "of type bytes".
    reason : str
        Why it cannot be read, such as "file is truncated".

    Examples
    --------
    >>> from attrlearn import ImageEmbedder, ImageError
    >>> embedder = ImageEmbedder("squeezenet1_1", weights=None, image_size=32)
    >>> try:
    ...     embedder.fit_transform(["shots/a.jpg"])
    ... except ImageError as error:
    ...     error.row, error.image, error.reason
    (0, 'shots/a.jpg', 'no such file')
    """

    def __init__(
        self, text: str, row: int | None = None, image: str = "", reason: str = ""
    ) -> None:
        super().__init__(text)  # alone, as OSError takes a second argument for its own
        self.row = row
        self.image = image
        self.reason = reason
