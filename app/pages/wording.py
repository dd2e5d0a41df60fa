"""What services say to whoever calls them, said to whoever looks at a page: by the fields of forms, not by options."""

from __future__ import annotations

import re
from collections.abc import Mapping

ENDS = (".", "!", "?")
FIELDS: Mapping[str, str] = {
    "encoding": "Encoding",
    "delimiter": "Between the fields",
    "decimal": "Decimal sign",
    "header-rows": "Lines of column names",
    "skip-footer": "Lines at the end that are no records",
    "sheet": "Sheet",
}
"""Options of the command line by what forms call them."""
_OPTION = re.compile(r"(?:`\w+` or )?--(" + "|".join(FIELDS) + r")\b")
_COLUMN = re.compile(r"(say )?--(kind|role) .+?=(?=[a-z])")
_SCOPE = re.compile(r"expected a key or a person with the scope ([a-z_ ]+), got one with ([a-z_, ]+)")
_WHERE = re.compile(r"; say --where .*", re.DOTALL)


def marker(text: str) -> str:
    """What stands for a missing value, for people: blanks are said, for nobody sees them."""
    return text if text.strip() else "nothing but spaces" if text else "nothing"


def sentence(text: str) -> str:
    """The text for a page, as a sentence: with a capital and a full stop."""
    said = _WHERE.sub("", text)
    said = _COLUMN.sub(lambda found: f"{'choose ' if found[1] else ''}the {found[2]} ", said)
    said = _SCOPE.sub(
        r"this takes the scope \1, and you have \2; an administrator can give you a role that has it", said
    )
    said = _OPTION.sub(lambda found: f"“{FIELDS[found[1]]}”", said)
    return f"{said[:1].upper()}{said[1:]}{'' if said.endswith(ENDS) or not said else '.'}"
