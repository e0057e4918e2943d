"""Settings of the language model that drafts case summaries; a group of `core.settings.Settings`."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator

from core.setting_types import HttpUrl, is_this_machine


class NarrativeSettings(BaseModel):
    """Where case summaries are drafted; unset, templates write them."""

    narrative_url: HttpUrl | None = Field(
        None,
        description="Base URL of an OpenAI-compatible endpoint that drafts case summaries, such as "
        "`https://llm.insurer.example/v1`: `/chat/completions` is added. HTTPS, or HTTP on this machine. It is sent "
        "numbers and placeholders, no ids, names, dates or texts; each sentence of a draft is verified. Unset: "
        "templates alone.",
    )
    narrative_model: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, validate_default=True, description="Name of the model at that endpoint."
    )
    narrative_key: SecretStr | None = Field(
        None, description="API key that the endpoint gets as bearer token; unset: none."
    )
    narrative_deadline_s: float = Field(20.0, gt=0, le=300, description="Seconds for a draft; then templates write it.")

    @field_validator("narrative_url")
    @classmethod
    def _endpoint_is_protected(cls, url: str | None) -> str | None:
        if url is not None:
            parts = urlsplit(url)
            if parts.scheme != "https" and not is_this_machine(parts.hostname):
                raise ValueError("must be HTTPS; HTTP is for an endpoint on this machine only")
            if parts.username is not None or parts.query or parts.fragment:
                raise ValueError("must have no user, password, query or fragment; the key is GINJA_NARRATIVE_KEY")
        return url

    @field_validator("narrative_model")
    @classmethod
    def _model_is_named(cls, model: str | None, values: ValidationInfo) -> str | None:
        if values.data.get("narrative_url") is not None and model is None:
            raise ValueError("must be set together with GINJA_NARRATIVE_URL")
        return model
