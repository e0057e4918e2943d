"""Honest claims of each specialty, which the explanation of a claim is compared with, and their file."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_PEERS = 2_000
"""Most claims of one specialty."""
MAX_ALL_PEERS = 20_000
"""Most claims of all specialties together: 8 MB at 100 features."""
MIN_PEERS = 30
"""Fewest claims of a specialty; fewer are no ground for a comparison."""


@dataclass(frozen=True, slots=True, eq=False)
class HonestPeers:
    """Vectors of training claims without a fraud label, by specialty. They carry no identifiers."""

    specialties: NDArray[np.str_]
    """(K,): sorted."""
    first: NDArray[np.int64]
    """(K+1,): first row of each specialty."""
    rows: NDArray[np.float32]
    """(N, F): vectors in the model's schema."""

    def of(self, specialty: str | None) -> NDArray[np.float32] | None:
        """The vectors (n, F) of a specialty; None where there are too few of it, or it is not known."""
        place = int(np.searchsorted(self.specialties, "" if specialty is None else specialty))
        if specialty is None or place == len(self.specialties) or self.specialties[place] != specialty:
            return None
        return self.rows[self.first[place] : self.first[place + 1]]


def choose_peers(specialties: Sequence[str | None], honest: NDArray[np.bool_]) -> dict[str, NDArray[np.intp]]:
    """Places of the peers of each specialty with enough of them: evenly spaced over its honest claims (N, a mask)."""
    found: dict[str, list[int]] = {}
    for place in np.flatnonzero(honest).tolist():
        specialty = specialties[place]
        if specialty is not None:
            found.setdefault(specialty, []).append(place)
    enough = {specialty: places for specialty, places in sorted(found.items()) if len(places) >= MIN_PEERS}
    most = min(MAX_PEERS, MAX_ALL_PEERS // max(1, len(enough)))
    return {specialty: _spread(np.array(places), most) for specialty, places in enough.items()}


def peers_to_bytes(peers: HonestPeers) -> bytes:
    """The peers as an uncompressed `.npz`; the same peers give the same bytes."""
    out = io.BytesIO()
    np.savez(out, specialties=peers.specialties, first=peers.first, rows=peers.rows)
    return out.getvalue()


def read_peers(raw: bytes, *, features: int) -> HonestPeers:
    """Read peers from the bytes of `peers_to_bytes`. Raises `ValueError` if the arrays are inconsistent."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as file:
        if set(file.files) != {"specialties", "first", "rows"}:
            raise ValueError("not a file of peers")
        peers = HonestPeers(**{name: np.ascontiguousarray(file[name]) for name in file.files})
    typed = peers.specialties.dtype.kind == "U" and peers.first.dtype == np.int64 and peers.rows.dtype == np.float32
    if not typed or peers.specialties.ndim != 1 or peers.rows.ndim != 2:
        raise ValueError("an array of the peers has an unexpected type")
    if peers.first.shape != (len(peers.specialties) + 1,) or peers.rows.shape[1] != features:
        raise ValueError("an array of the peers has an unexpected shape")
    if peers.first[0] != 0 or peers.first[-1] != len(peers.rows) or (np.diff(peers.first) < 1).any():
        raise ValueError("the specialties of the peers overlap")
    if (peers.specialties[1:] <= peers.specialties[:-1]).any():
        raise ValueError("the specialties of the peers are not sorted")
    return peers


def _spread(places: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    if len(places) <= most:
        return places
    return places[np.linspace(0, len(places) - 1, most).astype(np.intp)]
