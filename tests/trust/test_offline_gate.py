"""A gate without network: what it allows, what it asks about, what it refuses, and how old its knowledge is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.forge import NOW, REQUEST_HASH, forged, header, payload, seal, text_of
from tests.trust.gate_packs import (
    DAY,
    EDWARDS,
    HOME,
    KEYS,
    MUSEUM,
    OTHER,
    PINNED,
    SALTS,
    VISITED,
    card,
    content,
    home,
    name,
    opened,
    packed,
    short,
    shown,
    use,
)
from trust.encoding import encode_base64url
from trust.errors import BadSignatureError, MalformedTokenError, OfflinePackError, TrustError, UnknownKeyError
from trust.keys import SigningKey
from trust.offline_file import PACK_TYPE, PackFile, name_sections, split
from trust.offline_gate import Answer, OfflinePack, Verdict
from trust.offline_pack import make_pack, unpack_chain
from trust.offline_statement import MAX_LIFE_SECONDS, PackStatement

ROOT = Path(__file__).resolve().parents[2]
PACK = opened([card(7), card(8)])
ALLOWED, ASK, REFUSED = Verdict


def of(answer: Answer) -> tuple[Verdict, str]:
    """Give verdict and reason."""
    return answer.verdict, answer.reason


@pytest.mark.parametrize("key", [KEYS[HOME], EDWARDS], ids=["ES256", "EdDSA"])
def test_a_genuine_recognition_is_allowed_and_the_age_is_told(key: SigningKey) -> None:
    """For the item types that recognition and pack both allow, with the age of the knowledge in seconds."""
    token = shown(key, classes={"identity": ("CUL.MUSEUM", "CUL.LIBRARY")})
    assert PACK.check_recognition(token, use=use()) == Answer(
        verdict=ALLOWED, reason="OK", as_of=NOW, age_seconds=60, item_types=("CUL.MUSEUM",)
    )


def test_a_recognition_that_is_bound_to_the_regions_own_gateway_counts() -> None:
    """It was given to the region itself; one that is bound to another's certificate is not decided on."""
    pack = opened(certificates=[REQUEST_HASH])
    assert pack.check_recognition(shown(confirmation=REQUEST_HASH), use=use()).verdict is ALLOWED
    assert pack.check_recognition(shown(confirmation="A" * 43), use=use()).reason == "BOUND"


@pytest.mark.parametrize(
    ("changes", "asked", "verdict", "reason"),
    [
        ({"card": name(7)}, {}, ASK, "MAY_BE_REPORTED"),
        ({"card": None}, {}, ASK, "CARD_NOT_NAMED"),
        ({"confirmation": REQUEST_HASH}, {}, ASK, "BOUND"),
        ({"agreement": "another-one"}, {}, ASK, "OTHER_AGREEMENT"),
        ({"one_time": True}, {}, ASK, "ONE_TIME"),
        ({"aud": "guizhou"}, {}, REFUSED, "AUDIENCE"),
        ({"item": "SC-11"}, {}, REFUSED, "OTHER_USE"),
        ({"medium": "physical"}, {}, REFUSED, "OTHER_USE"),
        ({"card_status": "lost_formal"}, {}, REFUSED, "CARD_STATUS"),
        ({"classes": {"identity": ("TRA.BUS",)}}, {}, REFUSED, "CLASS_NOT_GRANTED"),
        ({"classes": {"payment": ("CUL.MUSEUM",)}}, {}, REFUSED, "CLASS_NOT_GRANTED"),
        ({"classes": {"payment": ("CUL.MUSEUM",)}}, {"application_class": "payment"}, ASK, "CLASS_NOT_OFFLINE"),
        ({}, {"item": "SC-99"}, ASK, "ITEM_NOT_IN_PACK"),
        (
            {"item": "SC-11", "medium": "physical"},
            {"item": "SC-11", "medium": "physical"},
            REFUSED,
            "MEDIUM_NOT_ACCEPTED",
        ),
        ({"item": "SC-11"}, {"item": "SC-11"}, REFUSED, "NOT_ONE_TIME"),
        ({}, {"now": NOW + 310}, REFUSED, "EXPIRED"),
        ({}, {"now": NOW - 11}, REFUSED, "CLOCK_BEHIND"),
        ({"iat": NOW + 200, "nbf": NOW + 200, "exp": NOW + 400}, {}, REFUSED, "NOT_YET_VALID"),
        ({"exp": NOW + 600}, {"now": NOW + DAY}, REFUSED, "PACK_EXPIRED"),
    ],
)
def test_each_rule_has_its_answer(
    changes: dict[str, object], asked: dict[str, object], verdict: Verdict, reason: str
) -> None:
    """One thing is wrong, and the answer names it."""
    assert of(PACK.check_recognition(shown(**changes), use=use(**asked))) == (verdict, reason)


