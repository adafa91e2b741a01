"""The home side in this process: asks the platform, forms the verdict, signs the recognition."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Protocol

from adapters.canonical import LocalizedText
from adapters.card_state import graver
from adapters.errors import (
    BadUpstreamError,
    HolderMismatchError,
    MalformedFieldError,
    MalformedNumberError,
    MissingFieldError,
    RegionDataError,
)
from adapters.words import CardStatus
from gateway.errors import StoreUnavailableError
from gateway.services.disclosure import contradicts, disclose_fields, find_holder_key, holder_key, tells_functions
from gateway.services.model import CardAnswer, CardVerdict, granted
from gateway.services.verdict import CardFacts, UseFacts
from trust.claims import RecognitionClaims
from trust.encoding import encode_base64url
from trust.errors import TrustError
from trust.pseudonym import pairwise_card, pairwise_subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from adapters.adapter import ManifestAdapter
    from adapters.canonical import ApplicationItem, CardIdentity
    from adapters.credential import Credential
    from adapters.equivalence import Coverage, EquivalenceBook
    from gateway.services.card_ledger import CardLedger, Reported
    from gateway.services.model import CardQuestion
    from gateway.services.polled_cards import PolledCards
    from gateway.services.ports import Clock, Consents, Platform, RecognitionPlaces
    from gateway.services.verdict import VerdictRules
    from trust.agreement import Agreement
    from trust.policy import AgreementBook, Permission

RECOGNITION_SECONDS = 600
"""Life of a recognition: the most that the profile allows, and as long as an answer is remembered by its request id."""

_TRIES = 3
_UNREADABLE = (MalformedNumberError, MalformedFieldError, MissingFieldError)

CHINA_TIME = timezone(timedelta(hours=8))
"""Days of agreements, items and cards begin and end in the regions' own time."""


class IssueToken(Protocol):
    """What signs recognitions: `trust.signer.RecognitionSigner`, or `trust.countersign.CounterSigner`."""

    def issue(self, claims: RecognitionClaims) -> str:
        """Sign a recognition (TrustError leaves)."""


