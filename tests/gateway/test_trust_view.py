"""What an operator is shown of a peer: words by hand, and what is fetched with real anchors."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import pytest

from gateway import anchor_console
from gateway.errors import SettingsError
from gateway.federation.desk_explain import AnchorExplanation
from gateway.federation.fetch import FetchError
from gateway.federation.publisher import PUBLISHED_LAST
from gateway.hsm_address import HardwareAddress
from gateway.key_shelf import stage, switch
from gateway.settings import load_settings
from gateway.trust_view import TrustView, looking, moment, publish_own
from tests.gateway.small_federation import SmallFederation, found
from tests.trust.alliance import BELIEFS, NOW, SOUTHWEST, VISITED, long
from trust.explanation import explain_chain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.trust_side import TrustSide

FAULT = FetchError(entity=VISITED, fault="status", status="503")
BARE = AnchorExplanation(
    anchor=SOUTHWEST,
    entity=VISITED,
    agreements=("southwest-joint",),
    chain=None,
    fault=None,
    believed=None,
    revocations=(),
    missing=(),
)
GOOD = replace(BARE, chain=explain_chain(long(), beliefs=BELIEFS, now=NOW))


@dataclass(slots=True)
class FakeDesk:
    """Tells what it is given."""

    told: tuple[AnchorExplanation, ...] = ()

    def explain(self, _region: str) -> tuple[AnchorExplanation, ...]:
        """Tell it of every region."""
        return self.told


@dataclass(slots=True)
class FakeSide:
    """Of the trust of a node what the view reads."""

    desk: FakeDesk = field(default_factory=FakeDesk)


def view(*told: AnchorExplanation) -> TrustView:
    """Make a view of what a desk would tell."""
    return TrustView(cast("TrustSide", FakeSide(FakeDesk(told))), published=frozenset())


def believed() -> AnchorExplanation:
    """Give what is told of an entity that is believed."""
    assert GOOD.chain is not None
    return replace(GOOD, believed=GOOD.chain.entity)


def test_a_statement_that_cannot_be_read_is_told_as_such() -> None:
    """It has no issuer, no dates and no key to show; what follows is the first fault of the chain."""
    texts = [*long()]
    texts[1] = "x"
    broken = replace(BARE, chain=explain_chain(texts, beliefs=BELIEFS, now=NOW))
    lines = list(view().lines(broken))
    assert "  fails       statement 1 of the chain, which cannot be read" in lines
    assert not any("None" in line for line in lines)
    assert broken.chain is not None
    assert f"              {broken.chain.error}" in lines
    assert lines[-1] == f"  => not believed: {SOUTHWEST}: {broken.chain.error}"


def test_nothing_is_made_up_of_what_was_not_asked() -> None:
    """Before anything was fetched there is no chain and no fault, and it says so."""
    assert list(view().lines(BARE))[-1] == f"  => not believed: {SOUTHWEST}: not asked yet"


def test_what_was_held_back_is_told() -> None:
    """Numbers of revocations that have not come here are told, because somebody may hold them back."""
    lines = list(view().lines(replace(believed(), missing=(2, 4))))
    assert f"  missing     revocations 2, 4 of {VISITED} have not come here" in lines
    assert lines[-1].startswith("  => believed until ")


def test_a_fault_casts_doubt_only_on_what_is_believed() -> None:
    """An entity that is believed though nothing newer could be had is told with both; without a fault nothing is."""
    assert view().doubt(believed()) == ""
    assert view().doubt(replace(BARE, fault=FAULT)) == ""
    told = view().doubt(replace(believed(), fault=FAULT))
    assert told.endswith(
        "; nothing newer could be had: A document of the federation could not be fetched. (status, 503)"
    )


def test_moments_are_utc_to_the_minute() -> None:
    """A time that is not there is a dash."""
    assert (moment(None), moment(0)) == ("-", "1970-01-01 00:00Z")


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallFederation]:
    """Run two regions and their anchor."""
    with SmallFederation(found(tmp_path_factory.mktemp("view") / "two", "chongqing", "sichuan")) as running:
        running.start("chongqing", "sichuan")
        yield running


def files(folder: Path) -> dict[str, bytes]:
    """Read all that a gateway has kept, of itself and of others."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_look_changes_nothing_of_what_is_remembered(federation: SmallFederation) -> None:
    """The state of the running gateway is its own: a look beside it adds no belief, and takes no number."""
    state = federation.layout.home("sichuan") / "trust"
    kept = files(state)
    with looking(load_settings(federation.config("sichuan"))) as seen:
        (told,) = seen.explain("chongqing")
        assert told.believed is not None
        assert dict(seen.homes())["sichuan"][0].entity == federation.entity("sichuan")
        assert seen.explain("macao") == ()
        assert seen.configuration("sichuan") == federation.sides["sichuan"].homes["sichuan"].publisher.text()
        ((_, chain),) = seen.chains("sichuan")
        assert chain[0] == seen.configuration("sichuan")
    assert "sichuan/versions.json" in kept
    assert files(state) == kept


