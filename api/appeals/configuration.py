"""The rules of appeals of this installation."""

from claims.appeals import AppealRuleError, AppealRules, packaged_appeal_rules, read_appeal_rules
from core.errors import SettingsError
from core.settings import Settings


def appeal_rules(settings: Settings) -> AppealRules:
    """The rules of the settings' file, or the packaged ones. Raises `SettingsError`."""
    path = settings.appeal_rules
    try:
        return packaged_appeal_rules() if path is None else read_appeal_rules(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"GINJA_APPEAL_RULES: {path} cannot be read: {error}.") from None
    except AppealRuleError as error:
        raise SettingsError(f"GINJA_APPEAL_RULES: {path}: {error}.") from None
