"""An extension of griffe, the reader of docstrings: conventions of this code that griffe does not know."""

import re
from importlib import import_module
from typing import Any

import griffe


class Conventions(griffe.Extension):
    """Read ``Example:`` as a section of examples, and the description of a pydantic field as its docstring."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rename the heading of a section with one example."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)

    def on_attribute_instance(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """Take over ``Field(..., description=...)``; a description that is computed is read from the class."""
        if attr.docstring is not None or not isinstance(attr.value, griffe.ExprCall):
            return
        keywords = [part for part in attr.value.arguments if isinstance(part, griffe.ExprKeyword)]
        if any(keyword.name == "description" for keyword in keywords) and attr.parent is not None:
            owner = getattr(import_module(attr.module.path), attr.parent.name)
            attr.docstring = griffe.Docstring(owner.model_fields[attr.name].description, parent=attr)
