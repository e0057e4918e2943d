"""ProviderLevelError: the provider-fraud files are not there, or not as they are published."""


class ProviderLevelError(Exception):
    """The set cannot be judged; the message names the file."""

    exit_code = 2
