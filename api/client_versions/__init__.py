"""The version that a client is pinned to: shown, upgraded, and rolled back."""

from api.client_versions.service import ROLLBACK_WINDOW, ClientVersion, ClientVersions, set_version

__all__ = ["ROLLBACK_WINDOW", "ClientVersion", "ClientVersions", "set_version"]
