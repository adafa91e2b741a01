"""What an anchor says of a member as a whole: its chain, judged, and what the policies leave of its metadata.

Who asks trusts the anchor to have judged well (OpenID Federation 1.0 section 8.3.3); our own nodes judge for
themselves. A response is for partners with an OpenID Federation library, and for people who want to look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trust.anchor import TrustAnchor
from trust.chain import Beliefs, verify_chain
from trust.jws import read_jws, sign_jws
from trust.keys import thumbprint
from trust.plain_json import thaw
from trust.statement import read_statement
from trust.trust_mark import TRUST_MARK_TYPE, TrustMark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.federation.publisher import EntityPublisher
    from gateway.federation.register import MemberRegister
    from trust.revocation_set import RevocationSet
    from trust.verified_entity import VerifiedEntity

RESOLVE_RESPONSE_TYPE: Final = "resolve-response+jwt"


class Resolver:
    """Resolves the members of one anchor, and the anchor itself.

    Args:
        publisher: the anchor's own configuration; its key signs.
        register: its members.
        revocations: gives what is dead.
        configuration_of: gives the configuration of an entity that was fetched last, or None; then the one with which
            the member was admitted or last followed serves.
    """

    def __init__(
        self,
        publisher: EntityPublisher,
        *,
        register: MemberRegister,
        revocations: Callable[[], RevocationSet],
        configuration_of: Callable[[str], str | None] | None = None,
    ) -> None:
        """Take the parts."""
        self._publisher = publisher
        self._register = register
        self._revocations = revocations
        self._configuration_of = configuration_of or (lambda _entity: None)

    def chain(self, sub: str) -> tuple[str, ...]:
        """Give the chain of an entity, its own configuration first.

        Raises:
            UnknownIssuerError: it is neither the anchor nor a member.
            SettingsError: the folder cannot be used.
        """
        anchor = self._publisher.text()
        if sub == self._publisher.entity:
            return (anchor,)
        member = self._register.member(sub)
        own = self._configuration_of(sub) or member.configuration
        return (own, self._register.fetch(sub), anchor)

    def judge(
        self, chain: tuple[str, ...], *, now: int, revocations: RevocationSet, grace_seconds: int = 0
    ) -> VerifiedEntity:
        """Judge a chain as a node would that pins the anchor (Unix seconds).

        Raises:
            TrustError: a leaf that says why it does not hold.
        """
        entity, marks = self._publisher.entity, {thumbprint(key.public_key) for key in self._publisher.keys}
        anchors = {entity: TrustAnchor(entity=entity, fingerprints=frozenset(marks))}
        beliefs = Beliefs(anchors=anchors, revocations=revocations, grace_seconds=grace_seconds)
        return verify_chain(chain, beliefs=beliefs, now=now)

    def resolve(self, sub: str, *, now: int, types: Iterable[str] = ()) -> str:
        """Give the resolve response of an entity, compact JWS, with these entity types or all.

        Raises:
            UnknownIssuerError, SettingsError: as `chain`.
            TrustError: a leaf that says why the chain does not hold.
        """
        chain = self.chain(sub)
        verified = self.judge(chain, now=now, revocations=self._revocations())
        wanted = set(types)
        shown = getattr(read_statement(chain[0]).claims, "trust_marks", {})
        marks = {name: text for name, text in shown.items() if name in verified.marks}
        ends = (TrustMark.from_payload(read_jws(text, kind=TRUST_MARK_TYPE).payload).exp for text in marks.values())
        payload: dict[str, object] = {
            "iss": self._publisher.entity,
            "sub": sub,
            "iat": now,
            "exp": min(verified.expires_at, *ends) if marks else verified.expires_at,
            "metadata": {kind: thaw(of) for kind, of in verified.metadata.items() if not wanted or kind in wanted},
            "trust_chain": list(chain),
        }
        if marks:
            payload["trust_marks"] = [{"trust_mark_type": name, "trust_mark": marks[name]} for name in marks]
        return sign_jws(payload, key=self._publisher.key, kind=RESOLVE_RESPONSE_TYPE)
