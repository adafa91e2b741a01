"""The issuer's side of the Token Status List: gives each recognition a place, and revokes it there.

A place is chosen at random among the free ones of a list, so that it tells nobody when or in which order recognitions
were issued, and is given once. Each process fills lists of its own; which lists there are, who has a place on them and
which places are revoked is in the store: any replica serves and revokes them all, and a restart forgets nothing.

A list is signed as of the last change or the last full interval, whichever is later: replicas that sign the same list
give it the same time, so that to a reader none of them goes back behind another.
"""

from __future__ import annotations

import asyncio
import secrets
from array import array
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gateway.errors import LimitError
from gateway.store.status_places import TakenPlace
from trust.claims import CLOCK_SKEW_SECONDS, StatusReference
from trust.signer import signer_of
from trust.status_list import Status, StatusList, pack, sign_status_list

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from gateway.services.ports import Clock
    from gateway.store.status_places import ListState
    from trust.keys import SigningKey
    from trust.signer import Signer

PLACES = 2**17
"""Places of one list: signed it stays below 30 KiB, whatever is revoked."""

MAX_LISTS = 16
TTL_SECONDS = 15
LIFE_SECONDS = 600
LEASE_SECONDS = 3600
"""For how long a list is served at least; it is extended when a recognition needs more."""

LOOK_SECONDS = 1.0
"""For how long a replica goes on with what it has read of a list."""

_MOST_READ = 256


class PlaceBook(Protocol):
    """Where lists, places and revocations are kept: `gateway.store.status_places.StatusPlaces`.

    All raise StoreUnavailableError; times are Unix seconds.
    """

    async def open_list(self, region: str, *, at_least: int, until: int) -> int:
        """Begin a list whose number nobody has had, and give the number."""

    async def extend(self, region: str, number: int, *, until: int) -> bool:
        """Serve a list until later; tell whether it is still there."""

    async def keep(self, taken: TakenPlace) -> bool:
        """Note who has a place, unless more was reported of the card than was known; tell whether it was noted."""

    async def state(self, region: str, number: int, *, now: int) -> ListState | None:
        """Give what is revoked on a list, None where there is no such list."""

    async def revoke(self, region: str, *, jti: str, now: int, remembered_seconds: int) -> Collection[int]:
        """Revoke the living recognition of an identifier; give the number of its list."""

    async def revoke_subject(self, region: str, *, subject: str, now: int, remembered_seconds: int) -> Collection[int]:
        """Revoke all living recognitions of a pseudonym; give the number of the list of each."""


@dataclass(slots=True)
class _Page:
    """The list that this process fills: its free places in no order, until when it is served, the end of its last."""

    number: int
    free: array[int]
    served_until: int
    last: int = 0


@dataclass(slots=True)
class _Read:
    """What was read of a list, and its text: as of when, and by which key."""

    state: ListState
    looked_at: float
    text: bytes = b""
    iat: int = 0
    kid: str = ""


