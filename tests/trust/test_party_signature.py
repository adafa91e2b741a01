"""Party signatures: one digest for one content however it is written, another for another, and forgeries refused."""

from __future__ import annotations

import base64
import hashlib
import json
import tomllib
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.errors import BadSignatureError, ClaimInvalidError, NotYetValidError, TrustError, UnknownKeyError
from trust.jws import sign_jws
from trust.keys import SigningKey
from trust.party_signature import (
    CONTENTS,
    PARTY_SIGNATURE_TYPE,
    PartySignature,
    canonical_digest,
    sign_as_party,
    verify_party_signature,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trust.keys import VerificationKey

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
ENTITY = "https://chongqing.example"
KEY = SigningKey.generate("ES256", issuer=ENTITY)
NOW = 1_780_286_400
SIGNATURE = PartySignature(
    iss=ENTITY, region="chongqing", iat=NOW, content="agreement", name="sichuan-chongqing", digest="A" * 43
)

NAMES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=6)
SCALARS = st.text(max_size=8) | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.dates() | st.datetimes()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=12
)
CONTENT = st.dictionaries(NAMES, VALUES, max_size=5)


def known(entity: str, region: str) -> Iterable[VerificationKey]:
    """Believe one entity for one region."""
    return (KEY.public(),) if (entity, region) == (ENTITY, "chongqing") else ()


def reordered(value: Any, draw: Any) -> Any:  # noqa: ANN401 - plain values of any kind, and what hypothesis gives
    """Give the same value with the keys of each table in another order, and tuples for lists."""
    if isinstance(value, dict):
        return {key: reordered(value[key], draw) for key in draw(st.permutations(list(value)))}
    if isinstance(value, list):
        return tuple(reordered(one, draw) for one in value)
    return value


def as_json(value: Any) -> Any:  # noqa: ANN401 - plain values of any kind
    """Give a value as JSON has it: dates are texts."""
    if isinstance(value, dict):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value


@given(CONTENT, st.data())
def test_the_order_of_keys_does_not_matter(content: dict[str, object], data: st.DataObject) -> None:
    """Whatever is nested in whatever."""
    assert canonical_digest(reordered(content, data.draw)) == canonical_digest(content)


@given(CONTENT, CONTENT)
def test_two_contents_have_two_digests(one: dict[str, object], other: dict[str, object]) -> None:
    """Unless they are one and the same as JSON."""
    same = json.dumps(as_json(one), sort_keys=True) == json.dumps(as_json(other), sort_keys=True)
    assert (canonical_digest(one) == canonical_digest(other)) is same


@given(
    st.dictionaries(st.from_regex(r"\A[a-z]{1,6}\Z"), st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans(), min_size=1)
)
def test_spaces_lines_and_comments_of_terms_do_not_matter(content: dict[str, int | bool]) -> None:
    """Two parties may keep the same terms in files that look different."""
    said = {key: json.dumps(value) for key, value in content.items()}
    neat = "".join(f"{key} = {value}\n" for key, value in said.items())
    odd = "# terms\n\n" + "".join(f"\t'{key}'={value} # {key}\n\n" for key, value in reversed(said.items()))
    assert canonical_digest(tomllib.loads(odd)) == canonical_digest(tomllib.loads(neat))


def test_the_canonical_form_is_that_of_rfc_8785() -> None:
    """Sorted keys, no spaces, texts as they are and controls escaped, in UTF-8: anybody can compute the digest."""
    content = {"b": [1, True, '川\n\u007f"'], "B": {}, "a": date(2026, 6, 1), "t": datetime(2026, 6, 1, tzinfo=UTC)}
    form = '{"B":{},"a":"2026-06-01","b":[1,true,"川\\n\u007f\\""],"t":"2026-06-01T00:00:00+00:00"}'
    digest = base64.urlsafe_b64encode(hashlib.sha256(form.encode()).digest()).decode().rstrip("=")
    assert canonical_digest(content) == digest


