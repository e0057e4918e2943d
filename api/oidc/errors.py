"""Why an answer of the identity provider is not accepted."""


class ProviderRefused(Exception):
    """The provider's answer is invalid or says no; the message is for the person, and has nothing of a token."""


class ProviderUnavailable(Exception):
    """The provider did not answer in time, or not as it should."""
