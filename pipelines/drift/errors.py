"""DriftError: there are too few days or claims to compare with; the message says how many are wanted."""


class DriftError(ValueError):
    """Drift cannot be measured."""

    exit_code = 2
