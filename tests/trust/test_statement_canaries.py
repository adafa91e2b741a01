"""PV1: nothing that a statement, a chain or a revocation says is repeated by the error that refuses it."""

from __future__ import annotations

import traceback
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest

from tests.trust.alliance import (
    BELIEFS,
    HOME,
    KEYS,
    NOW,
    SOUTHWEST,
    about,
    configuration,
    long,
    short,
)
from tests.trust.forge import seal, text_of
from tests.trust.test_revocation import revocation, verify
from trust.chain import verify_chain
from trust.errors import TrustError
from trust.metadata_policy import MetadataPolicy
from trust.statement import read_chain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trust.entity import EntityClaims

CANARIES = ("510100190001010013", "张三样例", "canary-secret")


def written(kind: str, payload: Mapping[str, object], **header: object) -> str:
    """Sign anything with the key of its issuer."""
    key = KEYS[SOUTHWEST if payload.get("iss") != HOME else HOME]
    return seal(text_of({"alg": key.algorithm, "kid": key.kid, "typ": kind, **header}), text_of(payload), key)


def chains(canary: str) -> Iterator[tuple[str, ...]]:
    """Plant a secret in each place of each statement of a chain."""
    texts = list(short())
    statements: tuple[EntityClaims, ...] = (configuration(HOME), about(SOUTHWEST, HOME), configuration(SOUTHWEST))
    for position, claims in enumerate(statements):
        payload = claims.to_payload()
        planted: list[Mapping[str, object]] = [{**payload, name: canary} for name in payload]
        planted += [{**payload, name: [canary + " "]} for name in payload]
        planted += [{**payload, canary: canary}, {**payload, "jwks": {"keys": [{canary: canary}]}}]
        planted += [{**payload, "metadata_policy": {"onecard_region": {canary: {"value": canary}}}}]
        for document in planted:
            yield (*texts[:position], written("entity-statement+jwt", document), *texts[position + 1 :])
        for name in ("alg", "typ", "kid", canary):
            text = written("entity-statement+jwt", payload, **{name: canary})
            yield (*texts[:position], text, *texts[position + 1 :])
    policy = MetadataPolicy.from_json({"onecard_region": {"issuer": {"value": "home"}, "p": {"one_of": [canary]}}})
    strict = MetadataPolicy.from_json({"onecard_region": {"p": {"value": "x", "essential": True}}})
    own = {"onecard_region": {**configuration(HOME).metadata["onecard_region"], "p": canary + "x"}}
    yield (canary,) * 3
    yield short(metadata_policy=policy, metadata=own)
    yield long(metadata_policy=MetadataPolicy.from_json({"onecard_region": {"issuer": {"value": canary}}}))
    yield short(metadata_policy=strict)


def shown(error: TrustError) -> str:
    """Give everything that a log could hold of an error and of what caused it."""
    text = repr(error.metadata)
    told: BaseException | None = error
    while told is not None:
        text += "".join(traceback.format_exception_only(told)) + repr(told) + repr(vars(told))
        told = told.__cause__ or told.__context__
    return text


@pytest.mark.parametrize("canary", CANARIES)
def test_no_error_of_a_chain_repeats_what_it_refused(canary: str) -> None:
    """A planted secret is in no text, repr, metadata or cause."""
    for texts in chains(canary):
        with pytest.raises(TrustError) as caught:
            verify_chain(texts, beliefs=BELIEFS, now=NOW)
        assert canary not in shown(caught.value)


@pytest.mark.parametrize("canary", CANARIES)
def test_no_error_of_a_revocation_repeats_what_it_refused(canary: str) -> None:
    """A planted secret is in no text, repr, metadata or cause."""
    good = revocation()
    texts = [written("onecard-revocation+jwt", {**asdict(good), name: canary + " "}) for name in asdict(good)]
    texts.append(written("onecard-revocation+jwt", asdict(replace(good, kind="entity", target=canary))))
    for text in texts:
        with pytest.raises(TrustError) as caught:
            verify(text)
        assert canary not in shown(caught.value)


@pytest.mark.parametrize("canary", CANARIES)
def test_no_error_of_a_chain_document_repeats_what_it_refused(canary: str) -> None:
    """A planted secret is in no text, repr, metadata or cause."""
    for document in (canary.encode(), f'["{canary}'.encode(), f'["{canary}",1]'.encode()):
        with pytest.raises(TrustError) as caught:
            read_chain(document)
        assert canary not in shown(caught.value)
