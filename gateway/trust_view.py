"""A look at whom a gateway would believe now: what it remembers and what can be fetched.

A look works on a copy of the state folder, so that what the running gateway believes and what it has published is left
as it is. Of ourselves it shows what was published last.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from gateway.bootstrap_trust import build_trust
from gateway.errors import SettingsError
from gateway.federation.publisher import PUBLISHED_LAST
from trust.errors import TrustError
from trust.keys import thumbprint
from trust.statement import read_configuration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.errors import GatewayError
    from gateway.federation.desk import AnchorExplanation
    from gateway.federation.publisher import EntityPublisher
    from gateway.rpc.boundary import OpenCall
    from gateway.rpc.status import Row
    from gateway.settings import Settings
    from gateway.trust_side import TrustSide
    from trust.explanation import ChainStep

_WAIT_SECONDS = 5.0


class _Silent:
    """A journal for a look: what would be an event is in what is shown."""

    def call(self, opened: OpenCall, failure: Row | None) -> None:
        """Nothing is called here."""

    def unforeseen(self, opened: OpenCall, error: Exception) -> None:
        """Nothing is called here."""

    def event(self, name: str, **fields: str | float | bool) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyLine:
    """A party to an agreement: what is shown of it, and whether nothing is wrong with it."""

    cells: tuple[str, ...]
    good: bool


class TrustView:
    """What a look has found."""

    def __init__(self, side: TrustSide, *, published: frozenset[str]) -> None:
        """Take the trust of the node after its first round, and the homes that have a configuration out."""
        self._side = side
        self._published = published

    def homes(self) -> Iterator[tuple[str, tuple[AnchorExplanation, ...]]]:
        """Give each home region with what is to be said of it under each anchor."""
        for region in self._side.homes:
            yield region, self._side.desk.explain(region)

    def explain(self, region: str) -> tuple[AnchorExplanation, ...]:
        """Give what is to be said of a region's entity under each anchor; none for a region that nobody acts for."""
        return self._side.desk.explain(region)

    def chains(self, region: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Give anchor and static trust chain, compact JWS upwards, for each anchor under which a region is believed.

        None for a home region that has no configuration out: what is handed on must be what the gateway stands for.
        """
        if region in self._side.homes and region not in self._published:
            return
        for one in self.explain(region):
            if texts := self._side.desk.chain_for(one.entity, one.anchor):
                yield one.anchor, texts

    def fingerprint(self, region: str) -> str:
        """Give the thumbprint of the federation key of a home region."""
        return thumbprint(self._side.homes[region].publisher.keys[0].public_key)

    def configuration(self, region: str) -> str | None:
        """Give the configuration of a home region that was published last, compact JWS; None where none is good now."""
        return self._side.homes[region].publisher.current.text if region in self._published else None

    def parties(self) -> Iterator[PartyLine]:
        """Give the parties of all agreements, one after the other."""
        for agreement in self._side.agreements.agreements:
            stands = "yes"
            try:
                self._side.standing.require(agreement.id)
            except TrustError as error:
                stands = str(error)
            unsigned = self._side.standing.missing(agreement.id)
            for region in agreement.regions:
                until, believed = self._believed(region, agreement.id)
                good = believed and region not in unsigned and stands == "yes"
                signed = "no" if region in unsigned else "yes"
                yield PartyLine(cells=(agreement.id, region, until, signed, stands), good=good)

    def _believed(self, region: str, agreement: str) -> tuple[str, bool]:
        """Say until when a party is believed, or why it is not."""
        for one in self.explain(region):
            if agreement in one.agreements:
                return (moment(one.believed.expires_at), True) if one.believed is not None else (self.why(one), False)
        return "nobody acts for it here", False

    def why(self, one: AnchorExplanation) -> str:
        """Say in a line why an entity is not believed under an anchor."""
        if one.fault is not None:
            return f"{one.anchor}: {_told(one.fault)}"
        if one.chain is not None and one.chain.error is not None:
            return f"{one.anchor}: {one.chain.error}"
        return f"{one.anchor}: not asked yet"

    def doubt(self, one: AnchorExplanation) -> str:
        """Say until when an entity is believed of whom nothing newer can be had; nothing where all is well."""
        if one.fault is None or one.believed is None:
            return ""
        return f" until {moment(one.believed.expires_at)}; nothing newer could be had: {_told(one.fault)}"

    def lines(self, one: AnchorExplanation) -> Iterator[str]:
        """Tell of an entity under one anchor, line by line."""
        yield f"{one.entity} under {one.anchor} (agreements: {', '.join(one.agreements)})"
        for step in one.chain.steps if one.chain is not None else ():
            yield f"  {step.verdict.value:10}  {_said(step)}"
            for name, demand in (step.demands or {}).items():
                yield f"              {name}: {demand}"
            if step.error is not None:
                yield f"              {step.error}"
        for said in one.revocations:
            yield f"  revoked     {said.kind} {said.target} by {said.iss}, {said.reason}, from {moment(said.effective)}"
        if one.missing:
            yield f"  missing     revocations {', '.join(map(str, one.missing))} of {one.entity} have not come here"
        if one.fault is not None:
            yield f"  not fetched {_told(one.fault)}"
        if one.believed is None:
            yield f"  => not believed: {self.why(one)}"
        else:
            for mark in sorted(one.believed.marks):
                yield f"  holds mark  {mark}"
            grace = one.believed.usable_until - one.believed.expires_at
            yield f"  => believed until {moment(one.believed.expires_at)}, and {grace} s of grace"


def _said(step: ChainStep) -> str:
    """Tell of a statement: whose about whom, its number, its dates, its key."""
    if step.issuer is None or step.freshness is None:
        return f"statement {step.position} of the chain, which cannot be read"
    about = f"{step.issuer} about {'itself' if step.issuer == step.subject else step.subject}"
    dates = f"{moment(step.issued_at)} to {moment(step.expires_at)}"
    fresh = step.freshness.name.lower().replace("_", " ")
    return f"{about}: version {step.version}, {dates}, {fresh}, key {step.kid}"


def _told(fault: GatewayError) -> str:
    """Write why something could not be fetched: the sentence, then the fault, and what the server gave for it."""
    facts = (fault.metadata[name] for name in ("fault", "status", "reason", "rule") if name in fault.metadata)
    return f"{fault} ({', '.join(facts)})"


def moment(seconds: int | None) -> str:
    """Write a time in UTC to the minute; a dash for none."""
    return "-" if seconds is None else time.strftime("%Y-%m-%d %H:%MZ", time.gmtime(seconds))


@contextmanager
def looking(settings: Settings) -> Iterator[TrustView]:
    """Look, in an event loop of our own; what was begun is ended afterwards (SettingsError, TrustError)."""
    with TemporaryDirectory(prefix="onecard-look-") as folder, asyncio.Runner() as runner:
        state = Path(folder) / "state"
        _copy(settings.trust.state, state)
        trust = settings.trust.model_copy(update={"state": state})
        side = build_trust(settings.model_copy(update={"trust": trust}), journal=_Silent())
        published = frozenset(
            region for region, home in side.homes.items() if _resumed(home.publisher, settings.trust.state / region)
        )
        runner.run(_look(side))
        try:
            yield TrustView(side, published=published)
        finally:
            runner.run(side.close())


def publish_own(settings: Settings, region: str) -> str:
    """Number, sign and keep the configuration of a home region whose gateway does not run (SettingsError, TrustError).

    The gateway goes on from its number, so that of one number there is never a second content.
    """
    side = build_trust(settings, journal=_Silent())
    try:
        return side.homes[region].publisher.text()
    finally:
        asyncio.run(side.close())


def _copy(state: Path, copy: Path) -> None:
    """Copy what a gateway remembers, without what it is about to write and what no look needs."""
    try:
        shutil.copytree(state, copy, ignore=shutil.ignore_patterns(".*", "originals", "catalogs", "process-*"))
    except FileNotFoundError:
        copy.mkdir(mode=0o700)  # nothing is remembered yet
    except OSError as error:
        raise SettingsError((f"trust.state: cannot be read ({type(error).__name__})",)) from None


def _resumed(publisher: EntityPublisher, folder: Path) -> bool:
    """Go on with what was published last; tells whether it is there, of today's keys, and good for long enough."""
    with suppress(OSError, UnicodeDecodeError, TrustError):
        text = (folder / PUBLISHED_LAST).read_text("ascii")
        if read_configuration(text)[0].keys == publisher.keys:
            publisher.adopt(text, links=[], ended=[])
            return not publisher.current.due(int(time.time()))
    return False


async def _look(side: TrustSide) -> None:
    """Fetch what a running gateway would fetch, once."""
    await side.desk.start()
    with suppress(TimeoutError):
        async with asyncio.timeout(_WAIT_SECONDS):
            await side.desk.refresh_all()
