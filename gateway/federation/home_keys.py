"""The keys of a home region while the node runs: what signs with them, what is published, and their rotation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import SettingsError
from gateway.federation.home_entity import evidence_texts, home_content
from gateway.federation.publisher import EntityPublisher
from gateway.federation.publisher_ledger import Numbering
from gateway.federation.rotation import follow_shelf
from gateway.key_shelf import ShelfSigner
from trust.countersign import CounterSigner
from trust.errors import TrustError
from trust.keys import KeyRing
from trust.roles import GATEWAY_ROLE, REGION_ROLE
from trust.signer import CallerTokenSigner, RecognitionSigner
from trust.verifier import RecognitionVerifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from gateway.key_shelf import Shelf
    from gateway.services.ports import Clock
    from trust.claims import RecognitionClaims
    from trust.countersign import OriginalStore
    from trust.keys import VerificationKey


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerSuite:
    """Partners who read another suite than the region signs in: who, with what key, and where originals go."""

    regions: tuple[str, ...]
    shelf: Shelf
    originals: OriginalStore


class HomeKeys:
    """The three kinds of keys of a home region, taken up from the disk when they change.

    Args:
        entity: the region's entity identifier.
        federation: keys that sign statements.
        region: keys that sign recognitions.
        caller: keys that sign the tokens with which the gateway asks others.
        evidence: keys that sign the checkpoints of the gateway's log; their issuer is the gateway.
        superiors: the anchors of the region's agreements.
        folder: where the numbers of configurations are kept.
        clock: Unix seconds.
        new_id: makes the identifier of each token.
        partner: with what recognitions are counter-signed for partners who read another suite.
        numbering: which numbers of configurations are those of this replica.

    Raises:
        SettingsError: the folder cannot be used.
    """

    def __init__(
        self,
        entity: str,
        *,
        federation: Shelf,
        region: Shelf,
        caller: Shelf,
        evidence: Shelf,
        superiors: Iterable[str],
        folder: Path,
        clock: Clock,
        new_id: Callable[[], str],
        partner: PartnerSuite | None = None,
        numbering: Numbering = Numbering(),  # noqa: B008 - an immutable value
    ) -> None:
        """Publish the region's configuration."""
        self._federation = federation
        self._region = region
        self._caller = caller
        self._evidence = evidence
        self._new_id = new_id
        self._partner = partner
        content = home_content(
            entity,
            federation=federation,
            region=self._region_keys(),
            caller=caller,
            evidence=evidence,
            superiors=superiors,
        )
        self.publisher = EntityPublisher(content, folder=folder, clock=clock, numbering=numbering)
        self._take_up()
        roles = (region, caller, *([partner.shelf] if partner else []))
        self._shelves = (
            (federation, self._rotate_federation),
            *((shelf, self._replace_roles) for shelf in roles),
            (evidence, self._tell_evidence),
        )
        self._due: dict[Callable[[], None], None] = {}

    @property
    def entity(self) -> str:
        """The region's entity identifier."""
        return self.publisher.entity

    @property
    def gateway_signer(self) -> ShelfSigner:
        """What signs for the gateway that acts for the region, with the key that signs now."""
        return ShelfSigner(self._caller)

    @property
    def signer(self) -> ShelfSigner:
        """What signs for the region with the key that signs now."""
        return ShelfSigner(self._region)

    def look(self) -> bool:
        """Take up what has changed on the disk; tells whether anything did.

        What cannot be used holds up nothing else, and is tried again at each look.

        Raises:
            TrustError, OSError, SettingsError: the first that could not be used; it stays as it was.
        """
        faults: list[TrustError | OSError | SettingsError] = []
        for shelf, take_up in self._shelves:
            try:
                if shelf.look():
                    self._due[take_up] = None
            except (TrustError, OSError, SettingsError) as error:
                faults.append(error)
        changed = bool(self._due)
        for take_up in tuple(self._due):
            try:
                take_up()
            except (TrustError, SettingsError) as error:
                faults.append(error)
            else:
                del self._due[take_up]
        if faults:
            raise faults[0]
        return changed

    def _region_keys(self) -> tuple[VerificationKey, ...]:
        """Give all keys with which recognitions of the region are signed."""
        return (*self._region.published, *(self._partner.shelf.published if self._partner else ()))

    def _take_up(self) -> None:
        """Make what goes by the keys of recognitions and calls."""
        self.ring = KeyRing(self._region_keys())
        self.recognitions = self._recognition_signer()
        self.caller_tokens = CallerTokenSigner(self._caller.signing, new_id=self._new_id)

    def _recognition_signer(self) -> RecognitionSigner | CounterSigner:
        """Make what signs recognitions, twice for partners who read another suite."""
        partner = self._partner
        if partner is None:
            return RecognitionSigner(self._region.signing)
        return CounterSigner(
            self._region.signing,
            partners=dict.fromkeys(partner.regions, partner.shelf.signing),
            verifier=RecognitionVerifier(self.ring),
            store=partner.originals,
        )

    def _replace_roles(self) -> None:
        """List and use the keys of recognitions and calls as the shelves have them now."""
        self.publisher.replace_keys(REGION_ROLE, self._region_keys())
        self.publisher.replace_keys(GATEWAY_ROLE, self._caller.published)
        self._take_up()

    def _tell_evidence(self) -> None:
        """Tell the keys of the gateway's log as the shelf has them now."""
        self.publisher.tell(GATEWAY_ROLE, evidence_texts(self._evidence))

    def _rotate_federation(self) -> None:
        """List, use and drop federation keys as the shelf has them now."""
        follow_shelf(self.publisher, self._federation)

    def issue(self, claims: RecognitionClaims) -> str:
        """Sign a recognition with the key that signs now (ClaimInvalidError, MalformedTokenError)."""
        return self.recognitions.issue(claims)
