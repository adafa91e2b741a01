"""Guangdong's own rule: residence permits are coded by the place of origin that their number tells."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from adapters.canonical import CardIdentity, Document, Holder
from adapters.errors import MalformedFieldError, MalformedNumberError
from adapters.form import IdentityForm
from adapters.guangdong.translator import identity_from_canonical, identity_to_canonical
from adapters.identifiers import SocialSecurityNumber
from adapters.manifest import parse_manifest
from adapters.words import DocumentType

FOLDER = files("adapters").joinpath("guangdong")
FORM = IdentityForm(parse_manifest("guangdong", FOLDER.joinpath("manifest.toml").read_text("utf-8")))
VECTORS = json.loads(FOLDER.joinpath("vectors.json").read_text("utf-8"))
RECORDS: dict[str, dict[str, str]] = {trip["id"]: trip["record"] for trip in VECTORS["round_trips"]}
RESIDENTS = {"hk_resident": "181", "macao_resident": "182", "taiwan_resident": "183"}


@pytest.mark.parametrize(("resident", "code"), RESIDENTS.items())
def test_permit_is_written_under_the_code_of_its_origin(resident: str, code: str) -> None:
    """A residence permit goes back under the code that it came with, though all three mean one neutral kind."""
    identity = identity_to_canonical(FORM, RECORDS[resident], strict=True)
    written = identity_from_canonical(FORM, identity)
    assert identity.holder.documents[0].type is DocumentType.RESIDENCE_PERMIT
    assert written.fields["certType"] == code
    assert written.fields == RECORDS[resident]
    assert written.losses == ()


@pytest.mark.parametrize("resident", RESIDENTS)
@pytest.mark.parametrize("code", ["181", "182", "183"])
def test_permit_of_another_origin_is_refused(resident: str, code: str) -> None:
    """A code and a number that name two origins are refused; the error holds neither."""
    record = {**RECORDS[resident], "certType": code}
    if code == RESIDENTS[resident]:
        assert identity_to_canonical(FORM, record, strict=True).holder.documents
        return
    with pytest.raises(MalformedFieldError) as caught:
        identity_to_canonical(FORM, record, strict=True)
    assert caught.value.metadata == {"field": "fields[certType]", "rule": "permit_origin", "region": "guangdong"}


def test_wrong_number_is_named_before_its_origin() -> None:
    """A permit number that is none breaks the rule of its number, not that of its origin."""
    record = {**RECORDS["hk_resident"], "certNo": RECORDS["active"]["certNo"]}
    with pytest.raises(MalformedNumberError) as caught:
        identity_to_canonical(FORM, record, strict=True)
    assert caught.value.metadata["field"] == "fields[certNo]"


def test_further_fields_are_let_through_where_a_platform_answers() -> None:
    """The platform's own reply may carry more than the form knows; a caller's record may not."""
    record = {**RECORDS["hk_resident"], "bankName": "样例银行"}
    assert identity_to_canonical(FORM, record, strict=False).holder.name is not None
    with pytest.raises(MalformedFieldError):
        identity_to_canonical(FORM, record, strict=True)


def test_other_documents_keep_the_code_of_the_table() -> None:
    """A citizen's identity card and a holder without documents are written as the manifest says."""
    for name in ("active", "no_documents", "permit_without_residence_permit"):
        identity = identity_to_canonical(FORM, RECORDS[name], strict=True)
        assert identity_from_canonical(FORM, identity).fields == RECORDS[name]


def test_permit_from_another_region_gets_its_code_and_the_order_is_reported() -> None:
    """A foreign identity that lists the travel permit first keeps both documents, and the change of order is a loss."""
    own = identity_to_canonical(FORM, RECORDS["macao_resident"], strict=True)
    foreign = CardIdentity(
        "elsewhere",
        Holder(
            social_security_number=SocialSecurityNumber(RECORDS["macao_resident"]["aac002"]),
            documents=tuple(reversed(own.holder.documents)),
        ),
        own.card,
    )
    written = identity_from_canonical(FORM, foreign)
    assert written.fields["certType"] == "182"
    assert written.fields["returnPermitNo"] == RECORDS["macao_resident"]["returnPermitNo"]
    assert [loss.field for loss in written.losses] == ["holder.documents"]


def test_second_residence_permit_is_reported_as_lost() -> None:
    """The form has one slot for residence permits; the second one is a loss and never overwrites the first."""
    own = identity_to_canonical(FORM, RECORDS["hk_resident"], strict=True)
    other = Document.parse(DocumentType.RESIDENCE_PERMIT, RECORDS["macao_resident"]["certNo"])
    written = identity_from_canonical(
        FORM, CardIdentity("elsewhere", Holder(documents=(own.holder.documents[0], other)), own.card)
    )
    assert written.fields["certType"] == "181"
    assert written.fields["certNo"] == RECORDS["hk_resident"]["certNo"]
    assert [loss.field for loss in written.losses] == ["holder.documents"]
