"""Verifies cards without network, from one offline pack; beside the standard library it needs `cryptography` only.

A gate pins the keys of the region that makes its packs, reads a pack, and asks it about what a holder shows: a
recognition of an electronic card, or the pseudonym of a physical card that it has met online before. An answer is
never a bare yes: it says how old the knowledge is that it rests on. Three answers are possible.

- ALLOWED: the home region vouches for the card, it is not among those that were reported by the time of the pack, and
  the pack is not older than the class allows.
- ASK_ONLINE: it cannot be decided here. The card may be among those reported (chance says so of one card in `one_in`,
  the set has no false negatives), or is good once only, or names no card, or is bound to another's certificate.
- REFUSED: it is not good, or the knowledge is too old.

Nothing that is reported is ever allowed: a wrong answer of the set is an ASK_ONLINE too many.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from trust.claims import CLOCK_SKEW_SECONDS, RECOGNITION_TYPE, RecognitionClaims
from trust.encoding import decode_base64url, is_sixteen_bytes
from trust.errors import OfflinePackError, TrustError, UnknownKeyError
from trust.offline_file import PackFile, prove, read_jws, split
from trust.offline_set import FingerprintSet, fingerprint
from trust.offline_statement import PackStatement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trust.offline_statement import HomePart, ItemPart

_MAX_TOKEN: Final = 4096
_MAX_TOKEN_BRACKETS: Final = 32


class Verdict(StrEnum):
    """What a gate does."""

    ALLOWED = "allowed"
    ASK_ONLINE = "ask_online"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What comes of a question: the verdict, why, and the knowledge that it rests on.

    `as_of` is until when reports are known here (Unix seconds) and `age_seconds` how long that is ago; both are None
    where the question is not about a home region of the pack. `item_types` are those that are allowed.
    """

    verdict: Verdict
    reason: str
    as_of: int | None = None
    age_seconds: int | None = None
    item_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What the card is to be used for here and now: an item of the pack's region, the medium shown, a class, the time.

    `now` is Unix seconds by the gate's own clock.
    """

    item: str
    medium: str
    application_class: str
    now: int


class _DecidedError(Exception):
    """Ends a check with an answer."""

    def __init__(self, verdict: Verdict, reason: str) -> None:
        super().__init__(reason)
        self.verdict = verdict
        self.reason = reason


def _refuse(reason: str) -> _DecidedError:
    return _DecidedError(Verdict.REFUSED, reason)


def _ask(reason: str) -> _DecidedError:
    return _DecidedError(Verdict.ASK_ONLINE, reason)


class OfflinePack:
    """A pack that was proven.

    Args:
        statement: what it says.
        file: its parts.
    """

    __slots__ = ("_sets", "file", "statement")

    def __init__(self, statement: PackStatement, file: PackFile) -> None:
        """Read the sets (OfflinePackError where one is none)."""
        self.statement = statement
        self.file = file
        self._sets = {
            region: FingerprintSet.read(section(file, part.set)) for region, part in statement.regions.items()
        }

    @classmethod
    def read(cls, data: bytes, *, keys: Sequence[Mapping[str, Any]]) -> OfflinePack:
        """Read a pack and verify that the region that the gate has pinned signed it.

        Args:
            data: the file.
            keys: JWKs of that region, as the gate was given them.

        Raises:
            OfflinePackError, MalformedTokenError: it is no pack.
            UnknownKeyError, BadSignatureError: it is not signed with one of these keys.
        """
        file, jws = split(data)
        prove(jws, keys)
        return cls(PackStatement.from_payload(jws.payload), file)

    def one_in(self, region: str) -> int:
        """Give of how many good cards of a home region one has to ask online by chance."""
        return self._sets[region].one_in

    def count(self, region: str) -> int:
        """Give how many cards of a home region are in the set."""
        return self._sets[region].count

    def check_recognition(
        self, token: str, *, use: Use, first_use: Callable[[str, str, int], bool] | None = None
    ) -> Answer:
        """Answer for a recognition that a holder shows.

        Args:
            token: compact JWS.
            use: what for.
            first_use: remembers issuer, token identifier and end of a recognition that is good once, and tells whether
                it was not there before; without it such a one is not decided here.
        """
        claims: RecognitionClaims | None = None
        try:
            self._check_clock(use.now)
            claims = self._believe(token, use.now)
            part, item = self._find(claims.iss, use)
            _check_claims(claims, self.statement, part, item, use)
            granted = claims.classes.get(use.application_class, ())
            types = _granted(item, claims.iss, use, granted)
            self._check_card(claims.iss, part, claims.card, use)
            _check_once(claims, first_use)
        except _DecidedError as refusal:
            return self._answer(refusal, None if claims is None else claims.iss, use.now)
        return self._allowed("OK", claims.iss, types, use.now)

    def check_card(self, region: str, card: str, *, use: Use) -> Answer:
        """Answer for a card that this gate has met online before, by the pseudonym it has in this region.

        Who has not met a card knows no pseudonym of it: what somebody merely claims is no pseudonym to ask about.
        """
        try:
            self._check_clock(use.now)
            part, item = self._find(region, use)
            if not part.cards:
                raise _ask("RECOGNITION_NEEDED")
            types = _granted(item, region, use, None)
            if not is_sixteen_bytes(card):
                raise _refuse("MALFORMED")
            self._check_card(region, part, card, use)
        except _DecidedError as refusal:
            return self._answer(refusal, region, use.now)
        return self._allowed("NOT_REPORTED", region, types, use.now)

    def _check_clock(self, now: int) -> None:
        """Refuse a pack that is past its end, or a clock that is behind the pack."""
        if now < self.statement.iat - CLOCK_SKEW_SECONDS:
            raise _refuse("CLOCK_BEHIND")
        if now >= self.statement.exp:
            raise _refuse("PACK_EXPIRED")

    def _believe(self, token: str, now: int) -> RecognitionClaims:
        """Verify signature, claims and times of a recognition."""
        if len(token) > _MAX_TOKEN:
            raise _refuse("MALFORMED")
        try:
            jws = read_jws(token, max_brackets=_MAX_TOKEN_BRACKETS)
            if jws.kind != RECOGNITION_TYPE:
                raise _refuse("WRONG_TYPE")
            claims = RecognitionClaims.from_payload(jws.payload)
            part = self.statement.regions.get(claims.iss)
            if part is None:
                raise _ask("REGION_NOT_IN_PACK")
            prove(jws, part.keys)
        except UnknownKeyError:
            # A key that is newer than the pack, or of a suite that gates do not have.
            raise _ask("UNKNOWN_KEY") from None
        except TrustError:
            raise _refuse("NOT_GENUINE") from None
        if now < claims.nbf - CLOCK_SKEW_SECONDS:
            raise _refuse("NOT_YET_VALID")
        if now >= claims.exp + CLOCK_SKEW_SECONDS:
            raise _refuse("EXPIRED")
        return claims

    def _find(self, region: str, use: Use) -> tuple[HomePart, ItemPart]:
        """Find home region and item, and hold the medium against it."""
        part, item = self.statement.regions.get(region), self.statement.items.get(use.item)
        if part is None:
            raise _ask("REGION_NOT_IN_PACK")
        if item is None:
            raise _ask("ITEM_NOT_IN_PACK")
        if use.medium not in item.grants:
            raise _refuse("MEDIUM_NOT_ACCEPTED")
        return part, item

    def _check_card(self, region: str, part: HomePart, card: str | None, use: Use) -> None:
        """Hold the age of the knowledge against the class, then the card against the set."""
        life = part.life.get(use.application_class, 0)
        if not life:
            raise _ask("CLASS_NOT_OFFLINE")
        if use.now - part.as_of > life:
            raise _refuse("STALE")
        member = None if card is None else decode_base64url(card)
        if member is None:
            raise _ask("CARD_NOT_NAMED")
        known = self._sets[region]
        if known.may_have(fingerprint(member, salt=part.salt, bits=known.bits)):
            raise _ask("MAY_BE_REPORTED")

    def _answer(self, refusal: _DecidedError, region: str | None, now: int) -> Answer:
        part = None if region is None else self.statement.regions.get(region)
        if part is None:
            return Answer(verdict=refusal.verdict, reason=refusal.reason)
        age = now - part.as_of
        return Answer(verdict=refusal.verdict, reason=refusal.reason, as_of=part.as_of, age_seconds=age)

    def _allowed(self, reason: str, region: str, types: tuple[str, ...], now: int) -> Answer:
        as_of = self.statement.regions[region].as_of
        return Answer(verdict=Verdict.ALLOWED, reason=reason, as_of=as_of, age_seconds=now - as_of, item_types=types)


def section(file: PackFile, number: int) -> bytes:
    """Give a section by its number (OfflinePackError where there is none)."""
    if not 0 <= number < len(file.sections):
        raise OfflinePackError(rule="section number")
    return file.sections[number]


def _check_claims(
    claims: RecognitionClaims, statement: PackStatement, part: HomePart, item: ItemPart, use: Use
) -> None:
    """Hold what a recognition says against this region, its agreement and what is asked."""
    if claims.aud != statement.issuer:
        raise _refuse("AUDIENCE")
    if claims.item != use.item or claims.medium != use.medium:
        raise _refuse("OTHER_USE")
    if claims.agreement != part.agreement:
        raise _ask("OTHER_AGREEMENT")
    if claims.card_status != "active":
        raise _refuse("CARD_STATUS")
    if item.one_time and not claims.one_time:
        raise _refuse("NOT_ONE_TIME")
    if claims.confirmation is not None and claims.confirmation not in statement.certificates:
        raise _ask("BOUND")


def _granted(item: ItemPart, region: str, use: Use, told: tuple[str, ...] | None) -> tuple[str, ...]:
    """Give the item types of a class that both the pack and the recognition, where there is one, allow."""
    most = item.grants[use.medium].get(region, {}).get(use.application_class, ())
    types = most if told is None else tuple(one for one in told if one in most)
    if not types:
        raise _refuse("CLASS_NOT_GRANTED")
    return types


def _check_once(claims: RecognitionClaims, first_use: Callable[[str, str, int], bool] | None) -> None:
    """Use up a recognition that is good once; last of all, so that no other refusal uses it up."""
    if not claims.one_time:
        return
    if first_use is None:
        raise _ask("ONE_TIME")
    if not first_use(claims.iss, claims.jti, claims.exp + CLOCK_SKEW_SECONDS):
        raise _refuse("REPLAY")
