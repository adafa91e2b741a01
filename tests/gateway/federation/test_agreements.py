"""Whether an agreement stands: signed by every party as it lies here, stopped by none, and proven once for good."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.registry import load_agreements
from gateway.errors import SettingsError
from gateway.federation.agreements import AgreementStanding, ProvenSignatures, load_agreement
from tests.fakes.clock import FakeClock
from trust.errors import AgreementDataError, AgreementNotSignedError, AgreementStoppedError
from trust.keys import SigningKey
from trust.party_signature import PartySignature, canonical_digest, sign_as_party

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trust.keys import VerificationKey

NAME = "sichuan-chongqing"
ANCHOR = "https://bodies.example/west"
TERMS = load_agreements()["sichuan_chongqing.toml"]
ENTITIES = {region: f"https://{region}.example" for region in ("sichuan", "chongqing", "guizhou")}
KEYS = {region: SigningKey.generate("ES256", issuer=entity) for region, entity in ENTITIES.items()}
PARTIES = ("chongqing", "sichuan")


@dataclass(slots=True)
class FakeBelieved:
    """Believes the keys of some regions under the one anchor; agreements may be stopped."""

    regions: set[str] = field(default_factory=lambda: set(ENTITIES))
    stopped: bool = False
    more: dict[str, tuple[SigningKey, ...]] = field(default_factory=dict)

    def party_keys(self, entity: str, region: str, *, anchor: str) -> Iterable[VerificationKey]:
        """Give the keys of an entity that stands for a region."""
        good = anchor == ANCHOR and region in self.regions and ENTITIES[region] == entity
        keys = (KEYS[region], *self.more.get(region, ()))
        return tuple(key.public() for key in keys) if good else ()

    def require_agreement(self, agreement: str) -> None:
        """Refuse what was stopped."""
        if self.stopped:
            raise AgreementStoppedError(agreement=agreement)


@dataclass(slots=True)
class Desk:
    """The files of an agreement, and what decides whether it stands."""

    folder: Path
    believed: FakeBelieved = field(default_factory=FakeBelieved)
    clock: FakeClock = field(default_factory=FakeClock)
    anchor: str = ANCHOR

    def __post_init__(self) -> None:
        """Write the terms; nobody has signed."""
        self.terms.write_text(TERMS, "utf-8")

    @property
    def terms(self) -> Path:
        """The file of the terms."""
        return self.folder / "terms.toml"

    @property
    def signatures(self) -> Path:
        """The file of the signatures."""
        return self.folder / "terms.signatures"

    @property
    def proven(self) -> Path:
        """The file of what was proven."""
        return self.folder / "signed.json"

    def sign(self, *texts: str) -> None:
        """Put these signatures into the file."""
        self.signatures.write_text("\n\n".join(texts) + "\n", "ascii")

    def signature(self, region: str, *, key: SigningKey | None = None, **changes: Any) -> str:  # noqa: ANN401 - a test may give anything
        """Sign the terms for a region, some of it changed."""
        values = {
            "iss": ENTITIES[region],
            "region": region,
            "iat": int(self.clock()),
            "content": "agreement",
            "name": NAME,
            "digest": canonical_digest(tomllib.loads(self.terms.read_text("utf-8"))),
        }
        return sign_as_party(PartySignature(**{**values, **changes}), key=key or KEYS[region])

    def start(self) -> AgreementStanding:
        """Begin as a node does: with the files as they are now."""
        signed = load_agreement(self.terms, self.signatures, anchor=self.anchor)
        proven = ProvenSignatures(self.proven)
        return AgreementStanding([signed], believed=self.believed, clock=self.clock, proven=proven)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Lay out an agreement that nobody has signed."""
    return Desk(tmp_path)


def test_an_agreement_stands_once_every_party_has_signed_it(desk: Desk) -> None:
    """In whatever order; before that it names who is missing."""
    assert desk.start().missing(NAME) == PARTIES
    with pytest.raises(AgreementNotSignedError) as caught:
        desk.start().require(NAME)
    assert caught.value.metadata == {"agreement": NAME, "region": "chongqing"}
    desk.sign(desk.signature("sichuan"))
    assert desk.start().missing(NAME) == ("chongqing",)
    desk.sign(desk.signature("chongqing"), desk.signature("sichuan"))
    desk.start().require(NAME)