def test_a_recognition_of_a_home_that_is_not_in_the_pack_is_asked_about() -> None:
    """The gate cannot know its keys, so it says nothing of its age either."""
    key = SigningKey.generate("ES256", issuer="guizhou")
    answer = PACK.check_recognition(shown(key), use=use())
    assert answer == Answer(verdict=ASK, reason="REGION_NOT_IN_PACK")


def test_a_key_that_the_pack_does_not_have_is_asked_about() -> None:
    """It may have been rotated in since; under the name of a known key it is a forgery."""
    fresh = SigningKey.generate("ES256", issuer=HOME)
    assert of(PACK.check_recognition(shown(fresh), use=use())) == (ASK, "UNKNOWN_KEY")
    thief = SigningKey.generate("ES256", issuer=HOME, kid=KEYS[HOME].kid)
    assert of(PACK.check_recognition(shown(thief), use=use())) == (REFUSED, "NOT_GENUINE")
    swapped = SigningKey.generate("EdDSA", issuer=HOME, kid=KEYS[HOME].kid)
    assert of(PACK.check_recognition(shown(swapped), use=use())) == (ASK, "UNKNOWN_KEY")
    other = SigningKey.generate("ES256", issuer=OTHER, kid=KEYS[HOME].kid)
    assert of(PACK.check_recognition(shown(other), use=use())) == (ASK, "UNKNOWN_KEY")


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "NOT_GENUINE"),
        ("a.b", "NOT_GENUINE"),
        ("é.b.c", "NOT_GENUINE"),
        ("x" * 4097, "MALFORMED"),
        (shown()[:-4] + "AAAA", "NOT_GENUINE"),
        (shown().rpartition(".")[0] + "." + encode_base64url(b"short"), "NOT_GENUINE"),
        (shown(EDWARDS).rpartition(".")[0] + "." + encode_base64url(bytes(64)), "NOT_GENUINE"),
        (seal(text_of({**header(), "alg": 5}), text_of(payload())), "NOT_GENUINE"),
        (seal(text_of(header()), '{"iss": 1, "iss": 2}'), "NOT_GENUINE"),
        (seal(text_of(header()), "[" * 40), "NOT_GENUINE"),
        (seal(text_of(header()), '{"exp": 1e9}'), "NOT_GENUINE"),
        (seal(text_of(header()), '{"exp": NaN}'), "NOT_GENUINE"),
        (seal(text_of(header()), '{"exp": ' + "9" * 50 + "}"), "NOT_GENUINE"),
        (seal(text_of(header()), "7"), "NOT_GENUINE"),
        (seal(text_of({**header(), "jwk": {}}), text_of(payload())), "NOT_GENUINE"),
        (forged(header(typ="jwt")), "WRONG_TYPE"),
        (forged(body=payload(iss=HOME, surplus=1)), "NOT_GENUINE"),
    ],
    ids=short,
)
def test_what_is_not_genuine_is_refused(token: str, reason: str) -> None:
    """Whatever is wrong with it; nothing but an answer comes of it."""
    assert of(PACK.check_recognition(token, use=use())) == (REFUSED, reason)


@given(st.text(max_size=200) | st.binary(max_size=100).map(encode_base64url))
def test_any_text_gets_an_answer(token: str) -> None:
    """And never one that allows."""
    assert PACK.check_recognition(token, use=use()).verdict is REFUSED


def test_what_is_good_once_is_good_once() -> None:
    """A gate that remembers may allow it; it is used up last of all, and a second time it is a replay."""
    used: set[tuple[str, str]] = set()

    def first_use(issuer: str, token_id: str, until: int) -> bool:
        assert until == NOW + 310
        new = (issuer, token_id) not in used
        used.add((issuer, token_id))
        return new

    told = {"one_time": True, "item": "SC-11", "classes": {"identity": ("TRA.BUS",)}}
    lost = shown(**told, card=name(8))
    assert of(PACK.check_recognition(lost, use=use(item="SC-11"), first_use=first_use)) == (ASK, "MAY_BE_REPORTED")
    assert not used
    token = shown(**told)
    assert of(PACK.check_recognition(token, use=use(item="SC-11"), first_use=first_use)) == (ALLOWED, "OK")
    assert of(PACK.check_recognition(token, use=use(item="SC-11"), first_use=first_use)) == (REFUSED, "REPLAY")


