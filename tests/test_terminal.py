"""Names of columns and tasks cannot act on a terminal."""

import io

from rich.table import Table

from mtl_nas.terminal import Terminal, print_line, visible

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\r"
SHOWN = r"\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\r"


def test_control_characters_are_visible_and_line_ends_stay():
    assert visible(f"a\n\t{HOSTILE}é") == f"a\n\t{SHOWN}é"


def test_a_printed_line_holds_no_control_character():
    output = io.StringIO()
    print_line(HOSTILE, file=output)
    assert output.getvalue() == f"{SHOWN}\n"


def test_a_table_on_a_terminal_has_colours_of_its_own_alone():
    output = io.StringIO()
    table = Table(title=HOSTILE)
    table.add_column(HOSTILE, width=80)
    table.add_row(HOSTILE, style="bold")
    console = Terminal(file=output, force_terminal=True, width=120, highlight=False)
    console.print(table, HOSTILE)
    text = output.getvalue()
    assert text.count(r"\x1b]0;owned\x1b[2J\x9b31m\u202egnp") == 4  # rich takes out bells and carriage returns
    assert "\x1b[1m" in text
    assert not {"\x07", "\x9b", "\u202e", "\r"} & set(text)
    assert "\x1b]" not in text
    assert "\x1b[2J" not in text
