"""An extension of griffe, the reader of docstrings: conventions of this code that griffe does not know."""

import ast
import re
from typing import Any

import griffe


class Conventions(griffe.Extension):
    """Read ``Example:`` as a section of examples, and the description of a pydantic field as its docstring."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rename the heading of a section with one example."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)

    def on_attribute_instance(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """Take over ``Field(..., description=...)``."""
        if attr.docstring is None and isinstance(attr.value, griffe.ExprCall):
            for argument in attr.value.arguments:
                if isinstance(argument, griffe.ExprKeyword) and argument.name == "description":
                    attr.docstring = griffe.Docstring(str(ast.literal_eval(str(argument.value))), parent=attr)