@pytest.mark.parametrize(
    "signers", [("chongqing",), ("chongqing", "chongqing"), ("sichuan",) * 3, ("guizhou", "sichuan")]
)
def test_fewer_signers_than_parties_sign_nothing(desk: Desk, signers: tuple[str, ...]) -> None:
    """TL4: one of two is too few, however often it signs, and who is no party does not make up for the other."""
    desk.sign(*(desk.signature(region, iat=int(desk.clock()) - age) for age, region in enumerate(signers)))
    with pytest.raises(AgreementNotSignedError):
        desk.start().require(NAME)
    assert len(desk.start().missing(NAME)) == 1


def test_a_party_counts_once_under_however_many_ids(desk: Desk) -> None:
    """TL4: the same key under two key ids, and two keys of one party, are one signer."""
    twin = replace(KEYS["sichuan"], kid="another-id")
    second = SigningKey.generate("EdDSA", issuer=ENTITIES["sichuan"])
    desk.believed.more["sichuan"] = (twin, second)
    desk.sign(*(desk.signature("sichuan", key=key) for key in (KEYS["sichuan"], twin, second)))
    assert desk.start().missing(NAME) == ("chongqing",)
    desk.sign(*(desk.signature("chongqing"), desk.signature("sichuan", key=second)))
    desk.start().require(NAME)


def test_one_key_does_not_sign_for_two_parties(desk: Desk) -> None:
    """TL4: where one hand holds the key of both entities, it is one signer, in whichever name it signs first."""
    shared = replace(KEYS["sichuan"], issuer=ENTITIES["chongqing"])
    desk.believed.more["chongqing"] = (shared,)
    for key in (shared, replace(shared, kid="another-id")):
        desk.believed.more["chongqing"] = (key,)
        desk.sign(desk.signature("sichuan"), desk.signature("chongqing", key=key))
        assert desk.start().missing(NAME) == ("chongqing",)
    desk.sign(desk.signature("sichuan"), desk.signature("chongqing", key=shared), desk.signature("chongqing"))
    desk.start().require(NAME)


def test_a_party_signs_in_its_own_name_only(desk: Desk) -> None:
    """TL4: a signature for the other party, by whatever entity it claims, is none."""
    key = replace(KEYS["sichuan"], issuer=ENTITIES["chongqing"])
    desk.sign(
        desk.signature("sichuan"),
        desk.signature("chongqing", key=key),
        desk.signature("chongqing", key=KEYS["sichuan"], iss=ENTITIES["sichuan"]),
    )
    assert desk.start().missing(NAME) == ("chongqing",)


def test_the_editor_of_a_party_does_not_matter(desk: Desk) -> None:
    """Keys in another order, other spaces and comments are the same terms."""
    desk.sign(*map(desk.signature, PARTIES))
    said, tables = statements(TERMS)
    assert len(said) > 2
    text = "\n".join(["# another editor", *(f"  {one}  " for one in reversed(said)), "", tables])
    desk.terms.write_text(text, "utf-8")
    assert list(tomllib.loads(text)) != list(tomllib.loads(TERMS))
    desk.start().require(NAME)


def statements(text: str) -> tuple[list[str], str]:
    """Split terms into what stands before the first table, value by value, and the tables."""
    lines = text.splitlines()
    first = next((number for number, line in enumerate(lines) if line.startswith("[")), len(lines))
    said: list[str] = []
    piece = ""
    for line in lines[:first]:
        piece += f"{line}\n"
        with suppress(tomllib.TOMLDecodeError):
            if tomllib.loads(piece):
                said.append(piece)
            piece = ""
    return said, "\n".join(lines[first:])


def test_terms_that_were_changed_have_to_be_signed_again(desk: Desk) -> None:
    """By everybody, even where the old terms stood for years."""
    desk.sign(*map(desk.signature, PARTIES))
    desk.start().require(NAME)
    desk.terms.write_text(TERMS.replace("2027-12-31", "2028-12-31"), "utf-8")
    assert desk.terms.read_text("utf-8") != TERMS
    assert desk.start().missing(NAME) == PARTIES
    desk.sign(*map(desk.signature, PARTIES))
    desk.start().require(NAME)


def wrong(desk: Desk) -> dict[str, str]:
    """Give signatures of Chongqing that prove nothing."""
    stranger = SigningKey.generate("ES256", issuer=ENTITIES["chongqing"], kid=KEYS["chongqing"].kid)
    good = desk.signature("chongqing")
    return {
        "another key": desk.signature("chongqing", key=stranger),
        "another region's entity": desk.signature("chongqing", iss=ENTITIES["guizhou"], key=KEYS["guizhou"]),
        "another party's": desk.signature("sichuan"),
        "no party": desk.signature("guizhou"),
        "a catalog": desk.signature("chongqing", content="catalog"),
        "another agreement": desk.signature("chongqing", name="chongqing-guizhou"),
        "other terms": desk.signature("chongqing", digest="A" * 43),
        "of tomorrow": desk.signature("chongqing", iat=int(desk.clock()) + 86_400),
        "cut short": good[:-4],
        "no token": "canary",
    }


