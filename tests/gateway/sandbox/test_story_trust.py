"""The chapter on trust, as far as it goes without gateways: what is proven by hand, the command, and its words."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from gateway.sandbox import by_hand, story_keys, story_trust
from gateway.sandbox.by_hand import NotProvenError, Place
from gateway.sandbox.demo import chapters
from gateway.sandbox.story_command import Ended, anew, onecard
from gateway.sandbox.story_trust import trust_chapter
from trust.claims import RecognitionClaims, StatusReference
from trust.entity import EntityConfiguration, SubordinateStatement
from trust.errors import SuiteUnavailableError
from trust.keys import KeyRing, SigningKey, thumbprint
from trust.metadata_policy import MetadataPolicy
from trust.plain_json import freeze
from trust.signer import RecognitionSigner
from trust.statement import sign_statement
from trust.status_list import Status, StatusList, pack, sign_status_list

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.sandbox.story import Stage

ANCHOR = Place("https://anchor.example/one", "http://127.0.0.1:1/one")
ENTITY = Place("https://home.example", "http://127.0.0.1:2")
LIST = f"{ENTITY.entity}/regions/chongqing/status/7"
KEYS = {
    name: SigningKey.generate("ES256", issuer=name) for name in (ANCHOR.entity, ENTITY.entity, "chongqing", "sichuan")
}
TOP, MIDDLE, OWN, STATUS = (
    f"{ANCHOR.address}/.well-known/openid-federation",
    f"{ANCHOR.address}/federation/fetch?sub={ENTITY.entity}",
    f"{ENTITY.address}/.well-known/openid-federation",
    f"{ENTITY.address}/regions/chongqing/status/7",
)


def mark(name: str) -> str:
    """Give the fingerprint of a key by its issuer."""
    return thumbprint(KEYS[name].public().public_key)


def documents(*, fixed: str = "chongqing", taken_back: bool = False, address: str = LIST) -> dict[str, str]:
    """Publish a small federation: an anchor, one region under it, and the region's status list, by address."""
    now = int(time.time())
    times: dict[str, Any] = {"version": 1, "iat": now - 60, "exp": now + 3600}
    role = {"onecard_region": {"issuer": "chongqing", "jwks": KeyRing([KEYS["chongqing"].public()]).jwks("chongqing")}}
    policy = MetadataPolicy.from_json({"onecard_region": {"issuer": {"value": fixed}}})
    anchor, home = (KEYS[place.entity] for place in (ANCHOR, ENTITY))
    own = EntityConfiguration(
        sub=ENTITY.entity,
        keys=(home.public(),),
        metadata=freeze(role),  # type: ignore[arg-type]  # an object stays one
        authority_hints=(ANCHOR.entity,),
        **times,
    )
    about = SubordinateStatement(
        iss=ANCHOR.entity, sub=ENTITY.entity, keys=(home.public(),), metadata_policy=policy, **times
    )
    states = StatusList(
        issuer="chongqing",
        uri=address,
        iat=now,
        exp=now + 600,
        ttl=15,
        statuses=pack({9: Status.INVALID} if taken_back else {}, places=64),
    )
    return {
        TOP: sign_statement(EntityConfiguration(sub=ANCHOR.entity, keys=(anchor.public(),), **times), key=anchor),
        MIDDLE: sign_statement(about, key=anchor),
        OWN: sign_statement(own, key=home),
        STATUS: sign_status_list(states, key=KEYS["chongqing"]),
    }


def token(*, audience: str = "sichuan", place: str = LIST, old: bool = False) -> str:
    """Sign an invented recognition of Chongqing."""
    now = int(time.time()) - (3600 if old else 0)
    claims = RecognitionClaims(
        iss="chongqing", aud=audience, sub="A" * 43, iat=now, nbf=now, exp=now + 600, jti="hand-1", item="SC-13",
        home_items=("CQ-30",), catalog_version="0123456789abcdef", purpose="service_access",
        classes={"identity": ("CUL.LIBRARY.ENTRY",)}, card_status="active", card_status_as_of=now, medium="physical",
        assurance="substantial", request_hash="A" * 43, agreement="sichuan-chongqing", one_time=False,
        status=StatusReference(uri=place, index=9),
    )  # fmt: skip
    return RecognitionSigner(KEYS["chongqing"]).issue(claims)


async def proven(
    published: dict[str, str],
    *,
    pinned: str = "",
    region: str = "chongqing",
    shown: Callable[[], str] = token,
    home: str = "chongqing",
) -> str:
    """Prove a recognition from what is published; gives the item that it is about."""

    async def fetch(address: str) -> str:
        return published[address]

    keys = await by_hand.region_keys(
        fetch, anchor=ANCHOR, pinned=pinned or mark(ANCHOR.entity), entity=ENTITY, region=region
    )
    said = await by_hand.recognition(fetch, shown(), keys, entity=ENTITY, home=home, visited="sichuan")
    return str(said["item"])


