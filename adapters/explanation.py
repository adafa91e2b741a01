"""One sentence in four languages that says how one region's item stands to the items of another region.

The sentence is put together from clauses; each clause stands for one facet, which it names, and for nothing else. The
words are data, one row of `PHRASES` a clause: simplified Chinese, traditional Chinese as written in Hong Kong, English,
Portuguese.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.canonical import LocalizedText
from adapters.facets import Facet
from adapters.phrases import NOTHING, Phrases, inner, item_name, joined, listed, quad
from adapters.scopes import Scope
from adapters.words import ApplicationClass, LegalStatus, Medium, Relation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adapters.canonical import ApplicationItem
    from adapters.phrases import Quad
    from adapters.taxonomy import Taxonomy

PHRASES: dict[str, Quad] = {
    "exact_one": (
        "{targets}与{source}的范围完全相同",
        "{targets}與{source}的範圍完全相同",
        "{targets} covers precisely the same as {source}",
        "{targets} abrange exatamente o mesmo que {source}",
    ),
    "exact_many": (
        "{targets}合起来与{source}的范围完全相同",
        "{targets}合起來與{source}的範圍完全相同",
        "{targets} together cover precisely the same as {source}",
        "{targets} abrangem em conjunto exatamente o mesmo que {source}",
    ),
    "broader_one": (
        "{targets}涵盖{source}的全部",
        "{targets}涵蓋{source}的全部",
        "{targets} covers all of {source}",
        "{targets} abrange a totalidade de {source}",
    ),
    "broader_many": (
        "{targets}合起来涵盖{source}的全部",
        "{targets}合起來涵蓋{source}的全部",
        "{targets} together cover all of {source}",
        "{targets} abrangem em conjunto a totalidade de {source}",
    ),
    "narrower_one": (
        "{targets}只涵盖{source}的一部分",
        "{targets}只涵蓋{source}的一部分",
        "{targets} covers only a part of {source}",
        "{targets} abrange apenas uma parte de {source}",
    ),
    "narrower_many": (
        "{targets}各涵盖{source}的一部分",
        "{targets}各涵蓋{source}的一部分",
        "{targets} each cover a part of {source}",
        "{targets} abrangem, cada um, uma parte de {source}",
    ),
    "overlapping_one": (
        "{targets}与{source}有部分相同",
        "{targets}與{source}有部分相同",
        "{targets} shares a part with {source}",
        "{targets} tem uma parte em comum com {source}",
    ),
    "overlapping_many": (
        "{targets}各与{source}有部分相同",
        "{targets}各與{source}有部分相同",
        "{targets} each share a part with {source}",
        "{targets} têm, cada um, uma parte em comum com {source}",
    ),
    "conflicting_one": (
        "{targets}与{source}有部分相同，但没有两者都允许的用法",
        "{targets}與{source}有部分相同，但沒有兩者都允許的用法",
        "{targets} shares a part with {source}, but no use is allowed by both",
        "{targets} tem uma parte em comum com {source}, mas nenhuma utilização é permitida por ambos",
    ),
    "conflicting_many": (
        "{targets}各与{source}有部分相同，但没有两者都允许的用法",
        "{targets}各與{source}有部分相同，但沒有兩者都允許的用法",
        "{targets} each share a part with {source}, but no use is allowed by both",
        "{targets} têm, cada um, uma parte em comum com {source}, mas nenhuma utilização é permitida por ambos",
    ),
    "none": (
        "目标地区没有可证明与{source}对应的现行事项",
        "目標地區沒有可證明與{source}對應的現行事項",
        "No item in force in the target catalog is shown to correspond to {source}",
        "Nenhum item em vigor no catálogo de destino corresponde comprovadamente a {source}",
    ),
    "beyond_broader": ("，此外还包括{list}", "，此外還包括{list}", " and also {list}", " e também {list}"),
    "beyond_overlapping": (
        "；超出其范围的还有：{list}",
        "；超出其範圍的還有：{list}",
        "; reaching beyond it to: {list}",
        "; para além disso, abrangendo: {list}",
    ),
    "lost_scope": (
        "；以下部分没有可证明的对应：{list}",
        "；以下部分沒有可證明的對應：{list}",
        "; without a proven match: {list}",
        "; sem correspondência comprovada: {list}",
    ),
    "lost_class_one": ("；不提供：{list}", "；不提供：{list}", "; not offered: {list}", "; não oferecido: {list}"),
    "lost_class_many": (
        "；其中有事项不提供：{list}",
        "；其中有事項不提供：{list}",
        "; not offered by every one of them: {list}",
        "; não oferecido por todos: {list}",
    ),
    "lost_medium_one": ("；不接受：{list}", "；不接受：{list}", "; not accepted: {list}", "; não aceite: {list}"),
    "lost_medium_many": (
        "；其中有事项不接受：{list}",
        "；其中有事項不接受：{list}",
        "; not accepted by every one of them: {list}",
        "; não aceite por todos: {list}",
    ),
    "draft": (
        "；草案，不产生效力：{list}",
        "；草案，不產生效力：{list}",
        "; draft that authorizes nothing: {list}",
        "; projeto que nada autoriza: {list}",
    ),
    "not_in_force": (
        "；查询之日未生效，不产生效力：{list}",
        "；查詢當日並未生效，不產生效力：{list}",
        "; not in force on the day asked about: {list}",
        "; sem vigência no dia consultado: {list}",
    ),
    "whole": ("“{name}”", "「{name}」", "“{name}”", "“{name}”"),
    "part": ("“{name}”的一部分", "「{name}」的一部分", "a part of “{name}”", "uma parte de “{name}”"),
    "rest": ("“{name}”的其他部分", "「{name}」的其他部分", "other parts of “{name}”", "outras partes de “{name}”"),
    "residue": (
        "统一事项类型以外的内容",
        "統一事項類型以外的內容",
        "matters outside every item type",
        "matérias fora de todos os tipos de item",
    ),
    "end": ("。", "。", ".", "."),
    ApplicationClass.IDENTITY: ("身份识别", "身份識別", "identity recognition", "reconhecimento de identidade"),
    ApplicationClass.DISBURSEMENT: ("资金发放", "資金發放", "disbursement", "pagamento de apoios"),
    ApplicationClass.PAYMENT: ("缴费支付", "繳費支付", "fee payment", "pagamento de taxas"),
    Medium.PHYSICAL: ("实体卡", "實體卡", "physical card", "cartão físico"),
    Medium.ELECTRONIC: ("电子卡", "電子卡", "electronic card", "cartão eletrónico"),
}

_SAY = Phrases(PHRASES)


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence, and the facet that it stands for; all parts in order are the sentence."""

    facet: Facet
    text: LocalizedText


