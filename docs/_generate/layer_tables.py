"""The packages from the top layer down, each by the docstring of its ``__init__.py``."""

import ast
import tomllib
from pathlib import Path

from markdown_tables import one_line, table

ROOT = Path(__file__).parents[2]


def layers() -> str:
    """The packages in the order that import-linter holds."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    contracts = tools["importlinter"]["contracts"]
    order = next(contract["layers"] for contract in contracts if "mtl_nas.cli" in contract.get("layers", ()))
    packages = [name.strip().removeprefix("mtl_nas.") for layer in order for name in layer.split("|")]
    return table(
        ("package", "holds", "folders"), [(f"`{name}`", *_described(ROOT / "mtl_nas" / name)) for name in packages]
    )


def _described(package: Path) -> tuple[str, str]:
    file = package / "__init__.py" if package.is_dir() else package.with_suffix(".py")
    summary = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split("\n\n", maxsplit=1)[0]
    folders = sorted(path.parent.name for path in package.glob("*/__init__.py"))
    return one_line(summary), ", ".join(f"`{name}`" for name in folders)
