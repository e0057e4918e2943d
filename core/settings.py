"""Every setting, typed and documented, read once from the environment (prefix `GINJA_`)."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from core.errors import SettingsError
from core.narrative_settings import NarrativeSettings
from core.plaintext import check_http
from core.secret_files import SecretFiles, secret_variables
from core.setting_groups import (
    DatabaseSettings,
    KeyProviderSettings,
    MailSettings,
    PayerSettings,
    PrivacySettings,
    SecuritySettings,
    SignInSettings,
)
from core.setting_types import (
    HttpUrl,
    Port,
    ScorerToken,
    TimeZone,
)

PREFIX = "GINJA_"
INSTANCE_VARIABLE = "GINJA_INSTANCE"
"""Names one start of a process; readiness answers with it."""
OTHER_VARIABLES = {
    "GINJA_API_KEY": "API key that `benchmarks/locustfile.py` submits claims with.",
    INSTANCE_VARIABLE: "Set by `ginja up` at each start of a process; `/readyz` answers with it.",
}
"""Variables with our prefix that are not settings, and what reads them."""
_ALL_ADDRESSES = ("0.0.0.0", "::")  # noqa: S104  # nosec B104


class Settings(
    DatabaseSettings,
    SignInSettings,
    MailSettings,
    KeyProviderSettings,
    SecuritySettings,
    PrivacySettings,
    PayerSettings,
    NarrativeSettings,
    BaseSettings,
):
    """How this installation runs. Unset server URLs mean the embedded servers under `home`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=None, extra="ignore", frozen=True)

    home: Path = Field(Path(".ginja"), description="Folder of all that Ginja stores: servers, data, features, models.")
    data_dir: Path = Field(
        default_factory=lambda values: Path(values["home"]) / "public",
        description="Folder of public data sets, such as `provider_fraud/`; unset: `public` under the home.",
    )
    mlflow_url: str | None = Field(
        None,
        description="MLflow tracking URL, `https` if it is a server on another machine; unset: a SQLite store under "
        "the home.",
    )

    tenant: str = Field(
        "default",
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$",
        description="Name of this tenant, which has a PostgreSQL and a Valkey database of its own; access tokens are "
        "valid for it alone.",
    )
    api_host: str = Field("127.0.0.1", description="Address the claims API binds to.")
    api_port: Port = Field(8600, description="Port of the claims API.")
    scorer_host: str = Field(
        "127.0.0.1", description="Address the scorer binds to; one beyond this machine needs `GINJA_SCORER_TOKEN`."
    )
    scorer_port: Port = Field(8601, description="Port of the scorer.")
    scorer_workers: int = Field(1, ge=1, le=64, description="Worker processes of the scorer.")
    task_processes: int = Field(
        2, ge=1, le=64, description="Processes that carry out tasks, such as claims sent with `Prefer: respond-async`."
    )
    mlflow_port: Port = Field(8602, description="Port of the MLflow UI under `ginja up`.")
    scorer_url: HttpUrl | None = Field(
        None,
        validate_default=True,
        description="URL at which the API reaches the scorer, `https` if it is on another machine; unset: "
        "`scorer_host` and `scorer_port`.",
    )
    scorer_ca_file: Path | None = Field(
        None, description="File of further certificate authorities, in PEM, that the scorer's HTTPS may use."
    )
    scorer_token: ScorerToken | None = Field(
        None,
        description="Token that callers of the scorer need: the same for API, worker, tasks and scorer. Unset: none, "
        "and the scorer answers on loopback addresses only.",
    )
    scorer_deadline_ms: int = Field(
        150, ge=1, description="Milliseconds the API waits for a score before the rule decides."
    )
    scorer_hedge_after_ms: int | None = Field(
        None,
        ge=1,
        description="Milliseconds without a score after which the API sends a second request; it takes the first "
        "answer. Unset: one request.",
    )
    rule_approval_cap_cents: int = Field(
        100_000,
        ge=0,
        le=10_000_000_000,
        description="A claim above this amount goes to review when the rule decides for lack of a score. A policy "
        "version in force replaces it.",
    )
    review_second_approval_above_cents: int = Field(
        500_000,
        ge=0,
        description="A claim in review above this amount, and the "
        "closing of a case with a loss above it, need the approval of a second person.",
    )
    score_least_gain_present: float = Field(
        0.5, ge=0, le=1, description="A score computed with less than this share of the model's gain is discarded."
    )
    score_complete_gain_present: float = Field(
        0.8,
        ge=0,
        le=1,
        description="A claim scored with less than this share of the model's gain goes to review. A policy version in "
        "force replaces it.",
    )
    auto_approval_cap_cents: int = Field(
        1_000_000,
        ge=0,
        le=10_000_000_000,
        description="A claim above this amount is always reviewed by a person. A policy version in force replaces it.",
    )
    review_cost_cents: int = Field(
        0,
        ge=0,
        description="What one review costs: `ginja review select` subtracts it from the expected recovery of each "
        "claim, and lists only claims whose review is expected to return it.",
    )
    review_capacity: int = Field(
        50,
        ge=0,
        le=100_000,
        description="Claims that can be reviewed in a week: the worker makes the list of each complete week with so "
        "many, and as many leads are listed; 0: it makes no list.",
    )
    review_audit_share: float = Field(
        0.1, ge=0, le=0.9, description="Share of them that the worker draws at random from the other claims."
    )
    min_provider_claims: int = Field(
        5,
        ge=0,
        le=1_000_000,
        description="Claims of a provider with fewer accepted claims in the last year are reviewed. A policy version "
        "in force replaces it.",
    )
    suspicion_days: int = Field(
        7,
        ge=0,
        le=366,
        description="A claim for a service that is in review inherits the review if both services are at most this "
        "many days apart. A policy version in force replaces it.",
    )
    max_replacements: int = Field(5, ge=1, description="How often a claim can be replaced; after that, 409.")

    max_connections: int = Field(2_000, ge=1, description="Connections of clients to the API; a further one gets 503.")
    max_connections_per_address: int = Field(
        512,
        ge=1,
        description="Connections to the API from one address; a further one gets 429. A proxy is one address.",
    )
    api_processes: int = Field(
        1, ge=1, le=1_000, description="Processes of the API; without Valkey each admits its share of the rate limits."
    )
    max_claims_per_member: int = Field(
        32, ge=1, description="Claims of one member that are decided or wait at a time; more get 429."
    )

    prompt_pay_rules: Path | None = Field(
        None, description="File of prompt-pay rules in the form of `claims/prompt_pay/rules.toml`; unset: that file."
    )
    appeal_rules: Path | None = Field(
        None, description="File of rules of appeals in the form of `claims/appeals/rules.toml`; unset: that file."
    )
    prompt_pay_alarm_days: int = Field(
        5,
        ge=0,
        le=365,
        description="Days before the prompt-pay due date of a claim in review from which an alarm is raised.",
    )
    rescreening_days: int = Field(
        365,
        ge=1,
        le=3_650,
        description="Claims received or decided within so many days are screened again after a change of a list, "
        "price, registry or eligibility; claims in review are, whenever they were received.",
    )
    time_zone: TimeZone = Field(
        "UTC",
        description="The insurer's time zone, an IANA name such as `Africa/Nairobi`: it decides which calendar day a "
        "claim is received on, the latest day of service that is accepted, and when a due date has passed.",
    )
    max_body_bytes: int = Field(262_144, ge=1, description="Largest request body in bytes; a larger one gets 413.")
    max_bulk_bytes: int = Field(
        209_715_200, ge=1, description="Largest file of claims that can be uploaded, in bytes; a larger one gets 413."
    )
    max_case_file_bytes: int = Field(
        25_000_000, ge=1, description="Largest file that can be added to a case, in bytes; a larger one gets 413."
    )
    features_stale_after_s: float = Field(
        30.0,
        gt=0,
        description="Seconds without a heartbeat of the worker after which today's features count as missing.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        "INFO", description="Lowest severity that is logged."
    )

    @field_validator("mlflow_url")
    @classmethod
    def _mlflow_with_tls(cls, url: str | None, values: ValidationInfo) -> str | None:
        if url is not None:
            check_http(url, values.data.get("plaintext_hosts", ""), server="MLflow")
        return url

    @field_validator("scorer_url")
    @classmethod
    def _scorer_with_tls(cls, url: str | None, values: ValidationInfo) -> str | None:
        host = values.data.get("scorer_host", "")
        if url is not None or host not in _ALL_ADDRESSES:  # those of every interface are reached on this machine
            bound = f"http://[{host}]" if ":" in host else f"http://{host}"
            check_http(url or bound, values.data.get("plaintext_hosts", ""), server="the scorer")
        return url

    @property
    def zone(self) -> ZoneInfo:
        """The insurer's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def scorer_base_url(self) -> str:
        """The scorer's address as the API calls it."""
        return self.scorer_url or f"http://{self.scorer_host}:{self.scorer_port}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is passed, then the environment, in which a secret is a value or the name of a file."""
        return init_settings, SecretFiles(settings_cls), env_settings

    @property
    def largest_upload(self) -> int:
        """Bytes of the largest file that is taken: no larger than what is scanned."""
        return self.max_bulk_bytes if self.clamd_url is None else min(self.max_bulk_bytes, self.clamd_max_bytes)

    @property
    def largest_case_file(self) -> int:
        """Bytes of the largest file that a case takes: no larger than what is scanned."""
        most = self.max_case_file_bytes
        return most if self.clamd_url is None else min(most, self.clamd_max_bytes)

    def environment(self) -> dict[str, str]:
        """The variables that give another process these settings; unset ones are left out.

        Variables that name the file of a secret are emptied, because its value is among them.
        """
        values = {name: getattr(self, name) for name in type(self).model_fields}
        emptied = {one: "" for one in secret_variables(type(self)).values() if os.environ.get(one)}
        return emptied | {
            variable(name): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in values.items()
            if value is not None
        }


