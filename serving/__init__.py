"""The scorer: read, score, explain; nothing else.

Its one promise to other rooms is the wire (docs/scoring.md). The command line uses `supervisor` and `files`; no other
room imports anything of it.
"""

__all__: list[str] = []
