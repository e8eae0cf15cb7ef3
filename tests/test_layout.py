"""The layout that a stranger can find their way in: small modules, small folders, few constructor arguments."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import mtl_nas as mn

PACKAGE = Path(mn.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))


def names(modules: list[Path]) -> list[str]:
    return [str(path.relative_to(PACKAGE)) for path in modules]


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def classes(path: Path) -> Iterator[ast.ClassDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def constructor_arguments(definition: ast.ClassDef) -> int:
    """Arguments of a written constructor, or fields of a dataclass that its constructor takes."""
    for method in definition.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            return len(method.args.args) + len(method.args.kwonlyargs) - 1
    if not any("dataclass" in ast.unparse(decorator) for decorator in definition.decorator_list):
        return 0
    fields = [ast.unparse(item) for item in definition.body if isinstance(item, ast.AnnAssign)]
    return sum("ClassVar" not in field and "init=False" not in field for field in fields)


def test_no_module_is_longer_than_250_lines_and_the_median_is_at_most_100():
    lengths = {name: lines(path) for name, path in zip(names(MODULES), MODULES, strict=True)}
    assert {name: length for name, length in lengths.items() if length > 250} == {}
    assert median(lengths.values()) <= 100


def test_no_folder_holds_more_than_18_modules():
    counts = Counter(path.parent for path in MODULES if path.name != "__init__.py")
    assert {str(folder): count for folder, count in counts.items() if count > 18} == {}


def test_no_class_takes_more_than_eight_constructor_arguments():
    definitions = [definition for path in MODULES for definition in classes(path)]
    arguments = {definition.name: constructor_arguments(definition) for definition in definitions}
    assert {name: count for name, count in arguments.items() if count > 8} == {}


def test_tests_mirror_the_package():
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    tested = {path.name for path in Path(__file__).parent.iterdir() if path.is_dir()}
    assert folders - tested <= {"design", "search_spaces"}, "designs are tested where they are composed"