WRONG = (
    *("another key", "another region's entity", "another party's", "no party", "a catalog", "another agreement"),
    *("other terms", "of tomorrow", "cut short", "no token"),
)


@pytest.mark.parametrize("what", WRONG)
def test_a_signature_that_proves_nothing_is_none(desk: Desk, what: str) -> None:
    """It neither counts nor keeps a good one from counting."""
    table = wrong(desk)
    assert {*table} == {*WRONG}
    desk.sign(table[what], desk.signature("sichuan"))
    assert desk.start().missing(NAME) == ("chongqing",)
    desk.sign(table[what], desk.signature("sichuan"), desk.signature("chongqing"))
    desk.start().require(NAME)


def test_a_signature_of_a_node_with_a_slow_clock_counts(desk: Desk) -> None:
    """Within the skew that is allowed everywhere, and not beyond."""
    now = int(desk.clock())
    desk.sign(desk.signature("sichuan", iat=now + 10), desk.signature("chongqing", iat=now + 3600))
    assert desk.start().missing(NAME) == ("chongqing",)


def test_only_keys_believed_under_its_own_anchor_count(desk: Desk) -> None:
    """Those believed under another anchor vouch for nothing here."""
    desk.sign(*map(desk.signature, PARTIES))
    desk.anchor = "https://bodies.example/east"
    assert desk.start().missing(NAME) == PARTIES


def test_what_was_proven_once_stays_proven_over_a_restart(desk: Desk) -> None:
    """Keys rotate and anchors are silent; the signature was good when it was proven."""
    desk.sign(desk.signature("sichuan"))
    assert desk.start().missing(NAME) == ("chongqing",)
    desk.believed.regions = {"chongqing"}
    desk.sign(desk.signature("chongqing"))
    desk.start().require(NAME)
    desk.believed.regions = set()
    desk.signatures.unlink()
    desk.start().require(NAME)


def test_a_key_that_comes_to_be_believed_is_asked_again(desk: Desk) -> None:
    """A node that has started before its peer's anchor answers does not need to start again."""
    desk.sign(*map(desk.signature, PARTIES))
    desk.believed.regions = {"sichuan"}
    standing = desk.start()
    with pytest.raises(AgreementNotSignedError):
        standing.require(NAME)
    desk.believed.regions.add("chongqing")
    standing.require(NAME)


def test_a_stopped_agreement_stands_no_longer(desk: Desk) -> None:
    """Whether or not it was proven before, from the next question on."""
    desk.sign(*map(desk.signature, PARTIES))
    standing = desk.start()
    standing.require(NAME)
    desk.believed.stopped = True
    with pytest.raises(AgreementStoppedError):
        standing.require(NAME)


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}', '{"a": ["d"]}', '{"a": [1, []]}', '{"a": ["d", [1]]}'])
def test_a_memory_that_holds_something_else_is_a_fault(desk: Desk, text: str) -> None:
    """Nothing is taken for proven from a file that somebody else wrote."""
    desk.proven.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=r"signed\.json"):
        desk.start()


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("terms.toml", b"= canary", r"terms\.toml: is not TOML"),
        ("terms.toml", b"\xff", r"terms\.toml: cannot be read as text \(UnicodeDecodeError\)"),
        ("terms.toml", b"#" * (256 * 1024 + 1), r"terms\.toml: is longer than 262144 bytes"),
        ("terms.toml", None, r"terms\.toml: cannot be read as text \(FileNotFoundError\)"),
        ("terms.signatures", b"\xff", r"terms\.signatures: cannot be read as text"),
        ("terms.signatures", b"canary\n" * 65, r"terms\.signatures: has more than 64 signatures"),
    ],
)
def test_files_that_cannot_be_read_are_told_by_name(desk: Desk, name: str, data: bytes | None, told: str) -> None:
    """Without anything that stands in them."""
    path = desk.folder / name
    path.unlink(missing_ok=True)
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(SettingsError, match=told) as caught:
        desk.start()
    assert "canary" not in str(caught.value)


def test_terms_that_are_no_agreement_are_refused(desk: Desk) -> None:
    """As everywhere else where agreements are read."""
    desk.terms.write_text("id = 'sichuan-chongqing'\n", "utf-8")
    with pytest.raises(AgreementDataError):
        desk.start()