class LocalHome:
    """Answers questions about the cards of one home region."""

    def __init__(
        self,
        *,
        adapter: ManifestAdapter,
        items: Callable[[str, str], ApplicationItem],
        platform: Platform,
        rules: VerdictRules,
        book: EquivalenceBook,
        agreements: AgreementBook,
        signer: IssueToken,
        pseudonym_secret: bytes,
        new_id: Callable[[], str],
        clock: Clock,
        statuses: RecognitionPlaces | None = None,
        consents: Consents | None = None,
        cards: CardLedger | None = None,
        polled: PolledCards | None = None,
    ) -> None:
        """Take the region's parts; `items` finds an item of any region by region code and identifier.

        With `statuses`, each recognition says where it can be seen whether it was revoked since. `consents` knows which
        references have ended; without it each counts that is named. With `cards`, what the platform has reported of a
        card counts beside what it answers, and recognitions name the card. `polled` is told what it
        answers, where it cannot report.
        """
        self._adapter = adapter
        self._items = items
        self._platform = platform
        self._rules = rules
        self._book = book
        self._agreements = agreements
        self._signer = signer
        self._secret = pseudonym_secret
        self._new_id = new_id
        self._clock = clock
        self._statuses = statuses
        self._cards = cards
        self._polled = polled
        self._consents = consents

    def _cover(self, item: ApplicationItem, on: date) -> Coverage:
        """Find what the home catalog covers of a visited item."""
        return self._book.coverage(item.region, item.item, self._adapter.region, on=on)

    @property
    def reachable(self) -> bool:
        """Tell whether the region's platform answered lately."""
        return self._platform.reachable

    async def answer(self, question: CardQuestion, *, disclose: bool) -> CardAnswer:
        """Answer a question about a card of this region, anew where the card is reported meanwhile.

        Nothing is asked of the platform before the agreement allows it. Raises TrustError leaves of the agreement,
        UnknownItemError, UnsupportedCredentialError, CardNotFoundError and the other errors of the platform edge, and
        LimitError when no more recognitions can be told apart in the status lists, StoreUnavailableError when it cannot
        be kept who has a place there.
        """
        item = self._items(question.visited_region, question.visited_item)
        today = china_day(self._clock())
        permission = permit(self._agreements, question, item, on=today)
        if permission is not None and question.consent_reference and self._consents is not None:
            self._consents.require(question.consent_reference, agreement=permission.agreement)
        covered = self._cover(item, today) if permission else None
        use = UseFacts(item=item, medium=question.medium, permission=permission, coverage=covered)
        found = await self.look_up(question.credential)
        if self._polled is not None:
            await self._polled.note(question.credential, found[0])
        for _ in range(_TRIES):
            answer = await self._answer(question, use, found, today=today, disclose=disclose)
            if answer is not None:
                return answer
            if self._cards is not None:
                await self._cards.read_on()
        raise StoreUnavailableError(fault="conflict")

    async def _answer(
        self, question: CardQuestion, use: UseFacts, found: tuple[CardIdentity, float], *, today: date, disclose: bool
    ) -> CardAnswer | None:
        """Answer by what the platform has said; None where the card was reported between the look at it and the end."""
        permission, (identity, as_of) = use.permission, found
        name, known = self._name(identity), 0 if self._cards is None else self._cards.last
        reported = None if name is None or self._cards is None else self._cards.reported(name)
        identity = _as_reported(identity, reported)
        verdict = self._verdict(question, use, identity, as_of, today=today)
        if reported is not None:
            verdict = replace(
                verdict,
                since=reported.since or None,
                successor=self._pairwise(reported.successor, question.visited_region),
            )
        entitled = self._adapter.rules.entitles(question.visited_region)
        disclosed = disclose_fields(identity, permission, entitled=entitled) if disclose and verdict.usable else None
        holder = find_holder_key(identity)
        if permission is None or use.coverage is None or not verdict.usable:
            return CardAnswer(verdict=verdict, identity=disclosed, recognition=None, claims=None, holder=holder)
        claims = await self._claims(
            question, verdict, permission, use.coverage, identity, card=name or b"", known=known
        )
        if claims is None:
            return None
        return CardAnswer(
            verdict=verdict, identity=disclosed, recognition=self._sign(claims), claims=claims, holder=holder
        )

    def _verdict(
        self, question: CardQuestion, use: UseFacts, identity: CardIdentity, as_of: float, *, today: date
    ) -> CardVerdict:
        """Form the verdict on a card of which the platform has told as of some time."""
        now, permission = self._clock(), use.permission
        card = CardFacts(
            card=identity.card,
            age_seconds=max(0.0, now - as_of),
            today=today,
            suspension_basis=self._adapter.manifest.suspension_basis,
        )
        return CardVerdict(
            home_region=self._adapter.region,
            visited_region=question.visited_region,
            classes=self._rules.form(card, use),
            card_status=card.card.status or CardStatus.UNKNOWN,
            suspended_functions=identity.card.suspended_functions if tells_functions(permission) else frozenset(),
            status_as_of=as_of,
            answered_at=now,
            item=self._book.translate(question.visited_region, use.item.item, self._adapter.region, on=today),
            agreement=permission.agreement if permission else "",
        )

    async def subjects_of(self, credential: Credential, regions: Iterable[str]) -> tuple[str, ...]:
        """Ask the platform who holds a card, and give the holder's pseudonyms towards regions (the platform edge's)."""
        identity, _ = await self.look_up(credential)
        return tuple(self._subject(identity, region) for region in regions)

    def _subject(self, identity: CardIdentity, visited: str) -> str:
        """Give the pseudonym of a holder towards a region."""
        return pairwise_subject(
            self._secret, home=self._adapter.region, visited=visited, holder_key=holder_key(identity)
        )

    def _sign(self, claims: RecognitionClaims) -> str:
        """Sign (RegionDataError); what the signer refuses is the fault of our data, not of the caller."""
        try:
            return self._signer.issue(claims)
        except TrustError as error:
            raise RegionDataError(region=self._adapter.region, rule="recognition") from error

    async def look_up(self, credential: Credential) -> tuple[CardIdentity, float]:
        """Ask the platform, and hold its answer against what the credential itself says (AdapterError leaves)."""
        record = await self._platform.lookup(self._adapter.draft(credential))
        try:
            identity = self._adapter.identity_to_canonical(record.fields, strict=False)
        except _UNREADABLE as error:
            raise BadUpstreamError(
                region=self._adapter.region, rule="record", field=error.metadata.get("field", "")
            ) from None
        if contradicts(identity, credential.checks):
            raise HolderMismatchError(region=self._adapter.region)
        return identity, record.as_of

    async def _claims(
        self,
        question: CardQuestion,
        verdict: CardVerdict,
        permission: Permission,
        covered: Coverage,
        identity: CardIdentity,
        *,
        card: bytes,
        known: int,
    ) -> RecognitionClaims | None:
        """Put together what the recognition says, None where more was reported of the card than was known.

        `card` is the region's own name for the card, empty for none.
        """
        now = int(verdict.answered_at)
        item = verdict.item.source
        jti, expires_at = self._new_id(), now + RECOGNITION_SECONDS
        subject = self._subject(identity, question.visited_region)
        status = None
        if self._statuses is not None:
            status = await self._statuses.allocate(
                jti=jti, subject=subject, expires_at=expires_at, card=card, known=known
            )
            if status is None:
                return None
        return RecognitionClaims(
            iss=self._adapter.region,
            aud=question.visited_region,
            sub=subject,
            iat=now,
            nbf=now,
            exp=expires_at,
            jti=jti,
            item=item.item,
            home_items=covered.items,
            catalog_version=self._adapter.catalog.version,
            purpose=question.purpose.value,
            classes=granted(verdict),
            card_status=verdict.card_status.value,
            card_status_as_of=int(verdict.status_as_of),
            medium=question.medium.value,
            assurance="substantial",
            request_hash=question.digest(),
            agreement=permission.agreement,
            one_time=item.one_time,
            confirmation=question.confirmation,
            status=status,
            card=self._pairwise(card, question.visited_region) or None,
        )

    def _name(self, identity: CardIdentity) -> bytes | None:
        """Give what the region calls a card whose number the platform has told, where card states are kept."""
        number = identity.card.number
        return None if number is None or self._cards is None else self._cards.name(number.reveal())

    def _pairwise(self, name: bytes, visited: str) -> str:
        """Give what another region is told as the name of a card, empty for none."""
        if not name:
            return ""
        home = self._adapter.region
        return encode_base64url(pairwise_card(self._secret, home=home, visited=visited, card=name))