class StatusRegister:
    """The places of one region's recognitions.

    Args:
        key: signs the lists; its issuer is the region.
        book: where they are kept.
        address: where the lists are served, `https://HOST/regions/REGION/status`; the number comes behind it.
        clock: Unix time.
        places: of one list.
        max_lists: how many lists of this process may have living recognitions at once.
        choose: gives a number from 0 to below its argument that nobody can foresee.
        ttl_seconds: for how long a reader may go on with what it has.
        life_seconds: of a signed list.
        changed: is called with the address of a list in which something was just revoked.
    """

    def __init__(
        self,
        key: SigningKey | Signer,
        *,
        book: PlaceBook,
        address: str,
        clock: Clock,
        places: int = PLACES,
        max_lists: int = MAX_LISTS,
        choose: Callable[[int], int] = secrets.randbelow,
        ttl_seconds: int = TTL_SECONDS,
        life_seconds: int = LIFE_SECONDS,
        changed: Callable[[str], None] = lambda _uri: None,
    ) -> None:
        """Begin without a list; the first recognition opens one."""
        self._signer = signer_of(key)
        self._book = book
        self._address = address
        self._clock = clock
        self._places = places
        self._most = max_lists
        self._choose = choose
        self._ttl = ttl_seconds
        self._life = life_seconds
        self._changed = changed
        self._page: _Page | None = None
        self._filled: deque[int] = deque()
        self._turning = asyncio.Lock()
        self._read: OrderedDict[int, _Read] = OrderedDict()

    @property
    def ttl_seconds(self) -> int:
        """For how long a reader may go on with a list."""
        return self._ttl

    async def allocate(
        self, *, jti: str, subject: str, expires_at: int, card: bytes = b"", known: int = 0
    ) -> StatusReference | None:
        """Take a place for a recognition, and see that it is kept; None where the card is to be looked at again.

        That is so where more was reported of `card`, by what its region calls it, than up to the number `known`.

        Raises:
            LimitError: too many lists have living recognitions.
            StoreUnavailableError: it cannot be kept.
        """
        until = expires_at + CLOCK_SKEW_SECONDS
        while (page := self._page) is None or not page.free or page.served_until < until + self._life:
            async with self._turning:
                await self._turn(until)
        chosen = self._choose(len(page.free))
        place, page.free[chosen] = page.free[chosen], page.free[-1]
        page.free.pop()
        page.last = max(page.last, until)
        taken = TakenPlace(
            region=self._signer.issuer,
            number=page.number,
            place=place,
            until=until,
            jti=jti,
            subject=subject,
            card=card,
            known=known,
        )
        return StatusReference(uri=self._uri(page.number), index=place) if await self._book.keep(taken) else None

    async def revoke(self, jti: str) -> bool:
        """Revoke a recognition by its token identifier; tell whether it lives (StoreUnavailableError)."""
        lists = await self._book.revoke(
            self._signer.issuer, jti=jti, now=int(self._clock()), remembered_seconds=self._life
        )
        return self._look_anew(lists) > 0

    async def revoke_subject(self, subject: str) -> int:
        """Revoke all living recognitions of a pseudonym, and count them (StoreUnavailableError)."""
        lists = await self._book.revoke_subject(
            self._signer.issuer, subject=subject, now=int(self._clock()), remembered_seconds=self._life
        )
        return self._look_anew(lists)

    def heard(self, number: int) -> None:
        """Take note that something was revoked on a list, here or at another replica, and tell who listens."""
        self._look_anew((number,))
        self._changed(self._uri(number))

    def _look_anew(self, lists: Collection[int]) -> int:
        """Read these lists again at the next look; gives how many were named."""
        for number in lists:
            self._read.pop(number, None)
        return len(lists)

    async def text(self, number: int) -> bytes | None:
        """Give a signed list by its number, None where there is none (StoreUnavailableError, TrustError)."""
        now = self._clock()
        read = self._read.get(number)
        if read is None or not 0 <= now - read.looked_at < LOOK_SECONDS:
            state = await self._book.state(self._signer.issuer, number, now=int(now))
            if state is None:
                self._read.pop(number, None)
                return None
            if read is None or read.state != state:
                read = _Read(state, now)
            read.looked_at = now
            self._read[number] = read
            self._read.move_to_end(number)
            if len(self._read) > _MOST_READ:
                self._read.popitem(last=False)
        kid, iat = self._signer.kid, self._signed_as_of(read.state, int(now))
        # A list of a key that was rotated away is believed no longer as soon as that key is retired.
        if (read.iat, read.kid) != (iat, kid):
            read.text, read.iat, read.kid = self._sign(number, read.state, iat), iat, kid
        return read.text

    def _signed_as_of(self, state: ListState, now: int) -> int:
        """Give the time that a list says of itself; no later than now, should clocks differ."""
        interval = max(1, self._life // 2)
        return max(now - now % interval, min(state.changed, now))

    def _sign(self, number: int, state: ListState, iat: int) -> bytes:
        statuses = StatusList(
            issuer=self._signer.issuer,
            uri=self._uri(number),
            iat=iat,
            exp=iat + self._life,
            ttl=self._ttl,
            statuses=pack(dict.fromkeys(state.revoked, Status.INVALID), places=self._places),
        )
        return sign_status_list(statuses, key=self._signer).encode("ascii")

    def _uri(self, number: int) -> str:
        return f"{self._address}/{number}"

    async def _turn(self, until: int) -> None:
        """See that there is a list with a free place, which is served as long as it must be."""
        page, now = self._page, int(self._clock())
        served = until + self._life + LEASE_SECONDS
        if page is not None and page.free:
            if page.served_until >= until + self._life:
                return
            if await self._book.extend(self._signer.issuer, page.number, until=served):
                page.served_until = served
                return
        while self._filled and self._filled[0] <= now:
            self._filled.popleft()
        if len(self._filled) + (page is not None and page.last > now) >= self._most:
            raise LimitError(limit="living_recognitions")
        number = await self._book.open_list(self._signer.issuer, at_least=now, until=served)
        if page is not None:
            self._filled.append(page.last)
        self._page = _Page(number, array("I", range(self._places)), served)