def sentence(clauses: Sequence[Clause]) -> LocalizedText:
    """Put clauses together."""
    return joined([*(quad(clause.text) for clause in clauses), PHRASES["end"]])


def clause(facet: Facet, part: Quad) -> Clause:
    """Make a clause of a phrase that is filled."""
    return Clause(facet, LocalizedText(*part))


def explain(
    source: ApplicationItem,
    relation: Relation,
    targets: Sequence[ApplicationItem],
    idle: Sequence[ApplicationItem],
    taxonomy: Taxonomy,
) -> tuple[Clause, ...]:
    """Say how the target items stand to the source item.

    Args:
        source: the item asked about.
        relation: relation of the target items, taken together, to the source item.
        targets: items in force that the relation is about; none where it is NONE.
        idle: items that have something in common with the source and are not in force.
        taxonomy: where the names of the item types are.
    """
    mine, theirs = Scope.of(source), [Scope.of(item) for item in targets]
    number = "one" if len(targets) == 1 else "many"
    key = "none" if relation is Relation.NONE else f"{relation}_{number}"
    parts = [(Facet.SCOPE, _SAY.fill(key, source=item_name(source), targets=listed(map(item_name, targets))))]
    if targets:
        reach = "beyond_broader" if relation is Relation.BROADER else "beyond_overlapping"
        parts += [
            (Facet.SCOPE, _SAY.list_clause(reach, _beyond(mine, theirs, taxonomy))),
            (Facet.SCOPE, _SAY.list_clause("lost_scope", _lost(mine, theirs, taxonomy))),
            (Facet.CLASS, _SAY.list_clause(f"lost_class_{number}", _lost_classes(source, targets))),
            (Facet.MEDIUM, _SAY.list_clause(f"lost_medium_{number}", _lost_media(source, targets))),
        ]
    drafts = [item for item in idle if item.legal_status is LegalStatus.DRAFT]
    dormant = [item for item in idle if item.legal_status is not LegalStatus.DRAFT]
    parts += [
        (Facet.LEGAL_STATUS, _SAY.list_clause("draft", map(item_name, drafts))),
        (Facet.DATES, _SAY.list_clause("not_in_force", map(item_name, dormant))),
    ]
    return tuple(clause(facet, part) for facet, part in parts if part != NOTHING)