def _as_reported(identity: CardIdentity, reported: Reported | None) -> CardIdentity:
    """Let what was reported of a card count beside what its platform answers: the graver status, all suspensions.

    A look-up may still show the card as it was before the platform reported; what was reported is undone by a further
    report only.
    """
    if reported is None:
        return identity
    card, shown = identity.card, reported.shown
    status = graver(card.status or CardStatus.UNKNOWN, shown.status)
    suspended = card.suspended_functions | shown.suspended
    return replace(identity, card=replace(card, status=status, suspended_functions=suspended))


def china_day(now: float) -> date:
    """Give the calendar day in the regions' time for a Unix time."""
    return datetime.fromtimestamp(now, CHINA_TIME).date()


def permit(agreements: AgreementBook, question: CardQuestion, item: ApplicationItem, *, on: date) -> Permission | None:
    """Ask the agreement between the two regions; None for use in the home region itself, which needs none.

    Raises NoAgreementError, AgreementNotInForceError, PurposeNotAllowedError, ItemNotInAgreementError,
    MediumNotAllowedError or ConsentMissingError.
    """
    if question.home_region == question.visited_region:
        return None
    return agreements.permit(
        home=question.home_region,
        visited=question.visited_region,
        item_types=[relation.item_type for relation in item.relations],
        purpose=question.purpose.value,
        classes=[c.value for c in item.classes],
        medium=question.medium.value,
        on=on,
        consent_reference=question.consent_reference,
    )


def agreement_title(agreement: Agreement) -> LocalizedText:
    """Give the title of an agreement in four languages."""
    title = agreement.title
    return LocalizedText(zh_hans=title["zh-Hans"], zh_hant=title["zh-Hant"], en=title["en"], pt=title["pt"])
