"""A hook of MkDocs: files of the repository that are pages too, and the folder of this file that is none.

Every script in ``examples/`` is a page, and so are CHANGELOG.md and CONTRIBUTING.md.
"""

import ast
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
QUOTES = '"""'
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside docs/."""
    for name in ("CHANGELOG", "CONTRIBUTING"):
        text = (ROOT / f"{name}.md").read_text(encoding="utf-8")
        inside = re.sub(r"\]\((?:docs/)([^)]*)\)", r"](\1)", text)
        files.append(
            File.generated(config, f"{name.lower()}.md", content=inside.replace("](README.md)", "](index.md)"))
        )
    for script in EXAMPLES:
        code = script.read_text(encoding="utf-8")
        title, _, rest = (ast.get_docstring(ast.parse(code)) or script.stem).partition("\n")
        usage, _, text = rest.strip().partition("\n")
        body = code.split(QUOTES, 2)[-1].lstrip()
        page = f"# {title.rstrip('.')}\n\n{text.strip()}\n\n    {usage}\n\n```python\n{body}```\n"
        files.append(File.generated(config, f"tutorial/examples/{script.stem}.md", content=page))
    return files