def secret_text(secret: SecretStr | None) -> str | None:
    """A secret in clear; None: it is not set."""
    return None if secret is None else secret.get_secret_value()


def variable(setting: str) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}{setting.upper()}"


def instance() -> str | None:
    """What identifies this start of the process; `None` where no supervisor started it."""
    return os.environ.get(INSTANCE_VARIABLE)


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """One sentence for each variable with our prefix that is neither a setting nor in `OTHER_VARIABLES`."""
    known = [*map(variable, Settings.model_fields), *secret_variables(Settings).values(), *OTHER_VARIABLES]
    sentences = []
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = get_close_matches(name.upper(), known, 1, 0.7)
            sentences.append(f"{name} is not a setting; {f'did you mean {near[0]}?' if near else 'unset it.'}")
    return sentences


def settings_from_environment() -> Settings:
    """The settings of the environment as it is now. Raises `SettingsError`."""
    wrong = unknown_variables(os.environ)
    try:
        now = Settings()
    except ValidationError as error:
        wrong += [
            f"{variable(str(one['loc'][0]))}: {one['msg']}."
            for one in error.errors(include_input=False)
            if one["type"] != "default_factory_not_called"  # follows from another error
        ]
    if wrong:
        raise SettingsError(f"{' '.join(wrong)} All settings: docs/reference/settings.md.")
    return now


_held: list[Settings] = []


def settings() -> Settings:
    """The settings of this process: those of its environment, or those `held`. Raises `SettingsError`."""
    return _held[-1] if _held else _from_environment()


@cache
def _from_environment() -> Settings:
    return settings_from_environment()


@contextmanager
def held(now: Settings) -> Iterator[None]:
    """Run the block under `now`, whatever the environment contains."""
    _held.append(now)
    try:
        yield
    finally:
        _held.pop()