@pytest.mark.parametrize(
    "value", [1.5, float("nan"), None, 2**53, -(2**53), b"bytes", {"é": 1}, {1: "a"}, [[{"a": 0.1}]]]
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    """Rather than written in a form that another program would write otherwise."""
    with pytest.raises(ClaimInvalidError, match="has a canonical form"):
        canonical_digest({"a": value})


@pytest.mark.parametrize("content", sorted(CONTENTS))
def test_a_signature_says_who_signed_what(content: str) -> None:
    """What comes out is what went in."""
    signature = replace(SIGNATURE, content=content)
    assert verify_party_signature(sign_as_party(signature, key=KEY), keys=known, now=NOW) == (signature, KEY.public())


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "http://chongqing.example"},
        {"region": "Chongqing"},
        {"iat": -1},
        {"iat": 1.5},
        {"content": "contract"},
        {"name": "../terms"},
        {"digest": "A" * 42},
        {"digest": "A" * 42 + "B"},
    ],
)
def test_claims_against_their_rule_are_neither_signed_nor_believed(changes: dict[str, Any]) -> None:
    """By us or by anybody whose program is more lenient."""
    payload = {**asdict(SIGNATURE), **changes}
    with pytest.raises(ClaimInvalidError):
        sign_as_party(replace(SIGNATURE, **changes), key=KEY)
    with pytest.raises(TrustError):
        verify_party_signature(sign_jws(payload, key=KEY, kind=PARTY_SIGNATURE_TYPE), keys=known, now=NOW)


@pytest.mark.parametrize("name", [*asdict(SIGNATURE), "extra"])
def test_a_missing_or_unknown_claim_is_refused(name: str) -> None:
    """The claims are a closed list."""
    payload = asdict(SIGNATURE)
    if payload.pop(name, None) is None:
        payload[name] = 1
    with pytest.raises(ClaimInvalidError):
        verify_party_signature(sign_jws(payload, key=KEY, kind=PARTY_SIGNATURE_TYPE), keys=known, now=NOW)


def test_nobody_signs_for_another_entity() -> None:
    """The key is that of the entity that is named."""
    with pytest.raises(ClaimInvalidError, match="issuer of the signing key"):
        sign_as_party(SIGNATURE, key=SigningKey.generate("ES256", issuer="https://sichuan.example"))


def test_a_signature_is_proven_by_keys_believed_for_the_region() -> None:
    """Another region, another key under the same name, and a text that was changed are refused."""
    good = sign_as_party(SIGNATURE, key=KEY)
    with pytest.raises(UnknownKeyError):
        verify_party_signature(sign_as_party(replace(SIGNATURE, region="sichuan"), key=KEY), keys=known, now=NOW)
    stranger = SigningKey.generate("ES256", issuer=ENTITY, kid=KEY.kid)
    with pytest.raises(BadSignatureError):
        verify_party_signature(sign_as_party(SIGNATURE, key=stranger), keys=known, now=NOW)
    head, _, signature = good.split(".")
    body = base64.urlsafe_b64encode(json.dumps({**asdict(SIGNATURE), "digest": "B" * 42 + "A"}).encode())
    with pytest.raises(BadSignatureError):
        verify_party_signature(f"{head}.{body.decode().rstrip('=')}.{signature}", keys=known, now=NOW)


def test_another_kind_of_token_is_no_signature() -> None:
    """Though the same key signed the same claims."""
    for kind in ("entity-statement+jwt", "onecard-recognition+jwt", "JWT"):
        with pytest.raises(TrustError):
            verify_party_signature(sign_jws(asdict(SIGNATURE), key=KEY, kind=kind), keys=known, now=NOW)


@pytest.mark.parametrize(("ahead", "good"), [(0, True), (10, True), (11, False), (86_400, False), (-(10**9), True)])
def test_a_signature_of_the_future_is_refused(ahead: int, *, good: bool) -> None:
    """Beyond the skew of clocks; an old one is as good as a new one."""
    text = sign_as_party(replace(SIGNATURE, iat=NOW + ahead), key=KEY)
    if good:
        assert verify_party_signature(text, keys=known, now=NOW)[0].iat == NOW + ahead
    else:
        with pytest.raises(NotYetValidError):
            verify_party_signature(text, keys=known, now=NOW)
