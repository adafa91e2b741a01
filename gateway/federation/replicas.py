"""Replicas of one gateway speak with one voice: they publish one configuration, and know each other's revocations.

Each replica numbers its own statements so that no two ever use one number (`publisher_ledger`). The greatest number
counts for all: whoever publishes tells the others, and who hears of a greater number publishes that text from then on.
A replica that starts takes up what was published if it would say the same, and goes on from its number if not. What
one replica believes to be revoked the others are told, and prove for themselves.

The store is no authority. What it holds is judged row by row: one that is not believed is told of and passed over, and
holds up nothing that stands behind it.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import GatewayError, LimitError, SettingsError
from gateway.federation.follow import MAY_CHANGE
from gateway.federation.lasting_faults import LastingFaults
from trust.errors import TrustError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Sequence

    from gateway.federation.publisher import EntityPublisher
    from gateway.journal import Journal

LOOK_SECONDS: Final = 0.2
HEAR_SECONDS: Final = 2.0
"""How often a replica looks whether there is something new, though nobody told it: a word is lost with who was to say
it. What one replica believes to be revoked has to be dead at all within five seconds."""
_LOOKS_TO_AGAIN: Final = 15
"""After so many, what was not believed is judged again though nothing else is believed: clocks being what they are."""
_RETRY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A configuration as replicas share it: its number, compact JWS, and `history`, JSON of links and ended keys."""

    entity: str
    version: int
    text: str
    history: str


class SharedTrust(Protocol):
    """What replicas share; `gateway.store.shared_trust` keeps it. Every method may raise StoreUnavailableError."""

    async def publication(self, entity: str, *, after: int = 0) -> Shared | None:
        """Give what was published last for an entity, if its number is greater than one."""

    async def publish(self, shared: Shared) -> bool:
        """Keep a publication, unless one of its number or a greater one is there; tells whether it was kept."""

    async def revocations(self, after: int) -> Sequence[tuple[int, str]]:
        """Give the revocations behind a place, each with its own."""

    async def revoke(self, text: str) -> None:
        """Keep a revocation."""

    def listen(self) -> AsyncGenerator[str]:
        """Give a word whenever another replica may have told something."""


class RevocationDesk(Protocol):
    """What believes revocations; `gateway.federation.desk.TrustDesk` is one."""

    def believe_revocation(self, text: str, *, shared: bool) -> bool:
        """Believe a revocation, or raise TrustError or LimitError; another GatewayError where it cannot be kept now."""

    def on_change(self, callback: Callable[[], None]) -> None:
        """Have somebody called whenever something else is believed."""

    def feed(self, after: int) -> tuple[Sequence[tuple[int, str]], int]:
        """Give the revocations that were learned after a cursor, and the last cursor."""

    async def changed(self, after: int) -> None:
        """Wait until the feed has something after a cursor."""


