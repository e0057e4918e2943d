"""`ginja sample`: random samples of paid claims and the overpayment of all of them."""

from cli.sample.commands import draw_, frame, size, worksheet
from cli.sample.estimate import estimate
from cli.sample.export import export

__all__ = ["draw_", "estimate", "export", "frame", "size", "worksheet"]