@pytest.mark.parametrize(
    ("region", "number", "asked", "verdict", "reason"),
    [
        (HOME, 1, {}, ALLOWED, "NOT_REPORTED"),
        (HOME, 7, {}, ASK, "MAY_BE_REPORTED"),
        (OTHER, 7, {}, ALLOWED, "NOT_REPORTED"),
        (OTHER, 900, {}, ASK, "MAY_BE_REPORTED"),
        ("guizhou", 1, {}, ASK, "REGION_NOT_IN_PACK"),
        (HOME, 1, {"application_class": "payment"}, ASK, "CLASS_NOT_OFFLINE"),
        (HOME, 1, {"application_class": "disbursement"}, REFUSED, "CLASS_NOT_GRANTED"),
        (HOME, 1, {"now": NOW + DAY}, REFUSED, "PACK_EXPIRED"),
        (HOME, 1, {"item": "SC-11", "medium": "physical"}, REFUSED, "MEDIUM_NOT_ACCEPTED"),
    ],
)
def test_a_card_that_was_met_before(
    region: str, number: int, asked: dict[str, object], verdict: Verdict, reason: str
) -> None:
    """A physical card is known by its pseudonym; what is reported is asked about, and only its own region's counts."""
    answer = PACK.check_card(region, name(number), use=use(**{"medium": "physical", **asked}))
    assert of(answer) == (verdict, reason)
    if verdict is ALLOWED:
        assert answer.item_types == (MUSEUM if region == HOME else ("CUL.MUSEUM",))
        assert (answer.as_of, answer.age_seconds) == (NOW, 60)


def test_a_text_that_is_no_pseudonym_is_refused() -> None:
    """It has one form."""
    assert of(PACK.check_card(HOME, "A00000001", use=use())) == (REFUSED, "MALFORMED")


def test_knowledge_that_is_older_than_the_class_allows_is_refused() -> None:
    """Even while the pack itself lives: each region's knowledge has its own age."""
    homes = {HOME: home(as_of=NOW - DAY + 30), OTHER: home(life={"identity": DAY, "payment": 3600})}
    pack = OfflinePack.read(
        make_pack(content(homes=homes), key=KEYS[VISITED], salts={HOME: b"\0" * 16, OTHER: b"\0" * 16}), keys=PINNED
    )
    fresh = pack.check_card(HOME, name(1), use=use(now=NOW + 30))
    assert (of(fresh), fresh.age_seconds) == ((ALLOWED, "NOT_REPORTED"), DAY)
    old = pack.check_card(HOME, name(1), use=use(now=NOW + 31))
    assert (of(old), old.age_seconds, old.as_of) == ((REFUSED, "STALE"), DAY + 1, NOW - DAY + 30)


@given(st.sets(st.integers(0, 500), max_size=60), st.integers(0, 500))
def test_no_reported_card_is_ever_allowed(reported: set[int], number: int) -> None:
    """Neither by its pseudonym nor by a recognition; the others are, but for those of chance."""
    pack = opened([card(n) for n in reported])
    answers = {
        pack.check_card(HOME, name(number), use=use()).verdict,
        pack.check_recognition(shown(card=name(number)), use=use()).verdict,
    }
    assert answers == ({ASK} if number in reported else {ALLOWED})
    assert pack.count(HOME) == len(reported)
    assert pack.one_in(HOME) >= 2**24


def test_where_a_recognition_is_needed_a_card_alone_is_asked_about() -> None:
    """As under an agreement that demands the holder's consent."""
    homes = {HOME: home(cards=False)}
    pack = OfflinePack.read(make_pack(content(homes=homes), key=KEYS[VISITED], salts={HOME: bytes(16)}), keys=PINNED)
    assert of(pack.check_card(HOME, name(1), use=use())) == (ASK, "RECOGNITION_NEEDED")
    assert of(pack.check_recognition(shown(), use=use())) == (ALLOWED, "OK")


def test_a_pack_names_the_keys_of_the_next_one() -> None:
    """So that a rotation reaches a gate that was never online."""
    fresh = SigningKey.generate("EdDSA", issuer=VISITED)
    keys = (KEYS[VISITED].public(), fresh.public())
    pack = OfflinePack.read(packed(keys=keys), keys=PINNED)
    later = make_pack(content(serial=2), key=fresh, salts=SALTS)
    assert OfflinePack.read(later, keys=pack.statement.keys).statement.serial == 2


def test_the_chain_travels_with_the_pack() -> None:
    """For whoever wants to prove the keys from the anchor on."""
    assert unpack_chain(PACK, HOME) == ("aaa.bbb.ccc", "ddd.eee.fff")


def test_a_pack_of_another_key_is_not_believed() -> None:
    """The gate goes by what it has pinned, and by nothing in the file."""
    data = packed()
    other = SigningKey.generate("ES256", issuer=VISITED)
    with pytest.raises(UnknownKeyError):
        OfflinePack.read(data, keys=[other.public().to_jwk()])
    thief = SigningKey.generate("ES256", issuer=VISITED, kid=KEYS[VISITED].kid)
    with pytest.raises(BadSignatureError):
        OfflinePack.read(data, keys=[thief.public().to_jwk()])
    for broken in ({"x": "AA"}, {"x": 5}, {"y": None}):
        with pytest.raises(BadSignatureError):
            OfflinePack.read(data, keys=[{**PINNED[0], **broken}])
    with pytest.raises(UnknownKeyError):
        OfflinePack.read(data, keys=[{**PINNED[0], "kty": "RSA"}])


