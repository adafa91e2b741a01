"""Makes offline packs: gathers what a gate needs, writes it small, and has it signed."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trust.errors import MalformedTokenError, OfflinePackError
from trust.offline_file import MAX_STATEMENT_BYTES, PACK_TYPE, PackFile, name_sections
from trust.offline_gate import OfflinePack, section
from trust.offline_set import FingerprintSet, bits_for, fingerprint, write_set
from trust.offline_statement import HomePart, ItemPart, PackStatement
from trust.signer import CompactWriter, signer_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from trust.keys import SigningKey, VerificationKey
    from trust.signer import Signer

ONE_IN: Final = 2**24
"""Of so many good cards one has to ask online by chance, or fewer."""

GATE_ALGORITHMS: Final = frozenset({"ES256", "EdDSA"})
MAX_CHAIN_BYTES: Final = 2**20
_ROOM: Final = 4
"""How many times as many cards as now may be reported before fingerprints need more bits, and updates a new begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeContent:
    """What goes into a pack of one home region.

    `keys` are those that sign its recognitions, `chain` the statements that prove them (compact JWS), `reported` the
    pseudonyms (16 bytes) of all cards that are not in full use, `as_of` until when that is known (Unix seconds), `life`
    the seconds after that for which each class may be decided offline, and `cards` whether without a recognition too.
    """

    agreement: str
    keys: Sequence[VerificationKey]
    chain: Sequence[str] = field(repr=False)
    reported: Collection[bytes] = field(repr=False)
    as_of: int
    life: Mapping[str, int]
    cards: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PackContent:
    """What goes into a pack: `issuer` is the visited region, `keys` are its own; times in Unix seconds.

    `certificates` are the thumbprints of those that its gateway shows to others.
    """

    issuer: str
    serial: int
    iat: int
    exp: int
    keys: Sequence[VerificationKey]
    certificates: Collection[str] = ()
    homes: Mapping[str, HomeContent]
    items: Mapping[str, ItemPart]


def make_pack(
    content: PackContent,
    *,
    key: SigningKey | Signer,
    salts: Mapping[str, bytes],
    previous: OfflinePack | None = None,
    one_in: int = ONE_IN,
) -> bytes:
    """Write and sign a pack.

    Args:
        content: what goes in.
        key: signs; its issuer is the visited region, its suite one that gates have.
        salts: by home region, fresh random bytes each time; not used where a set goes on with those of `previous`.
        previous: the pack that gates have, so that an update of it is small.
        one_in: of how many good cards at most one may have to ask online by chance; a power of two.

    Raises:
        OfflinePackError: the key is another region's or of another suite, or something is too large.
    """
    signer = signer_of(key)
    if signer.issuer != content.issuer or signer.algorithm not in GATE_ALGORITHMS:
        raise OfflinePackError(rule="signing key")
    sections: list[bytes] = []
    regions = {}
    for region, home in sorted(content.homes.items()):
        salt, bits = _series(region, home, salts[region], previous, one_in)
        marks = {fingerprint(card, salt=salt, bits=bits) for card in home.reported}
        sections += (write_set(marks, bits=bits), _pack_chain(home.chain))
        regions[region] = HomePart(
            agreement=home.agreement,
            keys=_jwks(home.keys),
            as_of=home.as_of,
            life=home.life,
            cards=home.cards,
            salt=salt,
            set=len(sections) - 2,
            chain=len(sections) - 1,
        )
    statement = PackStatement(
        issuer=content.issuer,
        serial=content.serial,
        iat=content.iat,
        exp=content.exp,
        keys=_jwks(content.keys),
        certificates=tuple(sorted(content.certificates)),
        regions=regions,
        items=content.items,
    )
    payload = {**statement.to_payload(), "sections": name_sections(sections)}
    PackStatement.from_payload(payload)
    return PackFile(_sign(signer, payload), tuple(sections)).to_bytes()


def _jwks(keys: Sequence[VerificationKey]) -> tuple[dict[str, object], ...]:
    """Write the keys of suites that gates have."""
    return tuple(key.to_jwk() for key in keys if key.algorithm in GATE_ALGORITHMS)


def _sign(signer: Signer, payload: Mapping[str, object]) -> str:
    try:
        return CompactWriter(signer, kind=PACK_TYPE, max_length=MAX_STATEMENT_BYTES).write(payload)
    except MalformedTokenError:
        raise OfflinePackError(rule="statement") from None


def _series(
    region: str, home: HomeContent, salt: bytes, previous: OfflinePack | None, one_in: int
) -> tuple[bytes, int]:
    """Give salt and bits: those of the last pack as long as they are good enough, or new ones with room to grow."""
    needed = bits_for(len(home.reported), one_in=one_in)
    if previous is not None and region in previous.statement.regions:
        part = previous.statement.regions[region]
        bits = FingerprintSet.read(section(previous.file, part.set)).bits
        if needed <= bits <= bits_for(_ROOM * _ROOM * max(len(home.reported), 1), one_in=one_in):
            return part.salt, bits
    return salt, bits_for(_ROOM * max(len(home.reported), 1), one_in=one_in)


def same_sets(previous: OfflinePack, new: OfflinePack) -> tuple[tuple[int, int], ...]:
    """Give the sections of sets that go on from one pack to the next: in the new one, and in the old one."""
    return tuple(
        (part.set, earlier.set)
        for region, part in new.statement.regions.items()
        if (earlier := previous.statement.regions.get(region)) is not None
        and earlier.salt == part.salt
        and _bits(previous, earlier) == _bits(new, part)
    )


def _bits(pack: OfflinePack, part: HomePart) -> int:
    return FingerprintSet.read(section(pack.file, part.set)).bits


def _pack_chain(chain: Sequence[str]) -> bytes:
    return zlib.compress(json.dumps(list(chain), separators=(",", ":")).encode("ascii"), 9)


def unpack_chain(pack: OfflinePack, region: str) -> tuple[str, ...]:
    """Give the statements that prove the keys of a home region (OfflinePackError where they cannot be read)."""
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(section(pack.file, pack.statement.regions[region].chain), MAX_CHAIN_BYTES)
        chain = json.loads(text)
    except (zlib.error, ValueError):
        chain = None
    if not isinstance(chain, list) or not stream.eof or not all(isinstance(one, str) for one in chain):
        raise OfflinePackError(rule="chain")
    return tuple(chain)
