"""The scorer service: reads features, scores and explains.

Its public interface is HTTP (docs/reference/scoring-api.md). The command line imports `supervisor` and `files`; other
rooms import nothing.
"""

__all__: list[str] = []
