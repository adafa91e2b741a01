"""What the statement of an offline pack says: closed tables, read strictly; standard library only.

`iss` is the visited region that made it for its gates, `serial` its number in the region's series, `iat` and `exp`
when it was made and when it is of no use any more (Unix seconds), `keys` those with which the region signs now, so that
a gate that believes this pack knows the next key too. `certificates` are the thumbprints (SHA-256, base64url) of the
certificates with which the region's own gateway asks others: a recognition that is bound to one of them was given to
the region itself. `regions` has, for each home region, the keys that sign its
recognitions, the agreement, `as_of` (all that the region had reported by then is in the set), the salt of the
fingerprints, the numbers of the sections with the set and the trust chain, `life`: for how many seconds after `as_of`
each class may be decided without asking, and `cards`: whether a card may be decided on without a recognition. `items`
has, for each item, by medium and home region, the classes and item types that may be granted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from trust.claim_rules import (
    Rule,
    check_claims,
    is_boolean,
    is_count,
    is_digest,
    is_index,
    is_list_of,
    is_members,
    is_object,
    is_time,
)
from trust.claims import is_issuer
from trust.encoding import decode_base64url, encode_base64url
from trust.errors import ClaimInvalidError, OfflinePackError
from trust.offline_set import SALT_BYTES
from trust.vocabulary import CLASSES, MEDIA, is_item_type, is_region

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT: Final = 1
MAX_LIFE_SECONDS: Final = 31 * 86_400
_MAX_REGIONS: Final = 64
_MAX_ITEMS: Final = 4096
_MAX_KEYS: Final = 16
_MAX_TYPES: Final = 64
_MAX_CERTIFICATES: Final = 64
_ITEM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _is_issuer(value: object) -> bool:
    return isinstance(value, str) and is_issuer(value)


def _is_salt(value: object) -> bool:
    data = decode_base64url(value) if isinstance(value, str) else None
    return data is not None and len(data) == SALT_BYTES


def _is_life(value: object) -> bool:
    return (
        isinstance(value, dict)
        and CLASSES.issuperset(value)
        and all(is_index(seconds) and seconds <= MAX_LIFE_SECONDS for seconds in value.values())
    )


def _is_keys(value: object) -> bool:
    """Accept JWKs by their frame; the one that is needed is read when a signature is verified."""
    return isinstance(value, list) and len(value) <= _MAX_KEYS and all(map(is_object, value))


_is_types: Final = is_list_of(
    lambda value: isinstance(value, str) and is_item_type(value), at_least=1, at_most=_MAX_TYPES
)


def _is_grant(value: object) -> bool:
    return isinstance(value, dict) and all(name in CLASSES and _is_types(types) for name, types in value.items())


def _is_grants(value: object) -> bool:
    return isinstance(value, dict) and all(is_region(region) and _is_grant(grant) for region, grant in value.items())


def _is_media(value: object) -> bool:
    return isinstance(value, dict) and MEDIA.issuperset(value) and all(map(_is_grants, value.values()))


_is_region: Final = is_members(
    agreement=_is_issuer,
    keys=_is_keys,
    as_of=is_time,
    life=_is_life,
    cards=is_boolean,
    salt=_is_salt,
    set=is_index,
    chain=is_index,
)
_is_item: Final = is_members(one_time=is_boolean, grants=_is_media)


def _is_regions(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= _MAX_REGIONS
        and all(is_region(region) and _is_region(told) for region, told in value.items())
    )


def _is_items(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= _MAX_ITEMS
        and all(_ITEM.fullmatch(item) and _is_item(told) for item, told in value.items())
    )


_TABLE: Final[Mapping[str, Rule]] = {
    "format": Rule("the known format", lambda value: value == FORMAT and is_count(value)),
    "iss": Rule("region", lambda value: isinstance(value, str) and is_region(value)),
    "serial": Rule("whole number from 1", is_count),
    "iat": Rule("whole seconds", is_time),
    "exp": Rule("whole seconds", is_time),
    "keys": Rule("keys", _is_keys),
    "certificates": Rule("thumbprints", is_list_of(is_digest, at_least=0, at_most=_MAX_CERTIFICATES)),
    "regions": Rule("home regions", _is_regions),
    "items": Rule("items", _is_items),
    "sections": Rule("list", lambda value: isinstance(value, list)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePart:
    """What a pack says of one home region; `set` and `chain` are numbers of sections."""

    agreement: str
    keys: tuple[Mapping[str, Any], ...] = field(repr=False)
    as_of: int
    life: Mapping[str, int]
    cards: bool
    salt: bytes = field(repr=False)
    set: int
    chain: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPart:
    """What a pack says of one item: `grants` is medium -> home region -> class -> item types."""

    one_time: bool
    grants: Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackStatement:
    """The whole statement, but for the sections."""

    issuer: str
    serial: int
    iat: int
    exp: int
    keys: tuple[Mapping[str, Any], ...] = field(repr=False)
    certificates: tuple[str, ...] = ()
    regions: Mapping[str, HomePart]
    items: Mapping[str, ItemPart]

    def to_payload(self) -> dict[str, Any]:
        """Write it as it stands in the JWS, but for the sections."""
        regions = {name: _region_out(part) for name, part in sorted(self.regions.items())}
        items = {name: _item_out(part) for name, part in sorted(self.items.items())}
        head = {"format": FORMAT, "iss": self.issuer, "serial": self.serial, "iat": self.iat, "exp": self.exp}
        proofs = {"keys": [dict(key) for key in self.keys], "certificates": list(self.certificates)}
        return {**head, **proofs, "regions": regions, "items": items}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> PackStatement:
        """Read it, exact types only.

        Raises:
            OfflinePackError: names the first claim that is missing, unknown or against its rule.
        """
        try:
            check_claims(payload, _TABLE)
        except ClaimInvalidError as error:
            raise OfflinePackError(rule=f"claim {error.metadata['claim']}") from None
        if not 0 < payload["exp"] - payload["iat"] <= MAX_LIFE_SECONDS:
            raise OfflinePackError(rule="claim exp")
        return cls(
            issuer=payload["iss"],
            serial=payload["serial"],
            iat=payload["iat"],
            exp=payload["exp"],
            keys=tuple(payload["keys"]),
            certificates=tuple(payload["certificates"]),
            regions={name: _region_in(told) for name, told in payload["regions"].items()},
            items={name: _item_in(told) for name, told in payload["items"].items()},
        )


def _region_in(told: Mapping[str, Any]) -> HomePart:
    salt = decode_base64url(told["salt"])
    return HomePart(**{**told, "keys": tuple(told["keys"]), "salt": salt})  # checked by the table


def _region_out(part: HomePart) -> dict[str, Any]:
    return {
        "agreement": part.agreement,
        "keys": [dict(key) for key in part.keys],
        "as_of": part.as_of,
        "life": dict(sorted(part.life.items())),
        "cards": part.cards,
        "salt": encode_base64url(part.salt),
        "set": part.set,
        "chain": part.chain,
    }


def _item_in(told: Mapping[str, Any]) -> ItemPart:
    grants = {
        medium: {region: {name: tuple(types) for name, types in grant.items()} for region, grant in by_region.items()}
        for medium, by_region in told["grants"].items()
    }
    return ItemPart(one_time=told["one_time"], grants=grants)


def _item_out(part: ItemPart) -> dict[str, Any]:
    grants = {
        medium: {
            region: {name: list(types) for name, types in sorted(grant.items())}
            for region, grant in sorted(by_region.items())
        }
        for medium, by_region in sorted(part.grants.items())
    }
    return {"one_time": part.one_time, "grants": grants}
