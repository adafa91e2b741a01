"""The commands about catalogs: `onecard catalog`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.reasons import Language

catalog_app = typer.Typer(no_args_is_help=True, help="Look into catalogs, keep a list, and publish its versions.")

Region = Annotated[str, typer.Argument(help="Region code, such as chongqing; `onecard regions` lists them.")]
Spoken = Annotated[Language, typer.Option("--language", help="Language of names, headings and sentences.")]
Item = Annotated[str, typer.Argument(help="Item, such as CQ-30; `onecard catalog list` lists them.")]
Document = Annotated[Path, typer.Argument(help="Document of a version; its signatures lie beside it.")]
Kept = Annotated[
    Path | None,
    typer.Option("--config", help="Configuration of a gateway, TOML: the last version that it knows, signed by all."),
]
_DAY = "%Y-%m-%d"


@catalog_app.command("list")
def catalog_list(
    region: Annotated[str, typer.Argument(help="Region code; all where it is left out.")] = "",
    language: Spoken = Language.EN,
) -> None:
    """List the items of one region's catalog, or of all."""
    from gateway.console import print_items

    print_items(region, language)


@catalog_app.command("show")
def catalog_show(region: Region, item: Item, language: Spoken = Language.EN) -> None:
    """Show one item with all that is known of it."""
    from gateway.console import print_item

    print_item(region, item, language)


@catalog_app.command("translate")
def catalog_translate(
    region: Region,
    item: Item,
    target: Annotated[str, typer.Argument(help="Region in whose catalog to look, such as sichuan.")],
    language: Spoken = Language.EN,
) -> None:
    """Say what an item corresponds to in another region today, how exactly, and what is lost."""
    from gateway.console import print_translation

    print_translation(region, item, target, language)


@catalog_app.command("import")
def catalog_import(
    file: Annotated[Path, typer.Argument(help="CSV, XLSX, JSON-LD, or the printed table of a plan as text with tabs.")],
    base: Annotated[
        str, typer.Option("--base", help="List of which it is a version; lends what a plan does not print.")
    ] = "",
    answers: Annotated[Path | None, typer.Option("--answers", help="Decisions on doubts, TOML.")] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Catalog: .csv, .xlsx or .jsonld.")] = None,
    prefix: Annotated[str, typer.Option("--prefix", help="Two letters of the identifiers of a plan's rows.")] = "XX",
    layer: Annotated[str, typer.Option("--layer", help="Layer of a plan's rows.")] = "province",
    source: Annotated[str, typer.Option("--source", help="Title of the text that a plan is of.")] = "",
    article: Annotated[str, typer.Option("--article", help="Its article; {number} is the row.")] = "附件第{number}行",
    first_day: Annotated[str, typer.Option("--from", help="First day in force, YYYY-MM-DD.")] = "",
) -> None:
    """Read a table, tell every repair, doubt and fault, and write a catalog only if nothing is left open.

    Ends with 1 as long as a doubt or a fault is.
    """
    from adapters.plan_import import Frame
    from gateway.catalog_console import import_table

    frame = Frame(prefix=prefix, layer=layer, source=source, article=article, effective_from=first_day)
    raise typer.Exit(import_table(file, frame, base=base, answers=answers, output=output))


@catalog_app.command("export")
def catalog_export(
    catalog: Annotated[
        str, typer.Argument(help="Region code, another catalog such as sichuan-chongqing, or a document (.json).")
    ],
    output: Annotated[Path, typer.Argument(help="File: .csv, .xlsx or .jsonld.")],
    config: Kept = None,
) -> None:
    """Write a list as CSV, as a spreadsheet, or as linked data (SKOS and schema.org).

    Without a document or a configuration it is the one that ships, whatever has been published since.
    """
    from gateway.catalog_console import export_catalog
    from gateway.catalog_versions import version_of

    export_catalog(version_of(catalog, config=config), output)


@catalog_app.command("draft")
def catalog_draft(
    file: Annotated[Path, typer.Argument(help="The items: .csv, .xlsx or .jsonld.")],
    catalog: Annotated[str, typer.Option("--catalog", help="Catalog of which it is the next version.")],
    output: Annotated[Path, typer.Option("--output", help="Document to make.")],
    first_day: Annotated[datetime, typer.Option("--from", formats=[_DAY], help="First day, YYYY-MM-DD.")],
    after: Annotated[
        Path | None, typer.Option("--after", help="Document of the version it replaces; what ships where left out.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3660, help="Days that it lives as a cached copy.")] = 365,
    config: Kept = None,
) -> None:
    """Make the next version of a catalog, for its regions to sign, and tell what it changes.

    Ends with 1 and every fault where it has some.
    """
    from gateway.catalog_versions import draft_version, version_of

    before = version_of(catalog if after is None else after, config=config)
    raise typer.Exit(draft_version(file, before=before, first_day=first_day.date(), days=days, output=output))


@catalog_app.command("sign")
def catalog_sign(
    document: Document,
    config: Annotated[Path, typer.Option("--config", help="Configuration file of the gateway, TOML.")],
    home: Annotated[str, typer.Option("--home", help="Home region, where the gateway serves several.")] = "",
) -> None:
    """Sign a version for your region; adds a line to the file of signatures beside it."""
    from gateway.catalog_versions import sign_version

    sign_version(config, document, region=home)


@catalog_app.command("check")
def catalog_check(
    document: Document,
    keys: Annotated[
        list[str], typer.Option("--keys", help="REGION=FILE: the region's JWK set or entity configuration.")
    ],
) -> None:
    """Say who has signed a version; ends with 1 while a signature is missing. Needs public keys and nothing else."""
    from gateway.catalog_versions import check_version

    told = dict(one.partition("=")[::2] for one in keys)
    raise typer.Exit(check_version(document, {region: Path(file) for region, file in told.items()}))


@catalog_app.command("publish")
def catalog_publish(
    document: Document,
    gateway: Annotated[str, typer.Option("--gateway", help="Address of your region's gateway, host:port.")],
    ca: Annotated[Path, typer.Option("--ca", help="The CA of its certificate, PEM.")],
    token: Annotated[str, typer.Option("--token", help="Bearer token with the scope catalog.publish.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say only what is wrong.")] = False,
) -> None:
    """Publish a version with the signatures beside it; ends with 1 where a dry run finds faults."""
    from gateway.catalog_versions import publish_version

    raise typer.Exit(publish_version(document, gateway=gateway, ca=ca, token=token, dry_run=dry_run))
