"""What a record says, in which form, and what cannot be learned from it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import SettingsError
from gateway.services.evidence import (
    PERSONAL_BYTES,
    Decision,
    EvidenceSecret,
    Known,
    Outcome,
    Subject,
    commitment,
    subject_of,
    write_entry,
)
from tests.gateway.services.evidence_lab import HOLDER, SECRET, decision
from trust.merkle import leaf_hash

SALT = bytes(range(16))


def read(one: Decision) -> dict[str, object]:
    """Give the record of a decision as JSON."""
    written: dict[str, object] = json.loads(write_entry(one, secret=SECRET, salt=SALT).record)
    return written


def test_a_record_says_who_decided_what_about_which_item_and_why() -> None:
    """Each member of a decision is there by its name, but for what is personal."""
    one = Decision(
        method="IdentityService/VerifyCard",
        outcome=Outcome.REFUSED,
        reason="NO_AGREEMENT",
        who_failed="agreement",
        caller="platform.sichuan.example",
        certificate="thumbprint",
        kid="key-1",
        source="sichuan",
        target="chongqing",
        item="SC-01",
        trace_id="trace-1",
        detail="digest",
        time=1_790_000_000_000_000,
        id=bytes(16),
    )
    assert read(one) == {
        "caller": "platform.sichuan.example",
        "certificate": "thumbprint",
        "detail": "digest",
        "id": "0" * 32,
        "item": "SC-01",
        "kid": "key-1",
        "method": "IdentityService/VerifyCard",
        "outcome": "refused",
        "personal": "",
        "reason": "NO_AGREEMENT",
        "source": "sichuan",
        "target": "chongqing",
        "time": 1_790_000_000_000_000,
        "token": "",
        "trace_id": "trace-1",
        "v": 1,
        "who_failed": "agreement",
    }


@given(st.text(), st.text(), st.text())
def test_a_record_has_one_form(caller: str, item: str, trace: str) -> None:
    """Whatever a value holds, the record is the canonical JSON of what it says (RFC 8785)."""
    one = replace(decision(), caller=caller, item=item, trace_id=trace)
    record = write_entry(one, secret=SECRET, salt=SALT).record
    told = json.loads(record)
    assert (told["caller"], told["item"], told["trace_id"]) == (caller, item, trace)
    again = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert again.encode("utf-8", "backslashreplace") == record


def test_neither_the_record_nor_its_repr_names_the_holder() -> None:
    """Contract PV6: what stands for a person cannot be made without the secret."""
    one = replace(decision(), subject=Subject(Known.HOLDER, "chongqing", HOLDER), recognition="jti-1", token="jti-2")
    entry = write_entry(one, secret=SECRET, salt=SALT)
    whole = entry.record + (entry.personal or b"")
    for canary in (HOLDER, "jti-1", "jti-2"):
        plain = canary.encode()
        for form in (plain, hashlib.sha256(plain).digest(), hashlib.sha256(plain).hexdigest().encode()):
            assert form not in whole
        assert canary not in repr(one)
    other = write_entry(one, secret=EvidenceSecret(b"x" * 32), salt=SALT)
    assert other.personal is not None
    assert entry.personal is not None
    assert subject_of(other.personal) != subject_of(entry.personal)


def test_a_record_holds_a_salted_hash_of_its_personal_part() -> None:
    """The part beside the record is what the record commits to, and two of one person do not look alike in records."""
    one = decision()
    entry, again = (write_entry(one, secret=SECRET, salt=salt) for salt in (SALT, bytes(16)))
    assert entry.personal is not None
    assert again.personal is not None
    assert len(entry.personal) == PERSONAL_BYTES
    assert json.loads(entry.record)["personal"] == commitment(entry.personal)
    assert entry.leaf == leaf_hash(entry.record)
    assert subject_of(entry.personal) == subject_of(again.personal)
    assert json.loads(entry.record)["personal"] != json.loads(again.record)["personal"]


def test_persons_of_two_regions_or_kinds_are_never_one() -> None:
    """The region and the way of knowing are part of what stands for a person, and no two lists of names are one."""
    told = {
        SECRET.subject(Subject(Known.HOLDER, "chongqing", "1")),
        SECRET.subject(Subject(Known.PSEUDONYM, "chongqing", "1")),
        SECRET.subject(Subject(Known.HOLDER, "sichuan", "1")),
        SECRET.subject(Subject(Known.HOLDER, "chongqing 1", "")),
        SECRET.recognition("1"),
    }
    assert len(told) == 5


def test_a_decision_about_nobody_has_no_personal_part() -> None:
    """Where nobody is known, nothing stands for anybody."""
    one = replace(decision(), subject=None, recognition="")
    assert write_entry(one, secret=SECRET, salt=SALT).personal is None


def test_a_secret_of_another_length_is_refused() -> None:
    """The secret has 32 bytes."""
    with pytest.raises(SettingsError):
        EvidenceSecret(b"short")
