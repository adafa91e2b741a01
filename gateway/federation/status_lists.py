"""The verifier's side of the Token Status List: fetches the lists of known issuers, and says what they say.

A token names its list, but never chooses whom we call: the address must be the known one of its issuer, character by
character. A list is good for its `ttl`, then it is fetched again, once however many ask; sooner, where its issuer has
said that it changed. Where that fails nothing is assumed: unless a grace is set, which never goes beyond the list's own
`exp`, the token is refused.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from trust.errors import StatusUnknownError, TrustError, UnknownKeyError
from trust.jws import MAX_STATEMENT_LENGTH
from trust.status_list import verify_status_list

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from trust.claims import StatusReference
    from trust.keys import FindKey
    from trust.status_list import StatusList

MEDIA_TYPE = "application/statuslist+jwt"
MAX_TTL_SECONDS = 60
"""No list is used for longer than this without asking, whatever its issuer says."""

MIN_INTERVAL_SECONDS = 2
"""No list is asked for more often than this, whatever its issuer says, and whether or not the last try went well."""

LISTS_OF_AN_ISSUER = 16
TOTAL_SECONDS = 3.0

_OK = 200
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,9})")


@dataclass(slots=True)
class _Held:
    """What is known of one list: the last good one, when it came, when it was last asked for, and what went wrong.

    `changed` says that its issuer has changed it since.
    """

    good: StatusList | None = None
    came_at: float = 0.0
    asked_at: float = 0.0
    fault: str = "not fetched"
    changed: bool = False


class StatusLists:
    """The lists of the issuers that this gateway knows.

    Args:
        find: looks up an issuer's keys, as for its recognitions.
        bases: issuer -> the address of its web side, `https://HOST[/path]`, below which its lists lie.
        fetch: gets a document by its address (StatusUnknownError where it cannot).
        clock: Unix time.
        addresses: base address -> another one at which it is reached from here.
        grace_seconds: for how long the last good list still counts when no newer one can be had.
        renewed: waits until the keys of a region were fetched again, for a list that is signed with another one by now.
    """

    def __init__(
        self,
        *,
        find: FindKey,
        bases: Mapping[str, str],
        fetch: Callable[[str], Awaitable[str]],
        clock: Callable[[], float],
        addresses: Mapping[str, str] | None = None,
        grace_seconds: int = 0,
        renewed: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """Begin without any list."""
        self._find = find
        self._bases = bases
        self._addresses: Mapping[str, str] = {} if addresses is None else addresses
        self._fetch = fetch
        self._clock = clock
        self._grace = grace_seconds
        self._renewed = renewed
        self._held: dict[str, OrderedDict[str, _Held]] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def check(self, issuer: str, reference: StatusReference) -> None:
        """Let a token pass that its list, as it is held now, calls valid.

        Raises:
            RecognitionRevokedError: the list says otherwise.
            StatusUnknownError: no list is held, or none that is fresh enough, or it has no such place.
        """
        self._demand_known(issuer, reference.uri)
        held = self._find_held(issuer, reference.uri) or _Held()
        if held.good is None:
            raise StatusUnknownError(issuer=issuer, rule=held.fault)
        now = self._clock()
        if now >= held.good.exp or not 0 <= now - held.came_at < _ttl(held.good) + self._grace:
            raise StatusUnknownError(issuer=issuer, rule="stale")
        held.good.demand_valid(reference)

    async def refresh(self, issuer: str, reference: StatusReference, *, find: FindKey | None = None) -> None:
        """Fetch the list of a token where the one that is held is no longer fresh; `check` tells how that went.

        Args:
            issuer: of the token.
            reference: what the token says.
            find: looks up the issuer's keys, where that goes by more than is believed of everybody.

        Raises:
            StatusUnknownError: the address is not one of the issuer's.
        """
        uri = reference.uri
        place = self._demand_known(issuer, uri)
        task = self._under_way.get(uri)
        if task is None:
            if not self._is_due(issuer, uri):
                return
            task = self._under_way[uri] = asyncio.create_task(self._renew(issuer, uri, place, find or self._find))
            task.add_done_callback(lambda _done: self._under_way.pop(uri, None))
        # One who stops waiting does not stop the others.
        await asyncio.shield(task)

    def changed(self, entity: str, uri: str) -> None:
        """Hear from an entity that a list of its own has changed: the next token that names it has it fetched anew.

        Anybody might say so; it costs no more than a fetch of a known list, and no more often than any other.
        """
        for issuer, base in self._bases.items():
            held = self._find_held(issuer, uri) if base == entity else None
            if held is not None:
                held.changed = True

    def _demand_known(self, issuer: str, uri: str) -> str:
        """Give where to fetch a list whose address lies at the issuer's place for lists."""
        base = self._bases.get(issuer)
        path = f"/regions/{issuer}/status/"
        if base is None or not uri.startswith(base + path) or not _NUMBER.fullmatch(uri[len(base) + len(path) :]):
            raise StatusUnknownError(issuer=issuer, rule="address of the list")
        return self._addresses.get(base, base) + uri[len(base) :]

    def _find_held(self, issuer: str, uri: str) -> _Held | None:
        lists = self._held.get(issuer)
        return None if lists is None else lists.get(uri)

    def _is_due(self, issuer: str, uri: str) -> bool:
        """Tell whether a list has to be fetched, and may be."""
        held = self._find_held(issuer, uri)
        if held is None:
            return True
        now = self._clock()
        good = held.good
        fresh = good is not None and now < good.exp and 0 <= now - held.came_at < _ttl(good) and not held.changed
        return not fresh and not 0 <= now - held.asked_at < MIN_INTERVAL_SECONDS

    async def _renew(self, issuer: str, uri: str, place: str, find: FindKey) -> None:
        """Fetch a list and hold it, if it is good and no older than the one held."""
        lists = self._held.setdefault(issuer, OrderedDict())
        held = lists.setdefault(uri, _Held())
        held.asked_at = self._clock()
        told, held.changed = held.changed, False
        while len(lists) > LISTS_OF_AN_ISSUER:
            lists.popitem(last=False)
        try:
            good = await self._read(await self._fetch(place), issuer, uri, find)
        except TrustError as error:
            held.fault = error.metadata.get("rule", type(error).__name__)
            held.changed |= told
            return
        if held.good is not None and good.iat < held.good.iat:
            held.fault = "older list"
            return
        held.good, held.came_at = good, self._clock()

    async def _read(self, text: str, issuer: str, uri: str, find: FindKey) -> StatusList:
        """Verify a list (TrustError); its issuer may have rotated its keys just now, so an unknown one is sought."""
        try:
            return verify_status_list(text, uri=uri, issuer=issuer, find=find, now=int(self._clock()))
        except UnknownKeyError:
            if self._renewed is None:
                raise
        await self._renewed(issuer)
        return verify_status_list(text, uri=uri, issuer=issuer, find=find, now=int(self._clock()))


