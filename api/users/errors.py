"""Why a user or a password is refused."""


class WeakPassword(ValueError):
    """A password that is not accepted; the message says what is allowed, and nothing of the password."""
