"""What platforms and gateways do to a request, but for its reply: take it, work on it, withdraw it, object to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from gateway.errors import LeaseLostError, RequestStateError
from gateway.services.exchange_act import Acted
from gateway.services.exchange_ledger import RECEIVED, lane_in, never_tried
from gateway.services.exchange_model import Dispute, read_disputes, write_disputes
from gateway.services.exchange_queue import tasks_of
from gateway.services.exchange_states import ANSWERED, Event, Held, Open, Party, State

if TYPE_CHECKING:
    from gateway.services.exchange_act import Scene
    from gateway.services.exchange_model import News, StoredRequest
    from gateway.services.exchange_seals import Seals

DISPUTE_DAYS: Final = 90
"""For how long the source region may object to a reply."""

UPHELD: Final = "upheld"
WITHDRAWN: Final = "withdrawn"
_DAY: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Advance:
    """The platform of the target says that it has taken a request, or works on it; under a lease, where it has one."""

    event: Event
    lease: int | None = None

    async def apply(self, scene: Scene, request: StoredRequest, party: Party) -> Acted:
        """Move it on; once more is no fault (RequestStateError, LeaseLostError)."""
        if party is Party.TARGET and _is_behind(request, self.event):
            return Acted(request, replayed=True)
        if self.lease is not None:
            await require_lease(scene, request, self.lease)
        moved = scene.ledger.move(request, self.event, party, region=scene.actor.region)
        return Acted(moved, replayed=False)


def _is_behind(request: StoredRequest, event: Event) -> bool:
    """Tell whether a request has come as far as that already, by the same platform."""
    reached = {Event.ACCEPTED: {State.ACCEPTED, State.IN_PROGRESS}, Event.STARTED: {State.IN_PROGRESS}}
    return request.state in reached.get(event, set())


async def require_lease(scene: Scene, request: StoredRequest, lease: int) -> None:
    """Demand that a delivery is still under this lease (LeaseLostError)."""
    tasks = await tasks_of(scene.transaction, lane_in(request.target), [request.id])
    taken = tasks.get(request.id)
    if taken is None or taken.task != RECEIVED or taken.lease != lease or taken.dead:
        raise LeaseLostError


@dataclass(frozen=True, slots=True)
class Cancel:
    """The source region withdraws a request, or its gateway tells that it does."""

    news: News | None = None

    async def apply(self, scene: Scene, request: StoredRequest, party: Party) -> Acted:
        """Withdraw it, or ask the gateway that may have it already (RequestStateError)."""
        if request.state is State.CANCELLED:
            return Acted(request, replayed=True)
        event = Event.CANCELLED
        if self.news is not None:
            heard: dict[str, Any] = {"heard": self.news.entry.revision}
            return Acted(scene.ledger.move(request, event, party, region=scene.actor.region, **heard), replayed=False)
        if request.held is Held.SOURCE and not (
            request.state is State.SUBMITTED and request.id in await never_tried(scene.transaction, [request.id])
        ):
            event = Event.CANCEL_ASKED
        moved = scene.ledger.move(request, event, party, region=scene.actor.region)
        return Acted(moved, replayed=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """A region objects."""

    ground: str
    text: str = field(repr=False)
    seals: Seals
    news: News | None = None

    async def apply(self, scene: Scene, request: StoredRequest, party: Party) -> Acted:
        """Keep the objection (RequestStateError: not possible now, or too late)."""
        disputes = disputes_of(request, self.seals)
        last = disputes[-1] if disputes else None
        if self._is_known(request, last, scene):
            return Acted(request, replayed=True)
        late = request.answered_at is not None and scene.ledger.now > request.answered_at + DISPUTE_DAYS * _DAY
        if request.state in ANSWERED and late:
            raise RequestStateError(state=request.state, event=Event.DISPUTED)
        at = scene.ledger.now if self.news is None else self.news.entry.time
        new = Dispute(region=scene.actor.region, ground=self.ground, text=self.text, raised_at=at)
        columns = {"disputes": self.seals.seal_disputes(request.id, write_disputes((*disputes, new)))}
        moved = move_or_follow(scene, request, Event.DISPUTED, party, self.news, reason=self.ground.upper(), **columns)
        return Acted(moved, replayed=False)

    def _is_known(self, request: StoredRequest, last: Dispute | None, scene: Scene) -> bool:
        """Tell whether this very objection is there already."""
        if self.news is not None:
            return self.news.entry.revision <= request.heard
        said = (scene.actor.region, self.ground, self.text, "")
        return last is not None and (last.region, last.ground, last.text, last.outcome) == said


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """A region ends an objection."""

    outcome: str
    answer: str = field(repr=False)
    seals: Seals
    news: News | None = None

    async def apply(self, scene: Scene, request: StoredRequest, party: Party) -> Acted:
        """Keep how it ends, and what follows from that (RequestStateError: there is none that it may end)."""
        disputes = disputes_of(request, self.seals)
        if self.news is not None and self.news.entry.revision <= request.heard:
            return Acted(request, replayed=True)
        if request.stage.open is Open.NONE or not disputes:
            if disputes and (disputes[-1].outcome, disputes[-1].answer) == (self.outcome, self.answer):
                return Acted(request, replayed=True)
            raise RequestStateError(state=request.state, event=Event.DISPUTE_SETTLED)
        last = disputes[-1]
        own = last.region == scene.actor.region
        if own is not (self.outcome == WITHDRAWN):
            raise RequestStateError(state=request.state, event=Event.DISPUTE_SETTLED)
        at = scene.ledger.now if self.news is None else self.news.entry.time
        ended = replace(last, outcome=self.outcome, answer=self.answer, settled_at=at)
        columns: dict[str, Any] = {
            "disputes": self.seals.seal_disputes(request.id, write_disputes((*disputes[:-1], ended)))
        }
        event = self._event(request, party)
        if event is Event.REOPENED:
            columns |= {"deadline": at + request.deadline - request.submitted_at}
        moved = move_or_follow(scene, request, event, party, self.news, reason=self.outcome.upper(), **columns)
        return Acted(moved, replayed=False)

    def _event(self, request: StoredRequest, party: Party) -> Event:
        """Say what follows: an objection that the other region shares is acted on where that is decided."""
        if self.outcome == UPHELD and party is Party.TARGET:
            return Event.REOPENED
        if self.outcome == UPHELD and request.held is Held.TARGET:
            return Event.WITHDRAWN
        return Event.DISPUTE_SETTLED


def disputes_of(request: StoredRequest, seals: Seals) -> tuple[Dispute, ...]:
    """Open the objections to a request."""
    return read_disputes(seals.open_disputes(request.id, request.disputes)) if request.disputes else ()


@dataclass(frozen=True, slots=True)
class Hear:
    """The gateway of the target region tells what has happened."""

    news: News

    async def apply(self, scene: Scene, request: StoredRequest, party: Party) -> Acted:
        """Follow; what was heard before changes nothing (RequestStateError)."""
        if self.news.entry.revision <= request.heard:
            return Acted(request, replayed=True)
        moved = move_or_follow(scene, request, self.news.entry.event, party, self.news, reason=self.news.entry.reason)
        return Acted(moved, replayed=False)


_BY_GATEWAY: Final = frozenset(
    {Event.FAILED, Event.EXPIRED, Event.CANCELLED, Event.WITHDRAWN, Event.HELD, Event.RELEASED}
)
"""What the gateway of the target decides by itself."""


def move_or_follow(
    scene: Scene,
    request: StoredRequest,
    event: Event,
    party: Party,
    news: News | None,
    *,
    reason: str = "",
    **columns: Any,  # noqa: ANN401 - columns of the row
) -> StoredRequest:
    """Move a request on where that is decided here, or follow the gateway where it was decided (RequestStateError)."""
    region = scene.actor.region
    if news is None:
        return scene.ledger.move(request, event, party, region=region, reason=reason, **columns)
    columns["heard"] = news.entry.revision
    if request.held is Held.TARGET:  # the source's gateway tells what its platform asks; it is decided here
        return scene.ledger.move(request, event, party, region=region, reason=reason, **columns)
    by = Party.TARGET_GATEWAY if event in _BY_GATEWAY else party
    entry = news.entry
    return scene.ledger.move(
        request, event, by, region=region, reason=entry.reason or reason, at=entry.time, told=entry.state, **columns
    )
