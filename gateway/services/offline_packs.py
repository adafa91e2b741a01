"""Makes offline packs for the gates of a home region of ours: what its agreements allow, and what its copies know."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from adapters.canonical import Card
from adapters.equivalence import coverage
from adapters.words import CardStatus, Medium
from gateway.errors import InvalidFieldError, PeerUnavailableError, RegionNotServedError
from gateway.services.bounds import CONSENT_SEEN_AT_HOME
from gateway.services.card_table import Shown
from gateway.services.local_home import china_day
from gateway.services.verdict import CardFacts, UseFacts
from trust.errors import ClassNotAllowedError, TrustError
from trust.offline_delta import make_update
from trust.offline_gate import OfflinePack
from trust.offline_pack import HomeContent, PackContent, make_pack, same_sets
from trust.offline_set import SALT_BYTES
from trust.offline_statement import MAX_LIFE_SECONDS, ItemPart

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import date

    from adapters.canonical import ApplicationItem
    from adapters.registry import Registry
    from gateway.services.card_copy import CardCopy
    from gateway.services.ports import Chains, Clock
    from gateway.services.verdict import VerdictRules
    from trust.agreement import Agreement
    from trust.keys import VerificationKey
    from trust.policy import AgreementBook
    from trust.signer import Signer

MOST_REGIONS: Final = 64
_USABLE: Final = Shown(CardStatus.ACTIVE, frozenset())
_KEPT: Final = 8
_FRESH_SECONDS: Final = 10.0
_STEP: Final = 2000

Grants = dict[str, dict[str, dict[str, tuple[str, ...]]]]
"""Medium -> home region -> class -> item types."""


class PackKeys(Protocol):
    """The keys that packs rest on."""

    def of_home(self, region: str, agreement: str) -> Sequence[VerificationKey]:
        """Give the keys that sign a home region's recognitions, believed now (TrustError where it is not)."""

    def own(self, region: str) -> Sequence[VerificationKey]:
        """Give the keys with which a region of ours signs now."""

    def signer(self, region: str) -> Signer:
        """Give what signs for a region of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackWish:
    """What somebody wants in a pack: `items` is empty for all, `life` seconds or None for what the agreements allow.

    `base` is the serial of the pack that the gates have, 0 for none.
    """

    visited: str
    homes: tuple[str, ...]
    items: tuple[str, ...] = ()
    life: int | None = None
    base: int = 0

    @property
    def content(self) -> tuple[object, ...]:
        """What two wishes for the same pack have in common."""
        return self.visited, frozenset(self.homes), frozenset(self.items), self.life


@dataclass(frozen=True, slots=True)
class MadePack:
    """A pack, read as a gate reads it, and its file; or, with `update`, what changes the one that was asked for."""

    pack: OfflinePack
    data: bytes = field(repr=False)
    update: bool = False


class OfflinePacks:
    """The use case of a visited region's own platform.

    Args:
        registry: the installed regions with their catalogs.
        agreements: what may be decided offline, and for how long.
        rules: what a card in use may be used for.
        copies: what is known of other regions' cards, by home and visited region.
        keys: of homes and of our own regions.
        chains: prove the keys of homes.
        clock: Unix time.
        certificates: gives the thumbprints of those that we show to others.
        new_salt: gives fresh random bytes.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        agreements: AgreementBook,
        rules: VerdictRules,
        copies: Mapping[tuple[str, str], CardCopy],
        keys: PackKeys,
        chains: Chains,
        clock: Clock,
        certificates: Callable[[], Collection[str]] = tuple,
        new_salt: Callable[[], bytes] = lambda: secrets.token_bytes(SALT_BYTES),
    ) -> None:
        """Have made none yet."""
        self._registry = registry
        self._agreements = agreements
        self._rules = rules
        self._copies = copies
        self._keys = keys
        self._chains = chains
        self._clock = clock
        self._certificates = certificates
        self._new_salt = new_salt
        self._made: OrderedDict[tuple[str, int], tuple[PackWish, MadePack]] = OrderedDict()

    async def __call__(self, wish: PackWish) -> MadePack:
        """Make a pack, or an update of the one that the gates have where that is still here.

        Raises:
            InvalidFieldError: no or too many home regions, a life that is none, or one that is over already, because
                what is known of a wanted region's cards is older.
            UnknownRegionError, UnknownItemError: there is no such home region, or the visited one has no such item.
            NoAgreementError, AgreementNotInForceError, AgreementNotSignedError, AgreementStoppedError: nothing may be
                decided about cards of a wanted region.
            ClassNotAllowedError: its agreement lets nothing be decided offline.
            RegionNotServedError: its feed is not followed here.
            PeerUnavailableError: nothing was heard of its cards yet.
            TrustError: its keys are not believed; OfflinePackError where a pack cannot be written.
        """
        self._check(wish)
        base = self._made.get((wish.visited, wish.base), (None, None))[1]
        made = self._fresh(wish)
        if made is None:
            content = await self._content(wish)
            made = await asyncio.to_thread(self._write, content, None if base is None else base.pack)
            self._keep(wish, made)
        if base is None:
            return made
        sets = same_sets(base.pack, made.pack)
        return MadePack(made.pack, await asyncio.to_thread(make_update, base.data, made.data, sets=sets), update=True)

    def _check(self, wish: PackWish) -> None:
        if not 0 < len(set(wish.homes)) <= MOST_REGIONS or len(set(wish.homes)) != len(wish.homes):
            raise InvalidFieldError(("home_regions", f"1_to_{MOST_REGIONS}_each_once"))
        if wish.visited in wish.homes:
            raise InvalidFieldError(("home_regions", "other_regions"))
        if wish.life is not None and wish.life <= 0:
            raise InvalidFieldError(("life", "from_1_second"))

    def _fresh(self, wish: PackWish) -> MadePack | None:
        """Give a pack of the same content that was made a moment ago."""
        for (visited, serial), (other, made) in reversed(self._made.items()):
            age = self._clock() - made.pack.statement.iat
            if (
                visited == wish.visited
                and other.content == wish.content
                and serial != wish.base
                and age < _FRESH_SECONDS
            ):
                return made
        return None

    def _keep(self, wish: PackWish, made: MadePack) -> None:
        self._made[wish.visited, made.pack.statement.serial] = (wish, made)
        if len(self._made) > _KEPT:
            self._made.popitem(last=False)

    async def _content(self, wish: PackWish) -> PackContent:
        """Gather what goes in."""
        now = int(self._clock())
        today = china_day(now)
        homes = {home: await self._home(home, wish, today) for home in wish.homes}
        exp = max(home.as_of + max(home.life.values()) for home in homes.values())
        last = max((serial for visited, serial in self._made if visited == wish.visited), default=0)
        return PackContent(
            issuer=wish.visited,
            serial=max(now, last + 1),
            iat=now,
            exp=exp,
            keys=self._keys.own(wish.visited),
            certificates=self._certificates(),
            homes=homes,
            items=self._items(wish, today, china_day(exp)),
        )

    async def _home(self, home: str, wish: PackWish, today: date) -> HomeContent:
        """Gather what is known of one home region."""
        self._registry.get(home)
        agreement = self._agreements.between(home, wish.visited, on=today)
        copy = self._copies.get((home, wish.visited))
        if copy is None:
            raise RegionNotServedError(region=home)
        longest = MAX_LIFE_SECONDS if wish.life is None else min(wish.life, MAX_LIFE_SECONDS)
        life = {name: min(seconds, longest) for name, seconds in agreement.offline_life_seconds.items() if seconds}
        if not life:
            raise ClassNotAllowedError(agreement=agreement.id)
        as_of = int(copy.state.as_of or 0)
        if as_of + max(life.values()) <= self._clock():
            if as_of + max(agreement.offline_life_seconds.values()) > self._clock():
                raise InvalidFieldError(("life", "longer_than_reports_are_old"))
            # Nothing was heard of its cards yet, or not for so long that a pack would be of no use.
            raise PeerUnavailableError(region=home)
        return HomeContent(
            agreement=agreement.id,
            keys=self._keys.of_home(home, agreement.id),
            chain=self._chains(home, agreement.id),
            reported=await _reported(copy),
            as_of=as_of,
            life=life,
            cards=not (agreement.consent_required or agreement.cross_border),
        )

    def _items(self, wish: PackWish, today: date, last: date) -> dict[str, ItemPart]:
        """Give the items with what may be granted, those that are in force for the whole life of the pack."""
        catalog = self._registry.get(wish.visited).catalog
        wanted = [catalog.get(item) for item in wish.items] if wish.items else list(catalog.items)
        parts = {}
        for item in wanted:
            grants: Grants = {}
            if item.in_force(today) and item.in_force(last):
                for home in wish.homes:
                    self._grant(item, home, self._agreements.between(home, wish.visited, on=today), today, grants)
            if grants:
                parts[item.item] = ItemPart(one_time=item.one_time, grants=grants)
        return parts

    def _grant(self, item: ApplicationItem, home: str, agreement: Agreement, today: date, grants: Grants) -> None:
        """Add what may be granted offline to a card in full use, by each medium."""
        for medium in item.media:
            use = self._use(item, home, agreement, medium, today)
            if use is None:
                continue
            facts = CardFacts(card=Card(status=CardStatus.ACTIVE), age_seconds=0.0, today=today)
            every = tuple(sorted(relation.item_type for relation in item.relations))
            told = {
                verdict.application_class.value: verdict.item_types or every
                for verdict in self._rules.form(facts, use)
                if verdict.usable and verdict.application_class.value in agreement.offline_life_seconds
            }
            if told:
                grants.setdefault(medium.value, {})[home] = told

    def _use(
        self, item: ApplicationItem, home: str, agreement: Agreement, medium: Medium, today: date
    ) -> UseFacts | None:
        """Say how a card is used for an item; None where the agreement does not allow it at all."""
        try:
            permission = self._agreements.permit(
                home=home,
                visited=item.region,
                item_types=[relation.item_type for relation in item.relations],
                purpose=agreement.purposes[0],
                classes=[c.value for c in item.classes],
                medium=medium.value,
                on=today,
                consent_reference=CONSENT_SEEN_AT_HOME,
            )
        except TrustError:
            return None
        covered = coverage(item, self._registry.get(home).catalog, on=today)
        return UseFacts(item=item, medium=medium, permission=permission, coverage=covered)

    def _write(self, content: PackContent, previous: OfflinePack | None) -> MadePack:
        """Write and sign, and read as a gate does (in a thread: a million cards take seconds)."""
        salts = {home: self._new_salt() for home in content.homes}
        data = make_pack(content, key=self._keys.signer(content.issuer), salts=salts, previous=previous)
        pack = OfflinePack.read(data, keys=[key.to_jwk() for key in content.keys])
        return MadePack(pack, data)


async def _reported(copy: CardCopy) -> list[bytes]:
    """Give the cards that are not in full use."""
    found = []
    for number, card in enumerate(tuple(copy.table.keys())):
        if copy.shown(card) != _USABLE:
            found.append(card)
        if number % _STEP == _STEP - 1:
            await asyncio.sleep(0)
    return found
