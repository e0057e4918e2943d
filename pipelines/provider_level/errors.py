"""ProviderLevelError: the provider-fraud files are missing or differ from the published ones."""


class ProviderLevelError(Exception):
    """The set cannot be evaluated; the message names the file."""

    exit_code = 2