def test_a_look_before_the_first_start_remembers_nothing(tmp_path: Path) -> None:
    """A gateway that has never run has nothing out that could be handed on, and a look makes no folder for it."""
    layout = found(tmp_path / "two", "chongqing", "sichuan")
    settings = load_settings(layout.config("sichuan"))
    shutil.rmtree(settings.trust.state)
    with looking(settings) as seen:
        assert seen.configuration("sichuan") is None
        assert list(seen.chains("sichuan")) == []
    assert not settings.trust.state.exists()


def test_a_look_needs_to_read_the_state(tmp_path: Path) -> None:
    """A state folder that is none is told by its key, not as a fault of the program."""
    settings = load_settings(found(tmp_path / "two", "chongqing", "sichuan").config("sichuan"))
    shutil.rmtree(settings.trust.state)
    settings.trust.state.write_text("no folder", "utf-8")
    with pytest.raises(SettingsError, match=r"trust\.state: cannot be read"), looking(settings):
        pass


def test_what_was_published_before_a_key_changed_is_not_shown(tmp_path: Path) -> None:
    """A configuration of a key that signs no more, or one that is no configuration, is not taken for what we say."""
    settings = load_settings(found(tmp_path / "two", "chongqing", "sichuan").config("sichuan"))
    said = publish_own(settings, "sichuan")
    with looking(settings) as seen:
        assert seen.configuration("sichuan") == said
    (key,) = (home.entity.key for home in settings.home)
    assert not isinstance(key, HardwareAddress)
    stage(key, issuer=settings.home[0].entity.id)
    switch(key)
    with looking(settings) as seen:
        assert seen.configuration("sichuan") is None
    (settings.trust.state / "sichuan" / PUBLISHED_LAST).write_text("none", "ascii")
    with looking(settings) as seen:
        assert seen.configuration("sichuan") is None


def test_a_party_that_nobody_acts_for_is_told(federation: SmallFederation) -> None:
    """An agreement with a region that is no peer of this configuration names the party, and that nobody acts for it."""
    config = federation.config("sichuan").with_name("alone.toml")
    text = federation.config("sichuan").read_text("utf-8")
    start = text.index("[[peer]]")
    end = text.find("[[", start + 2)
    config.write_text(text[:start] + (text[end:] if end > 0 else ""), "utf-8")
    with looking(load_settings(config)) as seen:
        lines = {line.cells[1]: line for line in seen.parties()}
    assert lines["chongqing"].cells[2] == "nobody acts for it here"
    assert not lines["chongqing"].good


def test_a_look_sees_that_nothing_newer_can_be_had(federation: SmallFederation) -> None:
    """A member that was dropped is believed from memory, and the look tells until when and why not longer."""
    anchor_console.withdraw(federation.anchors, federation.anchor(), entity=federation.entity("chongqing"))
    with looking(load_settings(federation.config("sichuan"))) as seen:
        (told,) = seen.explain("chongqing")
        assert "nothing newer could be had" in seen.doubt(told)
        assert any(line.startswith("  not fetched ") for line in seen.lines(told))
