"""DriftError: there are too few days or claims to compare; the message says how many are required."""


class DriftError(ValueError):
    """Drift cannot be measured."""

    exit_code = 2