async def test_a_recognition_is_proven_from_a_fingerprint_on() -> None:
    """With the fingerprint of the anchor's key and public documents, and nothing else, a recognition is believed."""
    assert await proven(documents()) == "SC-13"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"pinned": "A" * 43}, "entity-statement+jwt: no key for it"),
        ({"region": "sichuan"}, "the anchor has fixed the name of another region"),
        ({"shown": lambda: token(old=True)}, "onecard-recognition+jwt: ExpiredSignatureError"),
        ({"shown": lambda: token(audience="xizang")}, "onecard-recognition+jwt: InvalidAudienceError"),
        ({"shown": lambda: "no token"}, "onecard-recognition+jwt: DecodeError"),
        ({"shown": lambda: token(place="https://other.example/regions/chongqing/status/7")}, "of another region"),
        ({"home": "sichuan"}, "of another region"),
    ],
)
async def test_what_does_not_prove_it_is_told(changed: dict[str, Any], why: str) -> None:
    """Another pin, another name and another token each fail, and the words say which."""
    with pytest.raises(NotProvenError, match=f"^{why.replace('+', '[+]')}$"):
        await proven(documents(), **changed)


@pytest.mark.parametrize(
    ("published", "why"),
    [
        (lambda: documents(fixed="sichuan"), "the anchor has fixed the name of another region"),
        (lambda: documents(taken_back=True), "taken back"),
        (lambda: documents(address=f"{ENTITY.entity}/regions/chongqing/status/8"), "another status list"),
        (lambda: {**documents(), MIDDLE: documents()[TOP]}, "a statement about somebody else"),
        (lambda: {**documents(), OWN: documents()[TOP]}, "entity-statement[+]jwt: no key for it"),
        (lambda: {**documents(), STATUS: token()}, "statuslist[+]jwt: no key for it"),
    ],
)
async def test_documents_that_say_other_things_are_refused(published: Callable[[], dict[str, str]], why: str) -> None:
    """Each document has to be the right one, from the anchor down to the status list."""
    with pytest.raises(NotProvenError, match=f"^{why}$"):
        await proven(published())


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_a_fingerprint_is_that_of_the_gateway(algorithm: str) -> None:
    """What a partner computes of a published key is what an operator pins."""
    key = SigningKey.generate(algorithm, issuer="chongqing").public()
    (published,) = KeyRing([key]).jwks("chongqing")["keys"]
    assert by_hand.fingerprint(published) == thumbprint(key.public_key)


async def test_the_command_is_run_to_its_end() -> None:
    """What it prints and how it ends are told, for a command that works and for one that does not."""
    good = await onecard("catalog", "show", "chongqing", "CQ-30")
    assert (good.code, "CQ-30" in good.told) == (0, True)
    assert (await onecard("catalog", "show", "atlantis", "CQ-30")).code == 2


def test_the_words_of_a_command_are_found() -> None:
    """A line is found by how it begins, the last one where there are several."""
    ended = Ended(0, "one\n  => not yet\n  => believed until noon\n")
    assert ended.after("=>") == "believed until noon"
    assert ended.after("fingerprint") == "NOTHING"
    assert ended.words == "one => not yet => believed until noon"


def test_a_gateway_that_remembers_nothing_has_another_folder(tmp_path: Path) -> None:
    """The configuration is the same but for the folder of what is remembered."""
    config = tmp_path / "gateway.toml"
    config.write_text('[trust]\nstate = "trust"\n', "utf-8")
    stage = cast("Stage", SimpleNamespace(layout=SimpleNamespace(config=lambda _region: config)))
    assert anew(stage, "chongqing").read_text("utf-8") == '[trust]\nstate = "anew"\n'
    assert config.read_text("utf-8") == '[trust]\nstate = "trust"\n'


def test_trust_comes_last() -> None:
    """Nothing is played after what cannot be taken back."""
    assert chapters()[-1].title == trust_chapter().title
    assert trust_chapter().steps[-1].title.startswith("one command stops the agreement")


@pytest.mark.parametrize("counter_signs", [False, True])
async def test_without_a_library_for_sm2_the_step_says_so(
    *, counter_signs: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where SM2 cannot be had, its step passes by saying that, unless the sandbox claims to sign in it."""

    def choose_provider() -> None:
        raise SuiteUnavailableError(suite="SGD_SM3_SM2", tried="nothing")

    monkeypatch.setattr(story_trust, "choose_provider", choose_provider)
    (step,) = [one for one in trust_chapter().steps if "SM2" in one.title]
    config = tmp_path / "gateway.toml"
    config.write_text("[home.partner]\n" if counter_signs else "", "utf-8")
    stage = cast("Stage", SimpleNamespace(layout=SimpleNamespace(config=lambda _region: config)))
    assert (await step.play(stage) == step.expected) is not counter_signs


async def test_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What never becomes so is waited for no longer than a while, and told as not so."""

    async def never() -> bool:
        return False

    monkeypatch.setattr(story_keys, "_WAIT_SECONDS", 0.0)
    assert not await story_keys.wait_until(never)
