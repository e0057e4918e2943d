"""LoopError: dispositions or an audit that cannot be used; the message says which and why."""


class LoopError(ValueError):
    """The loop cannot go on with this."""

    exit_code = 2
