"""The issuer's side of the Token Status List: gives each living recognition a place, and revokes it there.

A place is chosen at random among the free ones, so that it tells nobody when or in which order recognitions were
issued; it is free again once no verifier accepts the recognition any more. Lists are signed when somebody asks, again
when something or the key has changed, or half of their life has passed. All this is kept in memory: after a restart the
numbers of the lists are others, so a place is never taken for that of an older token, whose list is then not found and
refuses it.
"""

from __future__ import annotations

import heapq
import secrets
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.errors import LimitError
from trust.claims import CLOCK_SKEW_SECONDS, StatusReference
from trust.signer import signer_of
from trust.status_list import Status, StatusList, pack, sign_status_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.services.ports import Clock
    from trust.keys import SigningKey
    from trust.signer import Signer

PLACES = 2**17
"""Places of one list: signed it stays below 30 KiB, whatever is revoked."""

MAX_LISTS = 8
TTL_SECONDS = 15
LIFE_SECONDS = 600


@dataclass(slots=True)
class _Page:
    """One list: the revoked places, the free ones in no order, and the text, when and by which key it was signed."""

    free: array[int]
    revoked: set[int] = field(default_factory=set)
    text: bytes = b""
    signed_at: float = 0.0
    signed_by: str = ""


def _all(places: int) -> array[int]:
    """Give every place of a list, four bytes each."""
    return array("I", range(places))


class StatusRegister:
    """The places of one region's recognitions.

    Args:
        key: signs the lists; its issuer is the region.
        address: where the lists are served, `https://HOST/regions/REGION/status`; the number comes behind it.
        number: of the first list; another one at each start of each replica, such as the time in seconds.
        clock: Unix time.
        places: of one list.
        max_lists: how many lists there are at most; `places` times that many recognitions may live at once.
        choose: gives a number from 0 to below its argument that nobody can foresee.
        ttl_seconds: for how long a reader may go on with what it has.
        life_seconds: of a signed list.
        changed: is called with the address of a list in which something was just revoked.
    """

    def __init__(
        self,
        key: SigningKey | Signer,
        *,
        address: str,
        number: int,
        clock: Clock,
        places: int = PLACES,
        max_lists: int = MAX_LISTS,
        choose: Callable[[int], int] = secrets.randbelow,
        ttl_seconds: int = TTL_SECONDS,
        life_seconds: int = LIFE_SECONDS,
        changed: Callable[[str], None] = lambda _uri: None,
    ) -> None:
        """Begin with one empty list."""
        self._signer = signer_of(key)
        self._address = address
        self._first = number
        self._clock = clock
        self._places = places
        self._most = max_lists
        self._choose = choose
        self._ttl = ttl_seconds
        self._life = life_seconds
        self._changed = changed
        self._pages = [_Page(_all(places))]
        self._taken: list[tuple[float, int, int, str, str]] = []

    def __len__(self) -> int:
        """Count the places that are taken."""
        return len(self._taken)

    @property
    def ttl_seconds(self) -> int:
        """For how long a reader may go on with a list."""
        return self._ttl

    def allocate(self, *, jti: str, subject: str, expires_at: int) -> StatusReference:
        """Take a place for a recognition until it has expired everywhere (LimitError where all places are taken)."""
        self._free_expired()
        page = next((number for number, page in enumerate(self._pages) if page.free), None)
        if page is None:
            page = self._open()
        free = self._pages[page].free
        chosen = self._choose(len(free))
        place, free[chosen] = free[chosen], free[-1]
        free.pop()
        heapq.heappush(self._taken, (expires_at + CLOCK_SKEW_SECONDS, page, place, jti, subject))
        return StatusReference(uri=self._uri(page), index=place)

    def revoke(self, jti: str) -> bool:
        """Revoke a recognition by its token identifier; tell whether it lives."""
        return self._revoke(lambda told, _subject: told == jti) > 0

    def revoke_subject(self, subject: str) -> int:
        """Revoke all living recognitions of a pseudonym, and count them, those that were revoked before too."""
        return self._revoke(lambda _jti, told: told == subject)

    def text(self, number: int) -> bytes | None:
        """Give a signed list by its number, or None where there is none (TrustError where it cannot be signed)."""
        position = number - self._first
        if not 0 <= position < len(self._pages):
            return None
        self._free_expired()
        page, now = self._pages[position], self._clock()
        kid = self._signer.kid
        # A list of a key that was rotated away is believed no longer as soon as that key is retired.
        if not page.text or page.signed_by != kid or not 0 <= now - page.signed_at < self._life / 2:
            page.text, page.signed_at, page.signed_by = self._sign(position, int(now)), now, kid
        return page.text

    def _sign(self, position: int, now: int) -> bytes:
        statuses = StatusList(
            issuer=self._signer.issuer,
            uri=self._uri(position),
            iat=now,
            exp=now + self._life,
            ttl=self._ttl,
            statuses=pack(dict.fromkeys(self._pages[position].revoked, Status.INVALID), places=self._places),
        )
        return sign_status_list(statuses, key=self._signer).encode("ascii")

    def _uri(self, position: int) -> str:
        return f"{self._address}/{self._first + position}"

    def _open(self) -> int:
        """Begin a further list."""
        if len(self._pages) >= self._most:
            raise LimitError(limit="living_recognitions")
        self._pages.append(_Page(_all(self._places)))
        return len(self._pages) - 1

    def _revoke(self, concerns: Callable[[str, str], bool]) -> int:
        """Revoke what is concerned; rare, so it looks at every living recognition rather than keep an index of them."""
        self._free_expired()
        found = [(page, place) for _, page, place, jti, subject in self._taken if jti and concerns(jti, subject)]
        news = {page for page, place in found if place not in self._pages[page].revoked}
        for page, place in found:
            self._pages[page].revoked.add(place)
        for page in sorted(news):
            self._pages[page].text = b""
            self._changed(self._uri(page))
        return len(found)

    def _free_expired(self) -> None:
        """Free the places of what has expired; one that was revoked waits until no reader holds a list that says so."""
        now = self._clock()
        while self._taken and self._taken[0][0] <= now:
            _, position, place, _, _ = heapq.heappop(self._taken)
            page = self._pages[position]
            if place in page.revoked:
                page.revoked.discard(place)
                page.text = b""
                heapq.heappush(self._taken, (now + self._life, position, place, "", ""))
            else:
                page.free.append(place)
