"""Verifies a recognition as a partner without this program would: PyJWT, SHA-256, and documents that anybody may fetch.

Nothing of `trust` is used here, on purpose. What a partner has beforehand is one fingerprint, that of the anchor of the
agreement; everything else proves itself from there. `docs/trust.md` tells the same in words.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Fetch = Callable[[str], Awaitable[str]]

_ALGORITHMS = ("ES256", "EdDSA")
_WELL_KNOWN = "/.well-known/openid-federation"
_STATEMENT = "entity-statement+jwt"
_LEEWAY_SECONDS = 10


class NotProvenError(Exception):
    """Something does not prove what it should; the words say what."""


@dataclass(frozen=True, slots=True)
class Place:
    """An entity by its identifier, and the address at which it is reached."""

    entity: str
    address: str


def fingerprint(key: Mapping[str, Any]) -> str:
    """Give the RFC 7638 thumbprint of a public key (JWK, EC or OKP)."""
    names = ("crv", "kty", "x", "y") if key["kty"] == "EC" else ("crv", "kty", "x")
    text = json.dumps({name: key[name] for name in names}, sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


async def region_keys(fetch: Fetch, *, anchor: Place, pinned: str, entity: Place, region: str) -> Mapping[str, Any]:
    """Give the key set of a region, proven from the fingerprint `pinned` of an anchor's key on (NotProvenError)."""
    text = await fetch(f"{anchor.address}{_WELL_KNOWN}")
    listed = [key for key in _unproven(text)["jwks"]["keys"] if fingerprint(key) == pinned]
    top = _statement(text, {"keys": listed}, names=(anchor.entity, anchor.entity))
    text = await fetch(f"{anchor.address}/federation/fetch?sub={entity.entity}")
    about = _statement(text, top["jwks"], names=(anchor.entity, entity.entity))
    text = await fetch(f"{entity.address}{_WELL_KNOWN}")
    own = _statement(text, about["jwks"], names=(entity.entity, entity.entity))
    role = own["metadata"]["onecard_region"]
    if not role["issuer"] == region == about["metadata_policy"]["onecard_region"]["issuer"]["value"]:
        raise NotProvenError("the anchor has fixed the name of another region")
    keys: Mapping[str, Any] = role["jwks"]
    return keys


async def recognition(
    fetch: Fetch, token: str, keys: Mapping[str, Any], *, entity: Place, home: str, visited: str
) -> Mapping[str, Any]:
    """Verify a recognition with its region's keys, and see that it lives; gives its claims (NotProvenError)."""
    claims = _read(token, keys, kind="onecard-recognition+jwt", audience=visited)
    place = claims["status"]["status_list"]
    path = place["uri"].removeprefix(entity.entity)
    if claims["iss"] != home or not path.startswith(f"/regions/{home}/status/"):
        raise NotProvenError("of another region")
    told = _read(await fetch(entity.address + path), keys, kind="statuslist+jwt")
    packed = zlib.decompress(_base64url(told["status_list"]["lst"]))
    if told["sub"] != place["uri"] or told["status_list"]["bits"] != 1:
        raise NotProvenError("another status list")
    if packed[place["idx"] // 8] >> place["idx"] % 8 & 1:
        raise NotProvenError("taken back")
    return claims


def _statement(text: str, keys: Mapping[str, Any], *, names: tuple[str, str]) -> dict[str, Any]:
    """Verify an entity statement of an issuer about a subject."""
    claims = _read(text, keys, kind=_STATEMENT)
    if (claims["iss"], claims["sub"]) != names:
        raise NotProvenError("a statement about somebody else")
    return claims


def _read(text: str, keys: Mapping[str, Any], *, kind: str, audience: str | None = None) -> dict[str, Any]:
    """Verify a JWS of a type with the key of a key set that it names, and with the algorithm of that key."""
    try:
        header = jwt.get_unverified_header(text)
        key = next((key for key in keys["keys"] if key["kid"] == header.get("kid")), None)
        if key is None or header.get("typ") != kind or key["alg"] not in _ALGORITHMS:
            raise NotProvenError(f"{kind}: no key for it")
        claims: dict[str, Any] = jwt.decode(
            text, jwt.PyJWK(key), algorithms=[key["alg"]], audience=audience, leeway=_LEEWAY_SECONDS
        )
    except jwt.PyJWTError as error:
        raise NotProvenError(f"{kind}: {type(error).__name__}") from None
    return claims


def _unproven(text: str) -> dict[str, Any]:
    """Read the claims of a JWS, to find the key by which it is then proven."""
    claims: dict[str, Any] = json.loads(_base64url(text.split(".")[1]))
    return claims


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
