"""The page on offline packs: its example runs, and its tables have what the program has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.trust.forge import NOW
from tests.trust.gate_packs import PINNED, card, name, packed, shown
from trust import offline_gate
from trust.offline_file import split
from trust.offline_gate import Answer, Verdict
from trust.offline_set import FingerprintSet, fingerprint

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "offline-pack.md").read_text("utf-8")


def first_column(heading: str) -> list[str]:
    """Give the words in code type in the first column of all tables under a heading."""
    part = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([^`]+)` \|", part, re.MULTILINE)


def test_the_example_runs() -> None:
    """The lines of the page allow a good card, and ask about one that is reported."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for number, verdict in ((1, Verdict.ALLOWED), (7, Verdict.ASK_ONLINE)):
        told: dict[str, object] = {
            "data": packed([card(7)]),
            "pinned": PINNED,
            "now": NOW + 60,
            "token": shown(card=name(number)),
            "card": name(number),
        }
        exec(code, told)  # noqa: S102 - an example of our own page
        answers = [told["answer"], told["other"]]
        assert [one.verdict for one in answers if isinstance(one, Answer)] == [verdict, verdict]


def test_every_claim_is_explained() -> None:
    """The statement and a home region have exactly what the page says."""
    payload = split(packed())[1].payload
    assert first_column("The file") == [*payload, *payload["regions"]["chongqing"]]


def test_every_answer_is_explained() -> None:
    """And no other."""
    assert re.findall(r"^\| `([a-z_]+)` \|", PAGE.split("## Make one")[0], re.MULTILINE) == [*Verdict]


def test_every_reason_is_explained() -> None:
    """With the answer that it belongs to, as the reference verifier gives them, and no other."""
    code = Path(offline_gate.__file__).read_text("utf-8")
    given = {
        *((reason, "ask_online") for reason in re.findall(r'raise _ask\("(\w+)"\)', code)),
        *((reason, "refused") for reason in re.findall(r'raise _refuse\("(\w+)"\)', code)),
        *((reason, "allowed") for reason in re.findall(r'self\._allowed\("(\w+)"', code)),
    }
    rows = re.findall(r"^\| ((?:`[A-Z_]+`(?:, )?)+) \| `(\w+)` \|", PAGE, re.MULTILINE)
    told = [(reason, answer) for reasons, answer in rows for reason in re.findall(r"\w+", reasons)]
    assert len(given) > 20
    assert sorted(told) == sorted(given)


@pytest.mark.parametrize("count", [1, 300])
def test_a_set_can_be_read_by_the_words_of_the_page(count: int) -> None:
    """Written once more from the page alone, by somebody who does not know the program."""
    data = split(packed([card(n) for n in range(count)]))
    section, salt = data[0].sections[0], b"\x01" * 16
    members = int.from_bytes(section[:4], "big")
    bits, rice, leading = section[4:7]
    ranges, at = 2**leading, 7
    heads = [
        (int.from_bytes(section[p : p + 2], "big"), int.from_bytes(section[p + 2 : p + 4], "big"))
        for p in range(at, at + 4 * ranges, 4)
    ]
    at += 4 * ranges
    found = []
    for number, (inside, length) in enumerate(heads):
        code = "".join(f"{byte:08b}" for byte in section[at : at + length])
        at, mark, place = at + length, number << (bits - leading), 0
        for _ in range(inside):
            ones = code.index("0", place) - place
            low = code[place + ones + 1 : place + ones + 1 + rice]
            mark += (ones << rice) + int(low or "0", 2)
            place += ones + 1 + rice
            found.append(mark)
    assert members == len(found) == count
    assert set(found) == {fingerprint(card(n), salt=salt, bits=bits) for n in range(count)}
    assert tuple(found) == FingerprintSet.read(section).fingerprints()
