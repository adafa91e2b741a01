"""The receipt as a file: verified offline, and of what does not hold the first is named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.trust.alliance import ABROAD, DAY, HOME, KEYS, NOW, VISITED, fingerprint, short
from tests.trust.receipts import (
    GATEWAY_KEYS,
    PINS,
    REPLY,
    REQUEST,
    both_signed,
    chain_of,
    receipt_file,
    statement,
    written,
)
from trust.errors import ProofError, ReceiptError
from trust.receipt import countersign_receipt, document_digest, sign_receipt
from trust.receipt_file import MAX_FILE_BYTES, AgreementTerms, ReceiptFile, ReceiptPin, VerifiedReceipt, verify_receipt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trust.verified_entity import VerifiedEntity


def refused(raw: bytes, **options: Any) -> dict[str, str]:  # noqa: ANN401 - those of verify_receipt
    """Give the metadata of the error with which a file is refused."""
    with pytest.raises(ReceiptError) as caught:
        verify_receipt(raw, **{"fingerprints": PINS, **options})
    return caught.value.metadata


def test_a_good_file_is_believed() -> None:
    """A file with both documents, signatures and chains is believed on the pinned fingerprint alone."""
    assert verify_receipt(written(), fingerprints=PINS) == VerifiedReceipt(
        statement=statement(), anchor="https://southwest.example", recorded_by=()
    )


def test_a_file_is_believed_when_its_statements_have_run_out() -> None:
    """The chains are judged as of the receipt, so a file of years ago is good."""
    old = statement(submitted_at=NOW - 100, delivered_at=NOW - 50, answered_at=NOW)
    assert verify_receipt(written(receipt_file(receipt=both_signed(old))), fingerprints=PINS).statement == old


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        (b"{", "format"),
        (b"[]", "format"),
        (b'{"format":"onecard-receipt-1","format":"onecard-receipt-1"}', "format"),
        (b" " * (MAX_FILE_BYTES + 1), "format"),
        (written(format="onecard-receipt-2"), "format"),
        (written(more=1), "format"),
        (written(request=[]), "request"),
        (written(reply="text"), "reply"),
        (written(chains=[]), "chains"),
        (written(evidence=None), "evidence"),
        (written(receipt={}), "receipt"),
        (written(request={**REQUEST, "salt": "other"}), "request"),
        (written(request={**REQUEST, "salt": 1.5}), "request"),
        (written(reply={**REPLY, "reply": {}}), "reply"),
        (written(chains={"home": ["x"]}), "chains"),
        (written(chains={"home": [], "visited": ["x"]}), "chains"),
        (written(chains={"home": ["x"], "visited": [1]}), "chains"),
        (written(evidence={"abroad": {}}), "evidence"),
        (written(evidence={"home": []}), "evidence"),
    ],
)
def test_the_part_that_fails_first_is_named(raw: bytes, part: str) -> None:
    """Of a file that is not whole, or not the one that was signed, the first wrong part is named."""
    assert refused(raw)["part"] == part


def test_documents_of_another_request_are_refused() -> None:
    """A document that has the digest but names another request is refused."""
    other = {**REPLY, "name": "regions/home/requests/" + "f" * 32}
    said = statement(reply_digest=document_digest(other))
    told = refused(written(receipt_file(reply=other, receipt=both_signed(said))))
    assert (told["part"], told["rule"]) == ("reply", "name of the request")


def test_another_anchor_is_not_believed() -> None:
    """A fingerprint of another anchor than the one on top of the chains believes nothing."""
    told = refused(written(), fingerprints=frozenset({fingerprint(KEYS[ABROAD])}))
    assert (told["part"], told["region"]) == ("chain", "visited")


def test_a_pinned_anchor_is_believed_by_its_own_keys_and_for_its_agreements_only() -> None:
    """Keys of one anchor do not vouch for another, nor an anchor for an agreement of other parties."""
    said, nobody = statement(), frozenset[str]()
    own = AgreementTerms(frozenset({said.source, said.target, "third"}), said.agreement_digest)
    good = ReceiptPin(entity="https://southwest.example", fingerprints=PINS, terms={said.agreement: own})
    other = replace(good, entity="https://coast.example")
    found = verify_receipt(written(), pins=[other, good])
    assert (found.anchor, found.same_terms) == ("https://southwest.example", True)
    assert verify_receipt(written(), fingerprints=PINS, pins=[other]).same_terms is None
    changed = replace(good, terms={said.agreement: replace(own, digest="A" * 43)})
    assert verify_receipt(written(), pins=[changed]).same_terms is False
    told = refused(written(), fingerprints=nobody, pins=[other])
    assert (told["part"], told["rule"]) == ("chain", "a pinned anchor")
    foreign = replace(good, fingerprints=frozenset({fingerprint(KEYS[ABROAD])}))
    assert refused(written(), fingerprints=nobody, pins=[foreign, other])["part"] == "chain"
    told = refused(written(), fingerprints=nobody, pins=[replace(good, terms={"another": own})])
    assert told == {"part": "agreement", "rule": "one for which the anchor stands"}
    others = replace(own, regions=frozenset({said.source, "third"}))
    told = refused(written(), fingerprints=nobody, pins=[replace(good, terms={said.agreement: others})])
    assert told == {"part": "agreement", "rule": "one between these two regions"}


def test_a_chain_that_ran_out_a_little_before_counts_as_long_as_for_a_gateway() -> None:
    """Within the grace of the reader, and not without one."""

    def answered(day: int, grace_seconds: int) -> str:
        raw = written(receipt_file(receipt=both_signed(statement(answered_at=NOW + day * DAY))))
        try:
            verify_receipt(raw, fingerprints=PINS, grace_seconds=grace_seconds)
        except ReceiptError as error:
            return error.metadata["because"]
        return ""

    late = next(day for day in range(1, 41) if answered(day, 0))
    assert (answered(late, 0), answered(late, DAY + 1), answered(late - 1, 0)) == ("TrustExpiredError", "", "")


def test_chains_of_two_anchors_are_refused() -> None:
    """Both regions must stand under one anchor, that of their agreement."""
    coast = (*chain_of(HOME)[:1], *short(HOME, "https://coast.example")[1:])
    pins = PINS | {fingerprint(KEYS["https://coast.example"])}
    told = refused(written(receipt_file(chains={"home": coast, "visited": chain_of(VISITED)})), fingerprints=pins)
    assert told["part"] in {"chain", "chains"}


def test_a_chain_of_another_region_is_refused() -> None:
    """The chain of one region does not stand for the other."""
    told = refused(written(receipt_file(chains={"home": chain_of(VISITED), "visited": chain_of(VISITED)})))
    assert (told["part"], told["rule"], told["region"]) == ("chain", "entity of the region", "home")


def test_an_expired_chain_is_refused() -> None:
    """A chain that had run out when the reply was given is refused."""
    late = statement(answered_at=NOW + 40 * DAY)
    told = refused(written(receipt_file(receipt=both_signed(late))))
    assert (told["part"], told["because"]) == ("chain", "TrustExpiredError")


def test_a_region_without_gateway_is_refused() -> None:
    """A chain that lists no key of a gateway proves no signature."""
    told = refused(written(receipt_file(chains={"home": short(HOME), "visited": chain_of(VISITED)})))
    assert (told["part"], told["region"]) == ("signature", "home")


def test_a_missing_signature_is_named() -> None:
    """A file in which one gateway has not signed is refused, and the region named."""
    for entity, missing in ((HOME, "visited"), (VISITED, "home")):
        half = sign_receipt(statement(), key=GATEWAY_KEYS[entity])
        told = refused(written(receipt_file(receipt=half)))
        assert (told["part"], told["region"]) == ("signature", missing)


def test_a_signature_of_a_stranger_is_refused() -> None:
    """A signature under the name of a gateway by a key that its chain does not list is refused."""
    stranger = sign_receipt(statement(), key=GATEWAY_KEYS[VISITED])
    forged = type(GATEWAY_KEYS[HOME]).generate("ES256", issuer="gateway.home")
    told = refused(written(receipt_file(receipt=countersign_receipt(stranger, key=forged))))
    assert (told["part"], told["region"]) == ("signature", "home")


def test_proofs_of_inclusion_are_verified() -> None:
    """A proof of inclusion is verified with the statement's digest and the region's entity, and its region named."""
    seen: list[tuple[object, str, str, str]] = []

    def check(
        proof: Mapping[str, object], *, detail: str, entity: VerifiedEntity, other: VerifiedEntity
    ) -> tuple[str, ...]:
        seen.append((proof, detail, entity.entity, other.entity))
        return ("somebody",) if entity.entity == HOME else ()

    file = receipt_file(evidence={"home": {"index": 7}, "visited": {"index": 8}})
    found = verify_receipt(written(file), fingerprints=PINS, check_evidence=check)
    assert (found.recorded_by, found.cosigned) == (("home", "visited"), {"home": ("somebody",)})
    digest = both_signed().digest
    assert seen == [({"index": 7}, digest, HOME, VISITED), ({"index": 8}, digest, VISITED, HOME)]


def test_a_file_without_any_proof_of_inclusion_is_refused() -> None:
    """Who verifies proofs wants one; who cannot verify them reads the rest."""

    def check(_proof: object, *, detail: str, entity: VerifiedEntity, other: VerifiedEntity) -> tuple[str, ...]:
        raise AssertionError((detail, entity, other))

    told = refused(written(receipt_file(evidence={})), check_evidence=check)
    assert (told["part"], told["rule"]) == ("evidence", "of one log at least")
    assert verify_receipt(written(receipt_file(evidence={})), fingerprints=PINS).recorded_by == ()


def test_a_wrong_proof_of_inclusion_is_named() -> None:
    """A proof that does not hold, or that nobody can verify, is named with its region."""

    def check(_proof: object, *, detail: str, entity: VerifiedEntity, other: VerifiedEntity) -> tuple[str, ...]:
        assert other.entity == VISITED
        assert (detail, entity.anchor) == (both_signed().digest, "https://southwest.example")
        raise ProofError(rule="root")

    file = receipt_file(evidence={"home": {"index": 7}})
    told = refused(written(file), check_evidence=check)
    assert told == {"part": "evidence", "region": "home", "rule": "root", "because": "ProofError"}
    assert refused(written(file))["rule"] == "can be verified"


def test_a_file_is_read_as_it_was_written() -> None:
    """What is written is read back, nothing more and nothing less."""
    file = ReceiptFile.from_bytes(written())
    assert file.to_json() == ReceiptFile.from_bytes(written(file)).to_json()
