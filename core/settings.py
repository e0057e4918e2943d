"""Every setting, typed and documented, read once from the environment (prefix `GINJA_`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """How this installation runs. Unset server URLs mean the embedded servers under `home`."""

    model_config = SettingsConfigDict(env_prefix="GINJA_", env_file=None, extra="ignore", frozen=True)

    home: Path = Field(Path(".ginja"), description="Folder of all Ginja keeps: servers, data, features, models.")
    data_dir: Path = Field(Path("../shared/data"), description="Folder of real data sets, none of them in the repo.")
    database_url: SecretStr | None = Field(None, description="Postgres URL; unset: the embedded Postgres.")
    redis_url: SecretStr | None = Field(None, description="Valkey or Redis URL; unset: the embedded Valkey.")
    mlflow_url: str | None = Field(None, description="MLflow tracking URL; unset: a SQLite store under home.")

    api_host: str = Field("127.0.0.1", description="Address the claims API binds.")
    api_port: int = Field(8600, description="Port of the claims API.")
    scorer_host: str = Field("127.0.0.1", description="Address the scorer binds; keep it private.")
    scorer_port: int = Field(8601, description="Port of the scorer.")
    scorer_workers: int = Field(1, ge=1, le=64, description="Worker processes of the scorer.")
    mlflow_port: int = Field(8602, description="Port of the MLflow UI under `ginja up`.")
    scorer_url: str | None = Field(None, description="Where the API finds the scorer; unset: host and port above.")
    scorer_deadline_ms: int = Field(150, ge=1, description="Longest the API waits for a score before the rule decides.")
    scorer_hedge_after_ms: int | None = Field(
        None, ge=1, description="Without a score for so long, ask a second time and take the first; unset: ask once."
    )
    rule_approval_cap_cents: int = Field(
        100_000, ge=0, description="While degraded, a rule-decided claim above this goes to review."
    )
    score_least_gain_present: float = Field(
        0.5, ge=0, le=1, description="A score of which less of the model's gain was available counts as no score."
    )
    score_complete_gain_present: float = Field(
        0.8, ge=0, le=1, description="A score of which less of the model's gain was available goes to review."
    )
    auto_approval_cap_cents: int = Field(
        1_000_000, ge=0, description="A claim above this amount is always reviewed by a person."
    )
    min_provider_claims: int = Field(
        5, ge=0, description="Claims of a provider with fewer accepted claims in the last year are reviewed."
    )
    suspicion_days: int = Field(
        7, ge=0, description="A claim for a service held in review so many days apart inherits the review."
    )
    max_replacements: int = Field(5, ge=1, description="A claim is replaced at most so often; then 409.")

    max_body_bytes: int = Field(262_144, description="Largest request body; above it 413.")
    features_stale_after_s: float = Field(
        30.0, gt=0, description="Without a sign of the worker for so long, today's features count as missing."
    )
    log_level: str = Field("INFO", description="Least severe level that is logged.")

    @property
    def scorer_base_url(self) -> str:
        """The scorer's address as the API calls it."""
        return self.scorer_url or f"http://{self.scorer_host}:{self.scorer_port}"

    def environment(self) -> dict[str, str]:
        """The variables that give another process these settings; the unset ones are left out."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            f"GINJA_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in values.items()
            if value is not None
        }


_held: list[Settings] = []


def settings() -> Settings:
    """The settings of this process: its environment's, or the ones `held`."""
    return _held[-1] if _held else _from_environment()


@cache
def _from_environment() -> Settings:
    return Settings()


@contextmanager
def held(now: Settings) -> Iterator[None]:
    """Run the block under `now`, whatever the environment says."""
    _held.append(now)
    try:
        yield
    finally:
        _held.pop()
