"""Errors: one leaf for each reason, a fixed sentence, and never a word of what was refused."""

from __future__ import annotations

import re
import traceback
from datetime import date
from typing import TYPE_CHECKING

import pytest

from tests.trust.forge import (
    CALLER_KEY,
    GATEWAY,
    HOME,
    HOME_KEY,
    NOW,
    RING,
    VISITED,
    caller_header,
    caller_token,
    forged,
    header,
    issue,
    payload,
    recognition,
    seal,
    text_of,
)
from tests.trust.test_agreement import terms
from tests.trust.test_policy import permit
from trust import errors
from trust.agreement import Agreement
from trust.errors import TrustError
from trust.keys import KeyRing, SigningKey, VerificationKey
from trust.pseudonym import pairwise_subject
from trust.signer import RecognitionSigner
from trust.verifier import CallerVerifier, RecognitionVerifier

if TYPE_CHECKING:
    from collections.abc import Callable

LEAVES = sorted(TrustError.__subclasses__(), key=lambda leaf: leaf.__name__)
NUMBER = "510100190001010013"
NAME = "张三样例"
CANARIES = (NUMBER, NAME, "canary-secret")


def test_the_tree_is_the_root_and_its_leaves() -> None:
    """Every error class of the module is a direct leaf, named Error."""
    named = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert set(named) == {TrustError, *LEAVES}
    assert all(leaf.__name__.endswith("Error") and not leaf.__subclasses__() for leaf in LEAVES)


@pytest.mark.parametrize("leaf", LEAVES)
def test_each_leaf_has_a_sentence_of_its_own(leaf: type[TrustError]) -> None:
    """A leaf says something that no other leaf says, and documents itself."""
    assert leaf.message.endswith(".")
    assert [other.message for other in LEAVES].count(leaf.message) == 1
    assert leaf.__doc__


def test_an_error_shows_its_safe_metadata() -> None:
    """The text is the sentence followed by the facts in order."""
    assert str(errors.ClaimInvalidError(rule="required", claim="exp")) == (
        "A claim is missing or not valid. (claim=exp, rule=required)"
    )
    assert str(errors.AudienceError()) == "The token is addressed to another audience."


def recognitions(canary: str) -> list[Callable[[], object]]:
    """Plant a secret in each place of a recognition, well signed."""
    verifier = RecognitionVerifier(RING)
    tokens = [
        canary,
        f"{canary}.{canary}.{canary}",
        issue() + canary,
        *[forged(header(**{name: canary})) for name in ("alg", "typ", "kid", "jwk", "crit", "zip")],
        forged({**header(), canary: canary}),
        *[forged(body=payload(**{name: canary + " "})) for name in payload()],
        *[forged(body=payload(**{name: [canary + " "]})) for name in payload()],
        forged(body=payload(**{canary: canary})),
        forged(body=payload(iss=HOME, aud="x-" + canary)),
        seal(text_of(header()), f'{{"iss": "{canary}'),
        seal(text_of(header()), f'{{"{canary}": 1, "{canary}": 2}}'),
        seal(text_of(header()), canary.encode("gb18030") + b"\xff"),
        issue(SigningKey.generate("ES256", issuer=HOME, kid=HOME_KEY.kid), item="x" + NUMBER),
    ]
    calls: list[Callable[[], object]] = [
        lambda token=token: verifier.verify(token, audience=VISITED, now=NOW)  # type: ignore[misc]
        for token in tokens
    ]
    calls.append(lambda: verifier.verify(issue(), audience=canary, now=NOW))
    calls.append(lambda: verifier.verify(issue(), audience=VISITED, now=NOW, request_hash=canary))
    calls.append(lambda: verifier.verify(issue(), audience=VISITED, now=NOW, issuer=canary))
    return calls


def callers(canary: str) -> list[Callable[[], object]]:
    """Plant a secret in a caller's token."""
    body = {"iss": CALLER_KEY.issuer, "sub": CALLER_KEY.issuer, "aud": GATEWAY, "iat": NOW, "exp": NOW + 60}
    bodies = [{**body, "jti": "1", "scope": f"{canary} *"}, {**body, "jti": "1", "scope": "a", "sub": canary}]
    verifier = CallerVerifier(RING)
    return [
        lambda changed=changed: verifier.verify(  # type: ignore[misc]
            seal(text_of(caller_header()), text_of(changed), CALLER_KEY), audience=GATEWAY, now=NOW
        )
        for changed in bodies
    ]


def the_rest(canary: str) -> list[Callable[[], object]]:
    """Plant a secret in keys, agreements and questions about them."""
    jwk = HOME_KEY.public().to_jwk()
    calls: list[Callable[[], object]] = [
        lambda: SigningKey.from_pem(b"-----BEGIN PRIVATE KEY-----\n" + canary.encode(), issuer=HOME),
        lambda: SigningKey.generate("ES256", issuer=HOME, kid=canary + "/"),
        lambda: SigningKey.generate(canary, issuer=HOME),
        lambda: RING.find(canary, canary),
        lambda: RING.find(HOME, canary),
        lambda: KeyRing.from_jwks(HOME, {"keys": [canary]}),
        lambda: RecognitionSigner(HOME_KEY).issue(recognition(jti=canary + "/")),
        lambda: pairwise_subject(canary.encode(), home=canary, visited=canary, holder_key=canary),
        lambda: Agreement.from_mapping({canary: canary}),
        lambda: permit(home=canary),
        lambda: permit(home=NUMBER, visited=canary),
        lambda: permit(home="a" + NUMBER),
        lambda: permit(item_types=[canary]),
        lambda: permit(purpose=canary),
        lambda: permit(medium=canary),
        lambda: permit(classes=[canary]),
        lambda: permit(on=date(2030, 1, 1), consent_reference=canary),
    ]
    calls += [
        lambda name=name: VerificationKey.from_jwk({**jwk, name: canary + "/"}, issuer=HOME)  # type: ignore[misc]
        for name in (*jwk, "d", canary)
    ]
    calls += [
        lambda name=name: Agreement.from_mapping(terms(**{name: [canary + " "]}))  # type: ignore[misc]
        for name in terms()
    ]
    return calls


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("plant", [recognitions, callers, the_rest])
def test_no_error_repeats_what_was_refused(plant: Callable[[str], list[Callable[[], object]]], canary: str) -> None:
    """PV1: a planted secret is in no text, repr, metadata or printed cause of any error."""
    for call in plant(canary):
        with pytest.raises(TrustError) as caught:
            call()
        error = caught.value
        shown = "".join(traceback.format_exception_only(error)) + repr(error) + str(error.metadata) + repr(error.args)
        for cause in (error.__cause__, error.__context__):
            shown += repr(cause) + repr(vars(cause) if cause else "")
        assert canary not in shown
        assert NUMBER not in shown


def test_metadata_is_plain_text() -> None:
    """Metadata of real refusals is short, printable ASCII."""
    for call in (*recognitions("x"), *callers("x")):
        with pytest.raises(TrustError) as caught:
            call()
        for key, value in caught.value.metadata.items():
            assert re.fullmatch(r"[a-z_]+", key)
            assert re.fullmatch(r"[ -~]{1,128}", value)
    assert caller_token()
