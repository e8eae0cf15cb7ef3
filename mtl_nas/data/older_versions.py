"""Declarations that version 0.1.0 wrote into run folders and encoded folders."""

from collections.abc import Mapping
from typing import Any

from mtl_nas.values import translation


@translation
def current_declaration(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A complete declaration: version 0.1.0, which did not write ``stratified``, did not stratify."""
    data = tree.get("data") or {}
    split = data.get("split") or {}
    if not isinstance(split, Mapping):  # the word "random"
        split = {}
    return {**tree, "data": {**data, "split": {"stratified": False, **split}}}
