"""LoopError: dispositions or an audit cannot be used; the message says which and why."""


class LoopError(ValueError):
    """Dispositions, selections or exported claims cannot be used."""

    exit_code = 2
