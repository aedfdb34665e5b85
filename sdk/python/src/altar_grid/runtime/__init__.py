"""The serving side: tools, and one stream to the host on which their calls arrive."""

from altar_grid.runtime.runtime import AltarRuntime, RuntimeState, RuntimeStatus

__all__ = ["AltarRuntime", "RuntimeState", "RuntimeStatus"]
