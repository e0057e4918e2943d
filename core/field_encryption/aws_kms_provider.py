"""Master keys in AWS KMS: the service wraps data keys under one symmetric key, which does not leave it.

Requests are signed (Signature Version 4) and retried by botocore, which also finds the credentials. The encryption
context is authenticated, and is in CloudTrail: it names the row that the key is stored in, and no person. API:
https://docs.aws.amazon.com/kms/latest/APIReference.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypedDict, cast

from core.errors import DecryptionError, KeyProviderUnavailableError, SettingsError
from core.field_encryption.providers import BoundKey, WrappedKey
from core.settings import Settings

if TYPE_CHECKING:
    from botocore.client import BaseClient

ATTEMPTS: Final = 3
TIMEOUT_S: Final = 2
"""For connecting, and for each read."""
_NOT_OURS: Final = ("InvalidCiphertextException", "IncorrectKeyException", "ValidationException")
"""The ciphertext was changed, or is of another key or context."""


class _Answer(TypedDict, total=False):
    """What operations of KMS return, as far as it is read."""

    CiphertextBlob: bytes
    KeyId: str
    Plaintext: bytes


class AwsKmsKeyProvider:
    """Asks AWS KMS. Threads may share it."""

    name = "aws-kms"

    def __init__(self, client: "BaseClient", key: str) -> None:
        """`key` is the id, ARN or alias of the key that wraps; a ciphertext names the key that unwraps it."""
        self._client, self._key = client, key

    @classmethod
    def of(cls, settings: Settings) -> "AwsKmsKeyProvider":
        """The provider of the settings; raises `SettingsError` where botocore, the key or the region is missing."""
        if settings.aws_kms_key is None:
            raise SettingsError("GINJA_AWS_KMS_KEY must be set: AWS KMS has wrapped data keys")
        try:
            import botocore.session
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
        except ImportError:
            raise SettingsError("AWS KMS needs botocore: run `pip install 'ginja-claims[aws]'`") from None
        config = Config(
            connect_timeout=TIMEOUT_S,
            read_timeout=TIMEOUT_S,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            user_agent_appid="ginja",
        )
        try:
            client = botocore.session.get_session().create_client(
                "kms", region_name=settings.aws_kms_region, endpoint_url=settings.aws_kms_url, config=config
            )
        except (BotoCoreError, ValueError) as error:
            raise SettingsError(f"AWS KMS cannot be used: {error} See GINJA_AWS_KMS_REGION.") from None
        return cls(client, settings.aws_kms_key)

    def wrap(self, key: bytes, context: str) -> WrappedKey:
        """See `KeyProvider`."""
        made = self._ask("encrypt", KeyId=self._key, Plaintext=key, EncryptionContext=_row(context))
        return WrappedKey(made["CiphertextBlob"], made["KeyId"])

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """See `KeyProvider`."""
        return self._ask("decrypt", CiphertextBlob=wrapped, EncryptionContext=_row(context))["Plaintext"]

    def rewrap(self, keys: Sequence[BoundKey]) -> list[WrappedKey]:
        """See `KeyProvider`: inside KMS, a request for each key, because KMS has none for several."""
        done = []
        for one in keys:
            row = _row(one.context)
            made = self._ask(
                "re_encrypt",
                CiphertextBlob=one.wrapped,
                SourceEncryptionContext=row,
                DestinationKeyId=self._key,
                DestinationEncryptionContext=row,
            )
            done.append(WrappedKey(made["CiphertextBlob"], made["KeyId"]))
        return done

    def rotate(self) -> bool:
        """See `KeyProvider`. Versions are made by the rotation policy of the key, or another key is named."""
        return False

    def _ask(self, operation: str, **parameters: object) -> _Answer:
        from botocore.exceptions import BotoCoreError, ClientError

        ask = cast(Callable[..., _Answer], getattr(self._client, operation))
        try:
            return ask(**parameters)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown")
            if code in _NOT_OURS:
                raise DecryptionError(
                    f"AWS KMS cannot decrypt a data key ({code}): it was changed, or wrapped for another row"
                ) from None
            raise KeyProviderUnavailableError(
                f"AWS KMS refuses {operation} ({code}); check GINJA_AWS_KMS_KEY, its policy and the credentials"
            ) from None
        except BotoCoreError as error:
            raise KeyProviderUnavailableError(
                f"AWS KMS cannot be asked ({type(error).__name__}); check GINJA_AWS_KMS_REGION, GINJA_AWS_KMS_URL and "
                "the credentials, or retry later"
            ) from None


def _row(context: str) -> dict[str, str]:
    return {"table": "data_keys", "column": "wrapped_key", "row": context}
