"""The finder of commands in pages, on a page made for it."""

from __future__ import annotations

from tests.docs.command_lines import PageCommand, commands

PAGE = r"""# A page

    grpcurl is not run from an indented block

```sh
make sandbox
# which regions there are
# shows: "chongqing"
# shows: REGION_ROLE_HOME
grpcurl -cacert .sandbox/ca.pem \
  -H "authorization: Bearer $(.venv/bin/onecard token sichuan)" \
  127.0.0.1:18507 onecard.gateway.v1.RegionService/ListRegions
.venv/bin/onecard token sichuan
```

1. In a list:

   ```console
   TOKEN=$(onecard token sichuan)
   # expects: NOT_FOUND UNKNOWN_REGION
   $ grpcurl -d '{
     "name": "regions/atlantis"
   }' localhost:18507 onecard.gateway.v1.RegionService/GetRegion
   ```

~~~
# expects: OK

grpcurl -d @ 127.0.0.1:18508 x/Y <<'END'
{"a": "
```
"}
END
onecard catalog show chongqing CQ-30
onecard sandbox --keep
curl http://127.0.0.1:18607/readyz
~~~

A line of text with `grpcurl 127.0.0.1:18500` is no command.
"""


def test_commands_of_a_page_are_found() -> None:
    """Continued, quoted, indented and here-document commands are found whole, each with its promises."""
    regions, token, region, here, show, sandbox = commands(PAGE)
    assert regions.line == 10
    assert regions.text.count("\n") == 2
    assert regions.shows == ('"chongqing"', "REGION_ROLE_HOME")
    assert token == PageCommand(13, ".venv/bin/onecard token sichuan")
    assert region.expects == "NOT_FOUND UNKNOWN_REGION"
    assert region.before == ("TOKEN=$(onecard token sichuan)",)
    assert region.text.startswith('grpcurl -d \'{\n  "name"')
    assert region.text.endswith("GetRegion")
    assert (here.expects, here.text.splitlines()[-1]) == ("", "END")
    assert (show.text, show.is_grpcurl, show.goes_on) == ("onecard catalog show chongqing CQ-30", False, False)
    assert sandbox.goes_on


def test_ports_are_moved() -> None:
    """Ports of the default sandbox are moved to those of another one, and no others."""
    moved = commands(PAGE)[0].on_ports(20000)
    assert "127.0.0.1:20007" in moved.text
    assert PageCommand(1, "grpcurl localhost:9999 127.0.0.1:18799").on_ports(20000).text == (
        "grpcurl localhost:9999 127.0.0.1:20299"
    )


def test_a_page_without_commands_has_none() -> None:
    """A page may have no block, an empty one, or one that is never closed."""
    assert commands("") == []
    assert commands("```\n```\n") == []
    assert commands("```\ngrpcurl a b\n") == []
