"""``search.yaml`` of a run folder, from which a search is resumed or repeated."""

from typing import Any, Literal

from pydantic import field_validator, model_validator

from mtl_nas.data.older_versions import current_declaration
from mtl_nas.design import Precision
from mtl_nas.record.older_versions import current_request
from mtl_nas.settings import SearchSettings
from mtl_nas.values import Value


class Request(Value):
    """The data, space and settings with which a search was begun."""

    version: Literal[2] = 2
    data: dict[str, Any]  # the declaration: table, split, tasks, sequences; or only a name, of a frame in memory
    tasks: tuple[str, ...]
    metrics: dict[str, str] = {}  # the main metric of each task
    fingerprint: str
    space: dict[str, Any]
    space_name: str
    settings: SearchSettings = SearchSettings()
    precision: Precision = "float32"  # the precision that auto was replaced by when the search began
    versions: dict[str, str] = {}
    presets: Literal["0.1.0", "measured"] = "0.1.0"  # the sizes and inputs of the presets that the search tries

    @model_validator(mode="before")
    @classmethod
    def _read_version_1(cls, tree: Any) -> Any:
        return current_request(tree) if isinstance(tree, dict) and tree.get("version") == 1 else tree

    @field_validator("settings", mode="before")
    @classmethod
    def _read_settings_without_later_options(cls, tree: Any) -> Any:
        """Searches that name neither option are of 0.1.0: all finalists on all seeds, and no portfolio."""
        return {"compare": "full", "portfolio": False, **tree} if isinstance(tree, dict) else tree

    @field_validator("data", mode="before")
    @classmethod
    def _read_older_declaration(cls, tree: Any) -> Any:
        return current_declaration(tree) if isinstance(tree, dict) else tree
