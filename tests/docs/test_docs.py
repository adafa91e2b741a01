"""The pages say what the program does: tables that are made from it, links that lead somewhere, commands that exist.

`.venv/bin/python -m tests.docs.page_tables` writes the tables of the pages anew.
"""

from __future__ import annotations

import re
import tomllib
import types
import typing
from pathlib import Path

import pytest
from joserfc.errors import JoseError
from pydantic import BaseModel

from adapters.catalog_rows import HEADER
from adapters.credential import by_reader_text
from adapters.words import CardStatus, Purpose
from gateway.callers import SCOPES
from gateway.rpc.status import CANCELLED, TABLE, UNFORESEEN
from gateway.settings import Settings, read_settings
from tests.docs.command_lines import commands as pasted_commands
from tests.docs.page_tables import TABLES, marked
from trust.agreement import Agreement
from trust.claims import RECOGNITION_CLAIMS, RECOGNITION_TYPE, RecognitionClaims
from trust.keys import KeyRing, SigningKey
from trust.signer import RecognitionSigner

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
REFRESH = "the table is stale; write it anew with `.venv/bin/python -m tests.docs.page_tables`"

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|href|srcset)=\"([^\"]+)\"")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_MADE = re.compile(r"(?<![\w./{$-])[\w-]+\.(?:csv|json|pack|py|update)\b(?!/)")
_METRIC = re.compile(r"\b(Counter|Gauge|Histogram|Summary|Info|Enum|\w+MetricFamily)\((?:\s*\"([a-z_]+)\")?")
_CODE = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def first_column(page: str, heading: str) -> list[str]:
    """Give the words in code type in the first column of the first table under a heading."""
    part = page.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([^`]+)` \|", part, re.MULTILINE)


def setting_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Give every key of the configuration, those of parts with the name of the part before them."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        inner = _part(field.annotation)
        found += setting_keys(inner, f"{prefix}{name}.") if inner else [f"{prefix}{name}"]
    return found


def _part(annotation: object) -> type[BaseModel] | None:
    """Find the part in an annotation such as `Part`, `Part | None` or `tuple[Part, ...]`."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((part for one in typing.get_args(annotation) if (part := _part(one))), None)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_program_says(name: str) -> None:
    """A table that is made from the program is up to date."""
    file, make = TABLES[name]
    found = marked(name).search(file.read_text("utf-8"))
    assert found is not None
    assert found[0] == make(), REFRESH


def test_every_reason_of_the_error_table_has_a_row() -> None:
    """No reason that can leave the gateway is missing on the page."""
    rows = set(re.findall(r"^\| `(\w+)` \|", (DOCS / "errors.md").read_text("utf-8"), re.MULTILINE))
    assert {row.reason for row in (*TABLE.values(), UNFORESEEN, CANCELLED)} <= rows


def test_every_card_state_has_a_row() -> None:
    """The table of states names all of them."""
    rows = re.findall(r"^\| (\w+) \| (?:allowed|refused) ", (DOCS / "verdicts.md").read_text("utf-8"), re.MULTILINE)
    assert set(rows) == {status.value for status in CardStatus}


def test_every_setting_is_explained() -> None:
    """The page on operating names every key of the configuration and no other."""
    page = (DOCS / "operate.md").read_text("utf-8")
    assert sorted(first_column(page, "Configuration")) == sorted(setting_keys(Settings))


def test_the_example_configuration_can_be_read(tmp_path: Path) -> None:
    """The file on the page on operating has everything that a gateway demands."""
    page = (DOCS / "operate.md").read_text("utf-8")
    (text,) = [m["text"] for m in _CODE.finditer(page) if m["kind"] == "toml" and "gateway =" in m["text"]]
    file = tmp_path / "gateway.toml"
    file.write_text(text, "utf-8")
    settings = read_settings(file)
    assert not settings.sandbox
    assert settings.evidence.key.name == "evidence.pem"


def test_every_scope_is_named() -> None:
    """The page on operating names every scope."""
    page = (DOCS / "operate.md").read_text("utf-8")
    assert {scope for scope in SCOPES if f"`{scope}`" in page} == SCOPES


def test_every_event_is_explained() -> None:
    """What the log can tell stands on the page on operating, in code type."""
    told = re.compile(r"(?:\.(?:event|_event|_told|_wait_out)\(\s*|\bevent=)\"([a-z_]+)\"")
    events = {name for file in (ROOT / "gateway").rglob("*.py") for name in told.findall(file.read_text("utf-8"))}
    page = (DOCS / "operate.md").read_text("utf-8")
    assert {"card_feed_broken", "evidence_alarm", "exchange_task_failed", "store_lost", "trust_believed"} <= events
    assert {name for name in events if f"`{name}`" not in page} == set()


def test_every_metric_is_explained() -> None:
    """The table of metrics names all that a module of the gateway makes, and no other."""
    texts = [file.read_text("utf-8") for file in (ROOT / "gateway").rglob("*.py")]
    made = [one for text in texts if "from prometheus_client" in text for one in _METRIC.findall(text)]
    names = {f"{name}_total" if kind == "Counter" else name for kind, name in made}
    assert "" not in names, "a name is written where the metric is made"
    assert {"onecard_calls_total", "onecard_card_copies", "onecard_exchange_waiting"} <= names
    page = first_column((DOCS / "operate.md").read_text("utf-8"), "Metrics")
    assert sorted(page) == sorted({*names, "process_*"})


def test_every_claim_is_explained() -> None:
    """The page on recognitions has the claims of the program, in their order."""
    assert first_column((DOCS / "recognition.md").read_text("utf-8"), "Claims") == list(RECOGNITION_CLAIMS)


def test_every_column_is_explained() -> None:
    """The page on catalogs has the columns of the CSV, in their order."""
    assert first_column((DOCS / "catalog.md").read_text("utf-8"), "Columns") == list(HEADER)


NOW = 1_735_700_000
HASH = "A" * 43


def recognition(key: SigningKey, *, one_time: bool = False) -> str:
    """Sign an invented recognition."""
    claims = RecognitionClaims(
        iss="chongqing", aud="sichuan", sub=HASH, iat=NOW, nbf=NOW, exp=NOW + 600, jti="page-1", item="SC-13",
        home_items=("CQ-30",), catalog_version="0123456789abcdef", purpose="service_access",
        classes={"identity": ("CUL.LIBRARY.ENTRY",)}, card_status="active", card_status_as_of=NOW, medium="physical",
        assurance="substantial", request_hash=HASH, agreement="sichuan-chongqing", one_time=one_time,
    )  # fmt: skip
    return RecognitionSigner(key).issue(claims)


def run_example(token: str, key: SigningKey, **changed: object) -> dict[str, object]:
    """Run the example of the page on a token and the key set that a web side would publish."""
    page = (DOCS / "recognition.md").read_text("utf-8")
    code = next(match["text"] for match in _CODE.finditer(page) if match["kind"] == "python")
    known: dict[str, object] = {
        "token": token,
        "key_set": KeyRing([key.public()]).jwks("chongqing"),
        "now": NOW + 5,
        "home": "chongqing",
        "visited": "sichuan",
        "item": "SC-13",
        "purpose": "service_access",
        "medium": "physical",
        "seen": set(),
        **changed,
    }
    exec(compile(code, "recognition.md", "exec"), known)  # noqa: S102 - our own page
    return known


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # the page tells it
@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_the_example_accepts_a_recognition(algorithm: str) -> None:
    """A partner's JOSE library reads what our signer signs, in the way that the page says."""
    key = SigningKey.generate(algorithm, issuer="chongqing")
    assert run_example(recognition(key), key)["granted"] == ["CUL.LIBRARY.ENTRY"]


@pytest.mark.parametrize(
    "changed",
    [
        {"now": NOW + 611},
        {"visited": "guizhou"},
        {"home": "sichuan"},
        {"item": "SC-14"},
        {"purpose": "fee_payment"},
        {"medium": "electronic"},
    ],
)
def test_the_example_refuses_what_was_not_asked_for(changed: dict[str, object]) -> None:
    """A recognition that is over, or meant for another question, fails in the example."""
    key = SigningKey.generate("ES256", issuer="chongqing")
    with pytest.raises(AssertionError):
        run_example(recognition(key), key, **changed)


def test_the_example_accepts_what_is_good_once_only_once() -> None:
    """A recognition that is good once fails in the example the second time."""
    key = SigningKey.generate("ES256", issuer="chongqing")
    token, seen = recognition(key, one_time=True), set[str]()
    run_example(token, key, seen=seen)
    with pytest.raises(AssertionError):
        run_example(token, key, seen=seen)
    run_example(recognition(key), key, seen=seen)


def test_the_purposes_and_the_assurance_are_named() -> None:
    """The page lists every purpose that a recognition can have, and the assurance that it has."""
    page = (DOCS / "recognition.md").read_text("utf-8")
    assert {purpose for purpose in Purpose if f"`{purpose.value}`" not in page} == set()
    assert "`substantial`" in page


def test_the_example_agreement_is_one() -> None:
    """The agreement on the page on operating has every key and is accepted as it stands."""
    blocks = [m["text"] for m in _CODE.finditer((DOCS / "operate.md").read_text("utf-8")) if m["kind"] == "toml"]
    (example,) = [tomllib.loads(text) for text in blocks if "data_age_limit_seconds" in text]
    agreement = Agreement.from_mapping(example)
    assert agreement.synthetic
    assert {basis.region for basis in agreement.legal_basis} == set(agreement.regions)


def test_the_example_of_a_reader_text_can_be_read() -> None:
    """The line on the page on dialects is one that a reader could give, of nobody."""
    blocks = [m["text"] for m in _CODE.finditer((DOCS / "dialects.md").read_text("utf-8")) if m["kind"] == "text"]
    (line,) = [block.strip() for block in blocks]
    assert by_reader_text(line).checks["holder.name"] == "测试丙"


def test_what_is_not_there_yet_is_told_everywhere_alike() -> None:
    """Both READMEs and the page on security have the same list of what is missing, the English ones to the letter."""
    headings = {"README.md": "There is **not yet**:", "README.zh-CN.md": "**尚未**具备：", "SECURITY.md": "these exist"}
    lists = [_bullets((ROOT / name).read_text("utf-8").partition(heading)[2]) for name, heading in headings.items()]
    assert lists[0]
    assert lists[0] == lists[2]
    assert len(lists[1]) == len(lists[0])


def _bullets(text: str) -> list[str]:
    """Give the first list of a text, without what ends its entries."""
    block = text.partition("\n- ")[2].partition("\n\n")[0]
    return [entry.rstrip(";.；。") for entry in block.split("\n- ")]


def test_every_page_is_linked_from_both_readmes() -> None:
    """A reader who starts at a README finds each page."""
    pages = {f"docs/{page.relative_to(DOCS).as_posix()}" for page in DOCS.rglob("*.md")}
    for readme in READMES:
        assert pages <= {one or other for one, other in _LINK.findall(readme.read_text("utf-8"))}


def test_the_example_refuses_another_signature() -> None:
    """A recognition whose signature belongs to another token fails in the example."""
    key = SigningKey.generate("ES256", issuer="chongqing")
    one, other = recognition(key), recognition(key)
    forged = ".".join([*one.split(".")[:1], one.split(".")[1][:-4] + "AAAA", other.split(".")[2]])
    with pytest.raises((JoseError, ValueError)):
        run_example(forged, key)


def test_the_page_names_the_type() -> None:
    """The page tells the type that the program signs with."""
    assert f"`{RECOGNITION_TYPE}`" in (DOCS / "recognition.md").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links and images name files that exist, and headings that are there."""
    text = _FENCE.sub("", page.read_text("utf-8"))
    for link in (one or other for one, other in _LINK.findall(text)):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}"


def anchors(page: Path) -> set[str]:
    """Give the anchors that the headings of a page get."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(page: Path) -> list[str]:
    """Give the command lines of a page, without comments."""
    blocks = [
        m["text"] for m in _CODE.finditer(page.read_text("utf-8")) if m["kind"] in {"sh", "shell", "bash", "console"}
    ]
    lines = [re.sub(r"\s+#\s.*$|^#.*$", "", line).strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_goes_on_with_the_request_that_it_has_made(page: Path) -> None:
    """What a page watches is what it has submitted itself, and not the oldest of a list."""
    assert not re.findall(r"^.*ListRequests.*requests/.*$", "\n".join(commands(page)), re.MULTILINE)
    assert '{"pageSize": 1}' not in "\n".join(line for line in commands(page) if line.endswith("/ListRequests"))


def test_both_readmes_are_one() -> None:
    """The two READMEs have the same headings by level and the same commands, but for request ids and language."""
    levels = [
        [len(hashes) for hashes in re.findall(r"^(#+) ", _FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)]
        for page in READMES
    ]
    assert levels[0] == levels[1]
    chinese = [
        line.replace('"requestId": "zh-', '"requestId": "readme-').replace(
            "accept-language: zh-Hans", "accept-language: en"
        )
        for line in commands(READMES[1])
    ]
    assert commands(READMES[0]) == chinese
    ids = [re.findall(r'"requestId": "([^"]+)"', page.read_text("utf-8")) for page in READMES]
    assert set(ids[0]).isdisjoint(ids[1])
    assert len({*ids[0], *ids[1]}) == len(ids[0]) + len(ids[1])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_names_no_machine(page: Path) -> None:
    """No page names a registry host, or a path of the machine it was written on."""
    hosts = (
        "py" + "pi.org",
        "python" + "hosted",
        "npm" + "js",
        "docker" + ".io",
        "gh" + "cr.io",
        "proxy.golang" + ".org",
    )
    paths = ("/" + "work/", "/" + "root/", "/" + "tmp/", "/" + "home/")
    text = page.read_text("utf-8")
    assert [word for word in (*hosts, *paths) if word in text] == []


def test_every_verb_exists() -> None:
    """A `make` verb that a page names is one of the Makefile."""
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in PAGES:
        text = page.read_text("utf-8")
        named = {*re.findall(r"`make ([a-z-]+)", text)}
        named |= {word for line in commands(page) for word in re.findall(r"^make ([a-z-]+)", line)}
        assert named <= verbs, page.name


def test_what_pasted_lines_make_is_ignored_by_git() -> None:
    """A reader's clone is as clean afterwards as it was, and only the top of it is passed over."""
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    pasted = [command.text for page in PAGES for command in pasted_commands(page.read_text("utf-8"))]
    made = {name for text in pasted for name in _MADE.findall(text)}
    assert {"gate.pack", "list.csv", "next.json", "answer.json"} <= made
    assert {f"/{name}" for name in (*made, "next.json.signatures", "by_hand.py")} <= set(ignored)