def scope_parts(source: ApplicationItem, target: ApplicationItem, relation: Relation, taxonomy: Taxonomy) -> list[Quad]:
    """Say how the scope of one item stands to that of another; parts that say nothing are left out."""
    mine, theirs = Scope.of(source), [Scope.of(target)]
    names = {"source": item_name(source), "targets": item_name(target)}
    reach = "beyond_broader" if relation is Relation.BROADER else "beyond_overlapping"
    parts = [_SAY.fill("none" if relation is Relation.NONE else f"{relation}_one", **names)]
    if relation is not Relation.NONE:
        parts.append(_SAY.list_clause(reach, _beyond(mine, theirs, taxonomy)))
        parts.append(_SAY.list_clause("lost_scope", _lost(mine, theirs, taxonomy)))
    return [part for part in parts if part != NOTHING]


def _named(key: str, code: str, taxonomy: Taxonomy) -> Quad:
    """Name an item type, or a part of it (UnknownItemTypeError)."""
    return _SAY.fill(key, name=inner(quad(taxonomy.get(code).name)))


def _beyond(mine: Scope, theirs: Sequence[Scope], taxonomy: Taxonomy) -> Iterable[Quad]:
    """Name what the targets cover beside the source, as far as that is proved."""
    for code in sorted(frozenset[str]().union(*(scope.touched for scope in theirs)) - mine.whole):
        if code not in mine.part:
            whole = any(code in scope.whole for scope in theirs)
            yield _named("whole" if whole else "part", code, taxonomy)
        elif any(code in scope.whole for scope in theirs):
            yield _named("rest", code, taxonomy)
    if any(scope.residue for scope in theirs):
        yield PHRASES["residue"]


def _lost(mine: Scope, theirs: Sequence[Scope], taxonomy: Taxonomy) -> Iterable[Quad]:
    """Name what of the source no target provably covers."""
    for code in sorted(mine.touched.difference(*(scope.whole for scope in theirs))):
        untouched = code in mine.whole and not any(code in scope.part for scope in theirs)
        yield _named("whole" if untouched else "part", code, taxonomy)
    if mine.residue:
        yield PHRASES["residue"]


def _lost_classes(source: ApplicationItem, targets: Sequence[ApplicationItem]) -> Iterable[Quad]:
    """Name the classes of the source that at least one target lacks."""
    return (PHRASES[c] for c in source.classes if any(c not in item.classes for item in targets))


def _lost_media(source: ApplicationItem, targets: Sequence[ApplicationItem]) -> Iterable[Quad]:
    """Name the forms of the card of the source that at least one target does not take."""
    return (PHRASES[m] for m in source.media if any(m not in item.media for item in targets))