DATA = packed([card(7)])
HEAD = 12


@pytest.mark.parametrize("position", [0, 9, 40, HEAD + 900, -1, -200])
def test_a_changed_byte_is_seen(position: int) -> None:
    """Anywhere: in the frame, the statement, or a section."""
    changed = bytearray(DATA)
    changed[position] ^= 1
    with pytest.raises(TrustError):
        OfflinePack.read(bytes(changed), keys=PINNED)


@pytest.mark.parametrize(
    "data", [b"", DATA[:5], DATA[:HEAD], DATA[:-1], DATA + b"\0", b"1CARDPK1\xff\xff\xff\xff"], ids=short
)
def test_what_is_cut_or_longer_is_no_pack(data: bytes) -> None:
    """Each part has its length."""
    with pytest.raises((OfflinePackError, MalformedTokenError)):
        OfflinePack.read(data, keys=PINNED)


def resigned(**changes: object) -> bytes:
    """Sign the statement of a pack with some of it changed; None takes a claim away."""
    file, jws = split(DATA)
    told = {name: value for name, value in {**jws.payload, **changes}.items() if value is not None}
    head = {"alg": "ES256", "kid": KEYS[VISITED].kid, "typ": changes.get("typ", PACK_TYPE)}
    told.pop("typ", None)
    return PackFile(seal(json.dumps(head), json.dumps(told), KEYS[VISITED]), file.sections).to_bytes()


REGION = split(DATA)[1].payload["regions"][HOME]
SC_02 = split(DATA)[1].payload["items"]["SC-02"]


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "statuslist+jwt"},
        {"format": 2},
        {"format": True},
        {"iss": "Sichuan"},
        {"serial": 0},
        {"exp": NOW},
        {"exp": NOW + MAX_LIFE_SECONDS + 1},
        {"surplus": 1},
        {"iat": None},
        {"sections": None},
        {"sections": {}},
        {"sections": [{}]},
        {"sections": [{"bytes": -1, "sha256": ""}]},
        {"sections": name_sections([b""] * 300)},
        {"regions": []},
        {"regions": {HOME: {**REGION, "set": 9}}},
        {"regions": {HOME: {**REGION, "life": {"identity": -1}}}},
        {"regions": {HOME: {**REGION, "life": {"entry": 1}}}},
        {"regions": {HOME: {**REGION, "salt": "AA"}}},
        {"regions": {HOME: {**REGION, "keys": ["key"]}}},
        {"regions": {"Chongqing!": REGION}},
        {"items": {"SC 02": SC_02}},
        {"keys": "all"},
        {"regions": {HOME: {**REGION, "cards": 1}}},
        {"items": {"SC-02": {**SC_02, "grants": {"paper": {}}}}},
        {"items": {"SC-02": {**SC_02, "grants": {"physical": {HOME: {"entry": ["TRA.BUS"]}}}}}},
        {"items": {"SC-02": {**SC_02, "grants": {"physical": {HOME: {"identity": []}}}}}},
    ],
)
def test_a_statement_that_breaks_a_rule_is_refused_though_it_is_signed(changes: dict[str, object]) -> None:
    """The tables are closed."""
    with pytest.raises(OfflinePackError):
        OfflinePack.read(resigned(**changes), keys=PINNED)


def test_a_statement_is_read_as_it_was_written() -> None:
    """Both ways, and a pack that is signed again is the same."""
    _, jws = split(DATA)
    statement = PackStatement.from_payload(jws.payload)
    assert {**statement.to_payload(), "sections": jws.payload["sections"]} == jws.payload
    assert OfflinePack.read(resigned(), keys=PINNED).statement == statement == PackStatement.from_payload(jws.payload)


def test_a_gate_needs_nothing_but_cryptography() -> None:
    """What verifies imports, beside the standard library, cryptography and a few files of this package."""
    code = "import sys; import trust.offline_gate, trust.offline_delta; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    modules = {line for line in loaded.stdout.split() if line not in sys.stdlib_module_names}
    roots = {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names)
    foreign = {root for root in roots if not root.startswith(("_", "trust", "cryptography", "sitecustomize"))}
    assert foreign == set()
    assert {module for module in modules if module.startswith("trust.")} == {
        *("trust.errors", "trust.encoding", "trust.vocabulary", "trust.claim_rules", "trust.claim_tables"),
        *("trust.claims", "trust.offline_set", "trust.offline_file", "trust.offline_statement"),
        *("trust.offline_gate", "trust.offline_delta"),
    }