def _ttl(held: StatusList) -> int:
    """Give for how long a list counts without asking again."""
    return max(min(held.ttl, MAX_TTL_SECONDS), MIN_INTERVAL_SECONDS)


async def _read(content: aiohttp.StreamReader) -> str:
    """Read an answer to its end, or to the longest that a list may be; a list is ASCII."""
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > MAX_STATEMENT_LENGTH:
            raise StatusUnknownError(rule="size")
    # What is no ASCII becomes what no token has.
    return body.decode("ascii", "replace")


class StatusClient:
    """Fetches one document: no redirect, no proxy, no compression, 64 KiB and a deadline for the whole."""

    def __init__(self, *, total_seconds: float = TOTAL_SECONDS) -> None:
        """Open nothing yet."""
        self._timeout = aiohttp.ClientTimeout(total=total_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, address: str) -> str:
        """Get a list (StatusUnknownError with the rule that was broken; nothing of the answer is repeated)."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, auto_decompress=False, trust_env=False)
        # Whoever stands between may keep lists for others; we ask only when what we have will not do.
        headers = {"accept": MEDIA_TYPE, "accept-encoding": "identity", "cache-control": "no-cache"}
        try:
            async with self._session.get(address, headers=headers, allow_redirects=False) as reply:
                if reply.status != _OK or reply.content_type != MEDIA_TYPE or "content-encoding" in reply.headers:
                    raise StatusUnknownError(rule="answer")
                return await _read(reply.content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise StatusUnknownError(rule="unreachable") from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
