"""Writes the tables of the reference pages from the code that they describe.

    python docs/_generate/tables.py            # writes them
    python docs/_generate/tables.py --check    # names the pages that differ, and fails if there are any

A table stands between ``<!-- table: KIND ARGUMENTS -->`` and ``<!-- end of table -->``; KIND is a key of ``KINDS``.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from command_tables import commands
from layer_tables import layers
from option_tables import options, sections
from registry_tables import data_sets, events, presets, samplers, spaces

PAGES = Path(__file__).parents[1]
TABLE = re.compile(r"(<!-- table: (\w+) ?(.*?) -->\n).*?(<!-- end of table -->)", re.DOTALL)
KINDS: dict[str, Callable[..., str]] = {
    "options": options,
    "commands": commands,
    "presets": presets,
    "samplers": samplers,
    "sections": sections,
    "spaces": spaces,
    "data_sets": data_sets,
    "events": events,
    "layers": layers,
}


def with_tables(page: str) -> str:
    """The text of a page with its tables written anew."""
    return TABLE.sub(lambda match: f"{match[1]}\n{KINDS[match[2]](*match[3].split())}\n\n{match[4]}", page)


def main() -> int:
    """Write the pages whose tables differ from the code, or name them."""
    check, different = "--check" in sys.argv, []
    for page in sorted(PAGES.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        written = with_tables(text)
        if written != text:
            different.append(str(page.relative_to(PAGES.parent)))
            if not check:
                page.write_text(written, encoding="utf-8")
    print("\n".join(different))
    return 1 if check and different else 0


if __name__ == "__main__":
    sys.exit(main())
