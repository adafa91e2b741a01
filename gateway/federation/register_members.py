"""Members of an anchor: who may join, who has joined, one file for each in a folder.

The files are read again whenever one has changed, so that a command beside the running node can admit and withdraw.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.errors import SettingsError
from gateway.federation.publisher_ledger import locked, read_json, write_whole
from trust.claim_rules import is_count, is_entity, is_time
from trust.claims import is_issuer
from trust.encoding import hash_request
from trust.entity import read_keys
from trust.errors import TrustError
from trust.keys import KeyRing, VerificationKey

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

_FIELDS = ("entity", "region", "gateway", "version", "admitted_at", "jwks", "configuration")


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A party that the agreement lists: the region, and the gateway that acts for it.

    `entity` is who alone may join as this party, where that is laid down; `holder` says that it holds the trust mark
    of parties to the joint catalog.
    """

    region: str
    gateway: str
    entity: str | None = None
    holder: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An entity that was admitted, under which region and gateway, with which federation keys.

    `configuration` is the last of its configurations that was believed here (compact JWS), `version` its number;
    `admitted_at` is in Unix seconds.
    """

    entity: str
    region: str
    gateway: str
    version: int
    admitted_at: int
    keys: tuple[VerificationKey, ...]
    configuration: str

    def to_json(self) -> dict[str, object]:
        """Write the member as it stands in its file."""
        told = {name: getattr(self, name) for name in _FIELDS if name != "jwks"}
        return {**told, "jwks": KeyRing(self.keys).jwks(self.entity)}

    @classmethod
    def from_json(cls, document: Any) -> Member:  # noqa: ANN401 - what is in a file is seen here
        """Read a member.

        Raises:
            SettingsError: a field is missing, unknown or wrong.
        """
        if not isinstance(document, dict) or document.keys() != set(_FIELDS) or not _is_well_formed(document):
            raise SettingsError(("member: a field is missing or wrong",))
        try:
            keys = read_keys(document["jwks"], issuer=document["entity"])
        except TrustError as error:
            raise SettingsError((f"member: keys that cannot be used ({type(error).__name__})",)) from error
        return cls(keys=keys, **{name: document[name] for name in _FIELDS if name != "jwks"})


def _is_well_formed(document: dict[str, object]) -> bool:
    """Hold every field but the inside of the keys against its rule."""
    return (
        is_entity(document["entity"])
        and all(isinstance(name := document[field], str) and is_issuer(name) for field in ("region", "gateway"))
        and is_count(document["version"])
        and is_time(document["admitted_at"])
        and isinstance(document["jwks"], dict)
        and isinstance(document["configuration"], str)
    )


class MemberFolder:
    """The members on the disk, one JSON file each, named after the hash of the entity."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is made if need be (SettingsError where that cannot be done)."""
        self._folder = folder
        self._seen: dict[str, tuple[tuple[int, int, int], Member]] = {}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError((f"{folder.name}: cannot be made ({type(error).__name__})",)) from error

    def load(self) -> dict[str, Member]:
        """Read all members by entity; only files that have changed are read again.

        Raises:
            SettingsError: a file cannot be read, or is not named after its member.
        """
        seen = {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                told = path.stat()
            except FileNotFoundError:
                continue  # withdrawn in this moment
            stamp = (told.st_mtime_ns, told.st_size, told.st_ino)
            known = self._seen.get(path.name)
            seen[path.name] = known if known and known[0] == stamp else (stamp, self._read(path))
        self._seen = seen
        return {member.entity: member for _, member in seen.values()}

    def save(self, member: Member) -> None:
        """Write a member (SettingsError where it cannot be written)."""
        write_whole(self._path(member.entity), json.dumps(member.to_json(), indent=1).encode())

    def remove(self, entity: str) -> None:
        """Remove a member; one that is not there is no fault (SettingsError where it cannot be removed)."""
        path = self._path(entity)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise SettingsError((f"{path.name}: cannot be removed ({type(error).__name__})",)) from error

    def alone(self) -> AbstractContextManager[None]:
        """Change members while nobody else does, a command beside the anchor either (SettingsError).

        Without it, who is withdrawn while a newer configuration of it is judged would be written anew.
        """
        return locked(self._folder)

    def _path(self, entity: str) -> Path:
        return self._folder / f"{hash_request(entity.encode())}.json"

    def _read(self, path: Path) -> Member:
        member = Member.from_json(read_json(path, None))
        if path != self._path(member.entity):
            raise SettingsError((f"{path.name}: not named after its member",))
        return member
