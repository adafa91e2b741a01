"""A request to join, held against the rules of an anchor one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from gateway.federation.register_members import Member
from trust.claims import CLOCK_SKEW_SECONDS
from trust.entity import EntityConfiguration
from trust.errors import (
    ClaimInvalidError,
    EquivocationError,
    ExpiredError,
    ForeignKeyError,
    MetadataPolicyError,
    NotYetValidError,
    RollbackError,
    UnknownKeyError,
)
from trust.keys import thumbprint
from trust.metadata_policy import MetadataPolicy
from trust.roles import GATEWAY_ROLE, REGION_ROLE, ROLES, read_roles
from trust.statement import read_statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.federation.register_members import Party
    from trust.keys import VerificationKey
    from trust.revocation_set import RevocationSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """Who asks to join, its request proven with a key of its own. `known` is the member that it is already."""

    request: str
    claims: EntityConfiguration
    known: Member | None

    @classmethod
    def read(cls, request: str, *, members: Mapping[str, Member], fingerprint: str | None) -> Applicant:
        """Read a request and prove it with a key that it lists; of a member it must be one known before.

        Raises:
            TrustError: a leaf that names the first check that fails; RollbackError and EquivocationError when another
                configuration of the member was taken before.
        """
        statement = read_statement(request)
        claims = statement.claims
        if not isinstance(claims, EntityConfiguration):
            raise ClaimInvalidError(claim="iss", rule="equal to sub")
        known = members.get(claims.sub)
        key = statement.proven_by(claims.keys)
        if known is not None:
            statement.proven_by(known.keys)
        if fingerprint is not None and thumbprint(key.public_key) != fingerprint:
            raise UnknownKeyError
        if known is not None:
            offered, before = str(claims.version), str(known.version)
            if claims.version < known.version:
                raise RollbackError(rule="version", known_version=before, offered_version=offered)
            if claims.version == known.version and statement.digest != read_statement(known.configuration).digest:
                raise EquivocationError(rule="version", known_version=before, offered_version=offered)
        return cls(request=request, claims=claims, known=known)

    @property
    def names(self) -> tuple[str, str]:
        """Give the issuers that it claims: region, gateway.

        Raises:
            MetadataPolicyError: it has not both roles, or one without an issuer.
        """
        region, gateway = (self.claims.metadata.get(role, {}).get("issuer") for role in (REGION_ROLE, GATEWAY_ROLE))
        if not isinstance(region, str) or not isinstance(gateway, str):
            raise MetadataPolicyError(rule="issuer and jwks of a role")
        return region, gateway

    def check_life(self, anchor: str, *, revocations: RevocationSet, now: int) -> None:
        """Demand that it wants this anchor, now, and that nothing of it is dead (Unix seconds).

        Raises:
            ClaimInvalidError: the anchor is not among its superiors.
            NotYetValidError, ExpiredError: it was written for another time.
            PeerRevokedError, KeyRevokedError: it, or a key that it lists, is revoked.
        """
        claims = self.claims
        if anchor not in claims.authority_hints:
            raise ClaimInvalidError(claim="authority_hints", rule="names this anchor")
        if claims.iat - now > CLOCK_SKEW_SECONDS:
            raise NotYetValidError(claim="iat", skew_seconds=str(claims.iat - now))
        if now - claims.exp >= CLOCK_SKEW_SECONDS:
            raise ExpiredError(claim="exp", skew_seconds=str(now - claims.exp))
        revocations.check_entity(claims.sub, anchor=anchor, now=now)
        for key in claims.keys:
            revocations.check_key(claims.sub, thumbprint(key.public_key), anchor=anchor, now=now)

    def check_place(self, party: Party, *, members: Iterable[Member], anchor_keys: Iterable[VerificationKey]) -> None:
        """Demand that its names are its own, and its keys too.

        Raises:
            ForeignKeyError: the place is another entity's, or a name or a key is.
            MetadataPolicyError, KeyMaterialError, KeyUseError, AlgorithmNotAllowedError: a role that cannot be used.
        """
        entity = self.claims.sub
        if party.entity not in {None, entity}:
            raise ForeignKeyError(rule="the entity that the agreement names")
        own = _marks_of(self.claims)
        if own & {thumbprint(key.public_key) for key in anchor_keys}:
            raise ForeignKeyError(rule="a key of an entity above")
        for member in members:
            if member.entity == entity:
                if (member.region, member.gateway) != (party.region, party.gateway):
                    raise ForeignKeyError(rule="the region and gateway as which it was admitted")
                continue
            if party.region == member.region or party.gateway == member.gateway:
                raise ForeignKeyError(rule="a region or a gateway of another member")
            claims = read_statement(member.configuration).claims
            listed = {thumbprint(key.public_key) for key in member.keys}
            if isinstance(claims, EntityConfiguration) and own & (listed | _marks_of(claims)):
                raise ForeignKeyError(rule="a key of another member")

    def to_member(self, party: Party, *, now: int) -> Member:
        """Give the member that it becomes (Unix seconds)."""
        return Member(
            entity=self.claims.sub,
            region=party.region,
            gateway=party.gateway,
            version=self.claims.version,
            admitted_at=now if self.known is None else self.known.admitted_at,
            keys=self.claims.keys,
            configuration=self.request,
        )


def _marks_of(claims: EntityConfiguration) -> set[str]:
    """Give the thumbprints of all keys that an entity lists, those of its roles read as strictly as readers do."""
    metadata = claims.metadata
    fixed = {role: {"issuer": {"value": metadata[role]["issuer"]}} for role in ROLES}
    rings = read_roles(metadata, stated=MappingProxyType({}), policy=MetadataPolicy.from_json(fixed))
    marks = {thumbprint(key.public_key) for key in claims.keys}
    for ring in rings.values():
        for issuer in ring.issuers:
            marks |= {thumbprint(ring.find(issuer, str(jwk["kid"])).public_key) for jwk in ring.jwks(issuer)["keys"]}
    return marks
