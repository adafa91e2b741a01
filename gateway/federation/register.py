"""The anchor's side: who is a member, and what the anchor states of each.

A member is nobody's superior, and both its issuers, that of its recognitions and that of its gateway, are fixed by the
policy of the statement about it: no member can take another's name. A candidate asks to join with its own entity
configuration, which names the anchor among its superiors and is signed with a key of its own. Whose key that is, the
request cannot prove: the operator compares the fingerprint by other means and gives it to `admit`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.federation.publisher_ledger import VersionLedger
from gateway.federation.register_admission import Applicant
from gateway.federation.register_marks import state_of
from gateway.federation.register_members import Member, MemberFolder
from trust.constraints import Constraints
from trust.entity import SubordinateStatement
from trust.errors import ForeignKeyError, UnknownIssuerError
from trust.keys import thumbprint
from trust.metadata_policy import MetadataPolicy
from trust.revocation_set import RevocationSet
from trust.roles import GATEWAY_ROLE, REGION_ROLE
from trust.statement import read_statement, sign_statement
from trust.trust_mark import TrustMark, sign_mark, sign_mark_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from gateway.federation.publisher import EntityPublisher
    from gateway.federation.register_members import Party
    from trust.keys import VerificationKey

WEEK_SECONDS = 7 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issued:
    """Something that the anchor signed about a member; `due` is in Unix seconds."""

    member: Member
    kid: str
    due: int
    text: str


class MemberRegister:
    """The members of one anchor, their statements and their marks.

    Args:
        publisher: the anchor's own configuration; its key signs.
        parties: whom the agreement lists.
        folder: where members and numbers are kept; this user's alone.
        clock: Unix seconds.
        lifetime_seconds: life of a statement and of a mark, at most 90 days.
        mark_type: type of the mark of parties to the joint catalog, if the anchor issues one.

    Raises:
        SettingsError: the folder cannot be used, or a member in it is not one.
    """

    def __init__(
        self,
        publisher: EntityPublisher,
        *,
        parties: Sequence[Party],
        folder: Path,
        clock: Callable[[], float],
        lifetime_seconds: int = WEEK_SECONDS,
        mark_type: str | None = None,
    ) -> None:
        """Read the members; nothing is signed yet."""
        self._publisher = publisher
        self._parties = {(party.region, party.gateway): party for party in parties}
        self._folder = MemberFolder(folder / "members")
        self._ledger = VersionLedger(folder / "statements.json")
        self._clock = clock
        self._lifetime = lifetime_seconds
        self._mark_type = mark_type
        self._statements: dict[str, _Issued] = {}
        self._marks: dict[str, _Issued] = {}
        self._folder.load()

    def members(self) -> dict[str, Member]:
        """Give the members by entity, sorted; whom the agreement does not list any more is none.

        Raises:
            SettingsError: a member's file cannot be read.
        """
        found = self._folder.load()
        return {
            entity: member
            for entity, member in sorted(found.items())
            if (member.region, member.gateway) in self._parties
        }

    def member(self, entity: str) -> Member:
        """Find a member (UnknownIssuerError where it is none, SettingsError as above)."""
        member = self.members().get(entity)
        if member is None:
            raise UnknownIssuerError
        return member

    def admit(
        self,
        request: str,
        *,
        fingerprint: str | None = None,
        revocations: RevocationSet | None = None,
        members_only: bool = False,
    ) -> Member:
        """Admit a candidate, or take a member's newer configuration, which a key known here must have signed.

        Args:
            request: the candidate's entity configuration, compact JWS.
            fingerprint: thumbprint of the key that must have signed it, as the operator knows it by other means.
            revocations: what is dead.
            members_only: admit no candidate; somebody may have been withdrawn a moment ago.

        Raises:
            UnknownIssuerError: it is no member, and only members are asked for.
            TrustError: a leaf that names the first rule that the request does not meet; nothing changes then.
            SettingsError: the folder cannot be used.
        """
        with self._folder.alone():
            members = self.members()
            applicant = Applicant.read(request, members=members, fingerprint=fingerprint)
            known = applicant.known
            if known is None and members_only:
                raise UnknownIssuerError
            if known is not None and known.configuration == request:
                return known
            now = int(self._clock())
            applicant.check_life(self._publisher.entity, revocations=revocations or RevocationSet(), now=now)
            party = self._parties.get(applicant.names)
            if party is None:
                raise ForeignKeyError(rule="a region and a gateway of the agreement")
            applicant.check_place(party, members=members.values(), anchor_keys=self._publisher.keys)
            self._folder.save(member := applicant.to_member(party, now=now))
        return member

    def withdraw(self, entity: str) -> None:
        """Vouch for a member no longer (UnknownIssuerError where it is none, SettingsError where files fail).

        What was signed before lives on to its end, unless it is revoked.
        """
        with self._folder.alone():
            self.member(entity)
            self._folder.remove(entity)

    def enforce(self, revocations: RevocationSet) -> tuple[str, ...]:
        """Do as revocations say: drop members that are dead, and dead keys; names the members that it changed.

        Raises:
            SettingsError: the folder cannot be used.
        """
        changed = []
        with self._folder.alone():
            for entity, member in self.members().items():
                living = self._living(member, revocations)
                if living != member.keys:
                    changed.append(entity)
                    if living:
                        self._folder.save(replace(member, keys=living))
                    else:
                        self._folder.remove(entity)
        return tuple(changed)

    def _living(self, member: Member, revocations: RevocationSet) -> tuple[VerificationKey, ...]:
        """Give the keys of a member that live; none where the member itself is dead."""
        anchor, now, entity = self._publisher.entity, int(self._clock()), member.entity
        if revocations.reason("entity", entity, entity, anchor=anchor, now=now) is not None:
            return ()
        marks = ((key, thumbprint(key.public_key)) for key in member.keys)
        return tuple(
            key for key, mark in marks if revocations.reason("key", entity, mark, anchor=anchor, now=now) is None
        )

    def list(self, *, types: Iterable[str] = (), marked: bool = False, mark_type: str | None = None) -> tuple[str, ...]:
        """List the members that have all these entity types and, if so asked, a mark or a mark of a type, sorted."""
        wanted = set(types)
        marked = marked or mark_type is not None
        other = mark_type is not None and mark_type != self._mark_type
        return tuple(
            entity
            for entity, member in self.members().items()
            if (not marked or (self._holds(member) and not other))
            and (not wanted or wanted <= read_statement(member.configuration).claims.metadata.keys())
        )

    def fetch(self, sub: str) -> str:
        """Give the statement about a member, compact JWS; renewed first if it is due.

        Raises:
            UnknownIssuerError: it is no member.
            SettingsError: the folder cannot be used.
        """
        member = self.member(sub)
        issued = self._statements.get(sub)
        if issued is None or self._due(issued, member):
            issued = self._statements[sub] = self._state(member)
        return issued.text

    def mark(self, sub: str) -> str:
        """Give the mark of a member that is a holder, compact JWS; renewed first if it is due.

        Raises:
            UnknownIssuerError: it is no member, or none that holds the mark.
            SettingsError: the folder cannot be used.
        """
        member = self.member(sub)
        if not self._holds(member):
            raise UnknownIssuerError
        issued = self._marks.get(sub)
        if issued is None or self._due(issued, member):
            issued = self._marks[sub] = self._sign_mark(member)
        return issued.text

    def mark_status(self, text: str) -> str:
        """Say what has become of a mark, compact JWS.

        Raises:
            UnknownIssuerError: none like it is issued here.
            SettingsError: the folder cannot be used.
        """
        publisher, now, members = self._publisher, int(self._clock()), self.members()
        state = state_of(
            text,
            issuer=publisher.entity,
            kind=self._mark_type,
            keys=publisher.keys,
            holds=lambda entity: entity in members and self._holds(members[entity]),
            now=now,
        )
        return sign_mark_status(text, state, key=publisher.key, now=now)

    @property
    def mark_type(self) -> str | None:
        """The type of the mark of parties to the joint catalog, if the anchor issues one."""
        return self._mark_type

    def _holds(self, member: Member) -> bool:
        """Tell whether a member is listed as a holder of the mark."""
        return self._mark_type is not None and self._parties[member.region, member.gateway].holder

    def _due(self, issued: _Issued, member: Member) -> bool:
        """Tell whether it must be signed anew: half of its life over, another key of ours, other keys of the member."""
        same = (issued.kid, issued.member.keys) == (self._publisher.key.kid, member.keys)
        return not same or self._clock() >= issued.due

    def _state(self, member: Member) -> _Issued:
        """Number and sign the statement about a member."""
        issue = self._ledger.next(member.entity, now=int(self._clock()))
        fixed = {REGION_ROLE: member.region, GATEWAY_ROLE: member.gateway}
        claims = SubordinateStatement(
            iss=self._publisher.entity,
            sub=member.entity,
            version=issue.version,
            iat=issue.iat,
            exp=issue.iat + self._lifetime,
            keys=member.keys,
            metadata_policy=MetadataPolicy.from_json({role: {"issuer": {"value": fixed[role]}} for role in fixed}),
            constraints=Constraints(max_path_length=0),
            source_endpoint=f"{self._publisher.entity}/federation/fetch",
        )
        key = self._publisher.key
        text = sign_statement(claims, key=key)
        return _Issued(member=member, kid=key.kid, due=issue.iat + self._lifetime // 2, text=text)

    def _sign_mark(self, member: Member) -> _Issued:
        """Sign the mark of a holder."""
        now, key, kind = int(self._clock()), self._publisher.key, str(self._mark_type)
        names = {"iss": self._publisher.entity, "sub": member.entity, "trust_mark_type": kind}
        mark = TrustMark(**names, iat=now, exp=now + self._lifetime)
        return _Issued(member=member, kid=key.kid, due=now + self._lifetime // 2, text=sign_mark(mark, key=key))
