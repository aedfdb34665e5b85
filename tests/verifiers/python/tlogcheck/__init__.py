"""Checks tiled transparency logs, from the specifications alone; no line of it comes from the host that writes them."""


class Bad(Exception):
    """Something does not verify. `index` is the first entry that is thereby not proved, where one can be named."""

    def __init__(self, reason: str, index: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.index = index
