"""Secrets that are stored and needed again in clear, such as those that sign webhooks: sealed by data keys.

Earlier releases encrypted them with Fernet, in the same columns (`core/encryption.py`). Those are read until
`ginja crypto rotate` seals them.
"""

from api.field_keys.columns import SealedColumn
from api.field_keys.service import FieldKeys
from core.encryption import Encryption, is_fernet
from core.settings import Settings


class StoredSecrets:
    """Seals and opens the values of `SECRET_COLUMNS`. Methods raise `DecryptionError`, and what `FieldKeys` raises."""

    def __init__(self, settings: Settings, keys: FieldKeys) -> None:
        self.keys = keys
        self._earlier = Encryption(settings)

    async def seal(self, column: SealedColumn, value: str, *row: object) -> bytes:
        """A secret as it is stored in a row with these values of `SealedColumn.row`."""
        return column.seal(await self.keys.current(column.purpose), value.encode(), *row)

    async def opened(self, column: SealedColumn, stored: bytes, *row: object) -> str:
        """The secret of a row."""
        if is_fernet(stored):
            return self._earlier.decrypt(stored)
        return (await column.opened(self.keys, stored, *row)).decode()
