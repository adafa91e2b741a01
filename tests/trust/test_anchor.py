"""The pinned anchor: its fingerprint, and its rotations, of which none may be left out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from joserfc.jwk import ECKey

from tests.trust.alliance import (
    ANCHORS,
    BELIEFS,
    DAY,
    HOME,
    KEYS,
    NOW,
    SOUTHWEST,
    about,
    believed,
    configuration,
    fingerprint,
    refused,
    signed,
)
from trust.anchor import TrustAnchor
from trust.errors import (
    BadSignatureError,
    ChainError,
    EquivocationError,
    KeyMaterialError,
    KeyRevokedError,
    RollbackError,
    UnknownKeyError,
)
from trust.keys import SigningKey
from trust.revocation import MIN_LIFE_SECONDS, Revocation, Revoked
from trust.revocation_set import RevocationSet

NONE = RevocationSet()
PINNED = ANCHORS[SOUTHWEST]
STEPS = [KEYS[SOUTHWEST], *(SigningKey.generate("ES256", issuer=SOUTHWEST) for _ in range(4))]


def link(number: int, signer: SigningKey, *listed: SigningKey) -> str:
    """Give the anchor's configuration of a version, long expired."""
    then = NOW - (300 - number) * DAY
    keys = tuple(key.public() for key in listed)
    return signed(configuration(SOUTHWEST, version=number, keys=keys, iat=then, exp=then + DAY), signer)


LINKS = [link(n + 1, STEPS[n], STEPS[n], STEPS[n + 1]) for n in range(4)]


def follow(anchor: TrustAnchor, *links: str, revocations: RevocationSet = NONE) -> TrustAnchor:
    """Follow the rotations of an anchor."""
    return anchor.follow(links, revocations=revocations, now=NOW)


def test_the_fingerprint_is_what_any_library_computes() -> None:
    """An operator may take the RFC 7638 thumbprint from a JOSE library of his own."""
    jwk = ECKey.import_key(KEYS[SOUTHWEST].public().to_jwk())  # type: ignore[arg-type]  # a JWK
    assert PINNED.fingerprints == {jwk.thumbprint()}


@pytest.mark.parametrize(
    ("entity", "fingerprints"),
    [
        (SOUTHWEST, frozenset()),
        (SOUTHWEST, frozenset({"a"})),
        (SOUTHWEST, PINNED.fingerprints | {"a" * 42 + "/"}),
        ("southwest", PINNED.fingerprints),
    ],
)
def test_a_pin_that_could_never_fit_is_refused(entity: str, fingerprints: frozenset[str]) -> None:
    """A pin has an entity identifier and at least one thumbprint; there is no default."""
    with pytest.raises(KeyMaterialError):
        TrustAnchor(entity=entity, fingerprints=fingerprints)


def test_rotations_are_followed_one_by_one() -> None:
    """TL5: from the pinned key to the fifth, each introduced by the one before, though all links have expired."""
    anchor = follow(PINNED, *LINKS)
    assert anchor.fingerprints == {fingerprint(STEPS[3]), fingerprint(STEPS[4])}
    assert anchor.version == 4
    last = follow(anchor, link(5, STEPS[4], STEPS[4]))
    assert last.fingerprints == {fingerprint(STEPS[4])}


def test_what_an_anchor_signs_after_its_rotations_is_believed() -> None:
    """TL5: the chain under the fifth key holds for who has followed, and not for who has not."""
    anchor = follow(PINNED, *LINKS)
    top = signed(configuration(SOUTHWEST, version=5, keys=(STEPS[4].public(),)), STEPS[4])
    texts = (signed(configuration(HOME)), signed(about(SOUTHWEST, HOME), STEPS[4]), top)
    assert believed(texts, beliefs=replace(BELIEFS, anchors={SOUTHWEST: anchor})).entity == HOME
    assert refused(ChainError, texts)["rule"] == "a believed key of the anchor"


def test_a_link_left_out_leads_nowhere() -> None:
    """TL5: without the second link the third key is a stranger."""
    with pytest.raises(ChainError):
        follow(PINNED, LINKS[0], LINKS[2])
    with pytest.raises(ChainError):
        follow(PINNED, *LINKS[1:])


def test_a_root_that_signs_itself_is_refused() -> None:
    """TL5: a new key that lists the old one beside itself, or forges the old one's signature, is not introduced."""
    thief = SigningKey.generate("ES256", issuer=SOUTHWEST)
    masked = replace(thief, kid=STEPS[0].kid)
    with pytest.raises(ChainError):
        follow(PINNED, link(1, thief, thief))
    with pytest.raises(UnknownKeyError):
        follow(PINNED, link(1, thief, thief, STEPS[0]))
    text = link(1, STEPS[0], STEPS[0], STEPS[1])
    with pytest.raises(BadSignatureError):
        follow(PINNED, text.rpartition(".")[0] + "." + link(1, masked, masked).rpartition(".")[2])


def test_a_retired_key_hands_nothing_on() -> None:
    """TL5: once the first key is not listed any more, what it signs is not followed."""
    anchor = follow(PINNED, *LINKS[:2])
    assert fingerprint(STEPS[0]) not in anchor.fingerprints
    with pytest.raises(ChainError):
        follow(anchor, link(9, STEPS[0], STEPS[0]))


def test_there_is_no_way_back() -> None:
    """TL1, TL2: an older configuration is a rollback, one of the same version with other keys an equivocation."""
    anchor = follow(PINNED, link(7, STEPS[0], STEPS[0]))
    assert follow(anchor, link(7, STEPS[0], STEPS[0])) == anchor
    with pytest.raises(RollbackError) as caught:
        follow(anchor, link(6, STEPS[0], STEPS[0], STEPS[1]))
    assert caught.value.metadata == {"rule": "version", "known_version": "7", "offered_version": "6"}
    with pytest.raises(EquivocationError):
        follow(anchor, link(7, STEPS[0], STEPS[0], STEPS[1]))


def test_a_revoked_key_hands_nothing_on() -> None:
    """TL8: however old the link says it is."""
    entry = Revocation(
        iss=SOUTHWEST,
        sub=SOUTHWEST,
        iat=NOW,
        exp=NOW + MIN_LIFE_SECONDS,
        sequence=1,
        kind="key",
        target=fingerprint(STEPS[1]),
        reason="compromised",
        effective=NOW,
    )
    revoked = RevocationSet(frozenset({Revoked(SOUTHWEST, entry)}))
    assert follow(PINNED, LINKS[0], revocations=revoked).version == 1
    with pytest.raises(KeyRevokedError):
        follow(PINNED, *LINKS[:2], revocations=revoked)


@pytest.mark.parametrize("text", [signed(configuration(HOME)), signed(about(SOUTHWEST, HOME))])
def test_only_the_anchors_own_configuration_is_a_link(text: str) -> None:
    """A statement of or about somebody else is no link."""
    with pytest.raises(ChainError):
        follow(PINNED, text)
