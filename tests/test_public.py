"""The public names: they resolve, they are documented, and the doors stay light."""

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import mtl_nas as mn

HEAVY = ("torch", "ray", "optuna", "pandas", "pyarrow", "networkx", "rich.console")


def loaded_by(code: str) -> list[str]:
    """Heavy modules that are loaded once the code has run in a fresh process."""
    ending = f"\nimport sys\nprint([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code + ending], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return eval(done.stderr.strip().splitlines()[-1])


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_by("import mtl_nas; mtl_nas.__version__; dir(mtl_nas)") == []


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nsys.argv = ['mtl-search', '--help']\nfrom mtl_nas.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code"
    )
    assert [name for name in loaded_by(code) if name != "rich.console"] == []


def test_holes_have_a_public_name():
    loaded_by("import mtl_nas as mn\nassert mn.space.Int(low=1, high=2) and 'space' in dir(mn)")


def test_describing_spaces_loads_no_torch():
    code = "import mtl_nas\nmtl_nas.load_space('mmoe').size()\nmtl_nas.preset_names()\nmtl_nas.Budget()"
    assert not {"torch", "ray", "optuna"} & set(loaded_by(code))


@pytest.mark.parametrize("name", mn.__all__)
def test_every_public_name_resolves_and_is_documented(name):
    public = getattr(mn, name)
    assert name in dir(mn)
    assert inspect.getdoc(public)
    assert public.__doc__ != (public.__mro__[1].__doc__ if inspect.isclass(public) else None)
    assert not inspect.ismodule(public)


@pytest.mark.parametrize("name", mn.__all__)
def test_every_public_method_is_documented(name):
    public = getattr(mn, name)
    if inspect.isclass(public):
        own = [value for key, value in vars(public).items() if not key.startswith("_") and callable(value)]
        assert all(inspect.getdoc(method) for method in own)


FUNCTIONS = [name for name in mn.__all__ if inspect.isfunction(getattr(mn, name))]
METHODS = [
    (name, method)
    for name in mn.__all__
    if inspect.isclass(getattr(mn, name))
    for method, value in vars(getattr(mn, name)).items()
    if inspect.isfunction(value) and not method.startswith("_")
]


def section(documentation: str, title: str) -> str:
    """The indented lines under a title of a Google-style docstring; empty if it has none."""
    match = re.search(rf"^{title}:\n((?:    .*\n?|\n)+)", documentation, re.MULTILINE)
    return match[1] if match else ""


def documented_parameters(function: Callable[..., object]) -> list[str]:
    return re.findall(r"^    \*{0,2}(\w+):", section(inspect.getdoc(function) or "", "Args"), re.MULTILINE)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_documents_each_of_its_parameters_and_its_result(name):
    function = getattr(mn, name)
    documentation = inspect.getdoc(function) or ""
    assert documented_parameters(function) == list(inspect.signature(function).parameters)
    assert section(documentation, "Returns") or not inspect.signature(function).parameters
    assert section(documentation, "Example")


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_public_methods_document_their_parameters(name, method):
    function = getattr(getattr(mn, name), method)
    parameters = [parameter for parameter in inspect.signature(function).parameters if parameter != "self"]
    if len(parameters) > 1 or name == "Model":
        assert documented_parameters(function) == parameters


def test_names_are_sorted_and_what_is_not_there_is_said():
    assert mn.__all__ == sorted(set(mn.__all__))
    with pytest.raises(AttributeError, match="module 'mtl_nas' has no attribute 'sarch'"):
        mn.sarch  # noqa: B018


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_takes_few_arguments_by_position(name):
    parameters = inspect.signature(getattr(mn, name)).parameters.values()
    assert len([parameter for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]) <= 3


def test_the_launcher_is_six_lines():
    launcher = Path(mn.__file__).parent.parent / "cli.py"
    if not launcher.exists():
        pytest.skip("installed without its checkout")
    assert len(launcher.read_text().splitlines()) == 6
    done = subprocess.run([sys.executable, str(launcher), "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Search multi-task-learning architectures" in done.stdout


def test_names_of_version_0_1_0_are_read():
    assert mn.encode is mn.encode_table
