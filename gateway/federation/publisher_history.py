"""What a publisher's rotations leave behind: the keys that have ended, and the links from one key to the next."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gateway.errors import SettingsError
from gateway.federation.publisher_ledger import read_json, write_whole
from trust.errors import TrustError
from trust.historical_keys import MAX_HISTORICAL_KEYS, HistoricalKey
from trust.keys import thumbprint
from trust.statement import read_configuration

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trust.keys import VerificationKey

MAX_LINKS = 16
_ENDED = "ended_keys.json"
_LINKS = "links.json"


class KeyHistory:
    """The ended keys of an entity, and its links, in two files of a folder.

    A link is a configuration that the former key signed and that lists the next one; oldest first, the last 16.
    """

    def __init__(self, folder: Path, *, entity: str) -> None:
        """Read what is there (SettingsError where it cannot be read)."""
        self._folder = folder
        self._entity = entity
        self._ended = _read_ended(read_json(folder / _ENDED, []), entity)
        self._links = _read_links(read_json(folder / _LINKS, []), entity)

    @property
    def ended(self) -> tuple[HistoricalKey, ...]:
        """The ended keys, oldest first, the last 64."""
        return self._ended

    @property
    def links(self) -> tuple[str, ...]:
        """The links, oldest first."""
        return self._links

    def has(self, mark: str) -> bool:
        """Tell whether the key with a thumbprint has ended."""
        return any(thumbprint(old.key.public_key) == mark for old in self._ended)

    def end(self, key: HistoricalKey) -> None:
        """Add an ended key, in place of what was known of it (SettingsError where it cannot be written)."""
        others = [old for old in self._ended if old.key.public_key != key.key.public_key]
        ended = (*others, key)[-MAX_HISTORICAL_KEYS:]
        self._write(_ENDED, [old.to_json() for old in ended])
        self._ended = ended

    def handed_on(self, key: VerificationKey) -> bool:
        """Tell whether a key has signed a link already; it hands on once."""
        return any(read_configuration(text)[1] == key for text in self._links)

    def link(self, text: str) -> None:
        """Add a link (SettingsError where it cannot be written)."""
        links = (*self._links, text)[-MAX_LINKS:]
        self._write(_LINKS, list(links))
        self._links = links

    def join(self, links: object, ended: Iterable[HistoricalKey]) -> None:
        """Take in links, as JSON, and ended keys of another replica (SettingsError: no links, or cannot be written)."""
        known = {thumbprint(old.key.public_key): old for old in (*self._ended, *ended)}
        merged = tuple(sorted(known.values(), key=lambda old: old.expires_at))[-MAX_HISTORICAL_KEYS:]
        chained = dict.fromkeys((*self._links, *_read_links(links, self._entity)))
        in_order = tuple(sorted(chained, key=lambda text: read_configuration(text)[0].version))[-MAX_LINKS:]
        if merged != self._ended:
            self._write(_ENDED, [old.to_json() for old in merged])
            self._ended = merged
        if in_order != self._links:
            self._write(_LINKS, list(in_order))
            self._links = in_order

    def _write(self, name: str, document: list[object] | list[str] | list[dict[str, object]]) -> None:
        write_whole(self._folder / name, json.dumps(document, indent=1).encode())


def _read_ended(documents: Any, entity: str) -> tuple[HistoricalKey, ...]:  # noqa: ANN401 - what JSON gives
    try:
        return tuple(HistoricalKey.from_json(document, issuer=entity) for document in documents)
    except (TrustError, TypeError, AttributeError) as error:
        raise SettingsError((f"{_ENDED}: not a list of ended keys ({type(error).__name__})",)) from None


def _read_links(links: Any, entity: str) -> tuple[str, ...]:  # noqa: ANN401 - what JSON gives
    try:
        good = isinstance(links, list) and all(read_configuration(text)[0].sub == entity for text in links)
    except (TrustError, TypeError, AttributeError):
        good = False
    if not good:
        raise SettingsError((f"{_LINKS}: not a list of our own configurations",))
    return tuple(links)