class Replicas:
    """Keeps a replica in step with the others.

    Args:
        shared: what they share.
        publishers: of the home entities.
        desk: believes revocations.
        journal: is told what cannot be shared or taken up.
    """

    def __init__(
        self, shared: SharedTrust, *, publishers: Iterable[EntityPublisher], desk: RevocationDesk, journal: Journal
    ) -> None:
        """Begin without having told or heard anything."""
        self._shared = shared
        self._publishers = tuple(publishers)
        self._desk = desk
        self._journal = journal
        self._told = dict.fromkeys((one.entity for one in self._publishers), "")
        self._refused = dict(self._told)
        self._faults = LastingFaults(journal)
        self._place = 0
        self._later = False
        self._news = False
        self._skipped = Counter[str]()
        self._hearing = asyncio.Lock()
        desk.on_change(self._note_news)

    async def start(self) -> None:
        """Take up what the others publish, before anybody reads ours (StoreUnavailableError, SettingsError)."""
        for publisher in self._publishers:
            await self._resume(publisher, after=0)
            await self._publish(publisher)

    async def go_on(self) -> None:
        """Take up what others have published last who are there no more, for one that is alone now; raises as `start`.

        A number that is less than theirs would not be believed.
        """
        for publisher in self._publishers:
            await self._resume(publisher, after=publisher.current.claims.version)

    async def catch_up(self) -> None:
        """Believe what the others have learned, before anything is served (StoreUnavailableError).

        What cannot be kept counts all the same; it is told of.
        """
        try:
            await self._hear_revocations()
        except SettingsError as error:
            self._faults.tell("replica_not_heard", error)

    async def settle(self) -> None:
        """Judge again, once others are believed, what was not believed at the start."""
        if self._later:
            await self._look(again=True)

    async def tell(self) -> None:
        """Tell the others what is published here, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                for publisher in self._publishers:
                    publisher.renew()
                    if publisher.current.text != self._told[publisher.entity]:
                        await self._publish(publisher)
                        self._faults.over("replica_not_told")
            except GatewayError as error:
                await self._wait_out("replica_not_told", error)

    async def tell_revocations(self) -> None:
        """Tell the others what is believed here to be revoked, for ever."""
        cursor = 0
        while True:
            entries, following = self._desk.feed(cursor)
            try:
                for _, text in entries:
                    await self._shared.revoke(text)
            except GatewayError as error:
                await self._wait_out("replica_not_told", error)
                continue
            self._faults.over("replica_not_told")
            cursor = following
            await self._desk.changed(cursor)

    async def hear(self) -> None:
        """Take up what the others tell, for ever."""
        while True:
            try:
                async with aclosing(self._shared.listen()) as words:
                    async for _ in words:
                        await self._take_up()
            except GatewayError as error:
                await self._wait_out("replica_not_heard", error)

    async def look(self) -> None:
        """Look for what nobody told, for ever; and now and then judge again what was not believed."""
        looks = 0
        while True:
            await asyncio.sleep(HEAR_SECONDS)
            looks += 1
            await self._look(again=self._due(looks))

    async def again(self) -> None:
        """Judge again what was not believed, until there is no such thing; for one that is alone, and hears nobody."""
        looks = 0
        while self._later:
            await asyncio.sleep(HEAR_SECONDS)
            looks += 1
            if self._due(looks):
                await self._look(again=True)

    def _due(self, looks: int) -> bool:
        """Tell whether what was not believed is to be judged again, after so many looks."""
        return self._later and (self._news or looks % _LOOKS_TO_AGAIN == 0)

    def _note_news(self) -> None:
        self._news = True

    async def _look(self, *, again: bool) -> None:
        """Take up what is new, or judge all revocations again; what prevents it is told of."""
        try:
            await self._take_up(again=again)
        except GatewayError as error:
            self._faults.tell("replica_not_heard", error)

    async def _take_up(self, *, again: bool = False) -> None:
        """Take up what is new; revocations first, which nothing else may hold up."""
        async with self._hearing:
            await self._hear_revocations(again=again)
            for publisher in self._publishers:
                await self._hear_publication(publisher)
        self._faults.over("replica_not_heard")

    async def _publish(self, publisher: EntityPublisher) -> None:
        """Share what is published here, or take up what is greater."""
        current = publisher.current
        history = json.dumps(publisher.history())
        mine = Shared(entity=publisher.entity, version=current.claims.version, text=current.text, history=history)
        if not await self._shared.publish(mine):
            await self._hear_publication(publisher)
        self._told[publisher.entity] = publisher.current.text

    async def _resume(self, publisher: EntityPublisher, *, after: int) -> None:
        """Go on from what was published last, if its number is greater than one."""
        last = await self._shared.publication(publisher.entity, after=after)
        if last is not None:
            self._judge(last, take=publisher.resume)

    async def _hear_publication(self, publisher: EntityPublisher) -> None:
        """Take up what another has published, if its number is greater than ours."""
        ours = publisher.current.claims.version
        last = await self._shared.publication(publisher.entity, after=ours)
        if last is None or publisher.current.claims.version != ours:
            return
        if self._judge(last, take=partial(publisher.adopt, above=ours)):
            self._told[publisher.entity] = last.text

    def _judge(self, last: Shared, *, take: Callable[..., None]) -> bool:
        """Take up a publication, or tell, once, that it is none; tells which."""
        try:
            take(last.text, **_read_history(last.history))
        except (SettingsError, TrustError) as error:
            if self._refused[last.entity] != last.text:
                self._journal.event("replica_publication_skipped", entity=last.entity, error=type(error).__name__)
            self._refused[last.entity] = last.text
            return False
        return True

    async def _hear_revocations(self, *, again: bool = False) -> None:
        """Believe what others have learned, or judge all of it again (StoreUnavailableError).

        Raises:
            TrustMemoryError: some count, but cannot be kept; those behind them count too, and all are tried again.
        """
        unkept: SettingsError | None = None
        rows = await self._shared.revocations(0 if again else self._place)
        if again:
            self._later = self._news = False
        for place, text in rows:
            try:
                self._desk.believe_revocation(text, shared=True)
            except (TrustError, LimitError) as error:
                self._later = self._later or isinstance(error, MAY_CHANGE)
                self._skip(type(error).__name__)
            except SettingsError as error:
                self._later, unkept = True, error
            if unkept is None:
                self._place = place
            await asyncio.sleep(0)
        if unkept is not None:
            raise unkept

    def _skip(self, error: str) -> None:
        """Count what is not believed, by the rule, and tell of it ever more seldom."""
        self._skipped[error] += 1
        skipped = self._skipped[error]
        if skipped & (skipped - 1) == 0:
            self._journal.event("replica_revocation_skipped", error=error, skipped=skipped)

    async def _wait_out(self, event: str, error: GatewayError) -> None:
        """Tell of a fault, and wait a little."""
        self._faults.tell(event, error)
        await asyncio.sleep(_RETRY_SECONDS)


def _read_history(text: str) -> dict[str, object]:
    """Read links and ended keys from JSON (SettingsError)."""
    try:
        document = json.loads(text)
        return {"links": document["links"], "ended": document["ended"]}
    except (ValueError, TypeError, LookupError, RecursionError):
        # The decoder's own errors carry the document, which must not travel with ours.
        raise SettingsError(("publications: a history that cannot be read",)) from None
