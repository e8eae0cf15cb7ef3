"""Checks that the lock with hashes and the SBOM of a release name every locked dependency, each with its hashes."""

import json
import re
import sys
from pathlib import Path

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def normalized(name: str) -> str:
    """The name of a package as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, str]:
    """Versions by the normalized name of a package."""
    return {normalized(name): version for name, version in PIN.findall(text)}


def main() -> None:
    """Stop with the first dependency that is missing."""
    folder = Path(sys.argv[1])
    locked = pins(Path("requirements.lock").read_text(encoding="utf-8"))
    hashed = (folder / "requirements.hashed.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[A-Za-z0-9])", hashed.strip())
    bare = [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry]
    (bill,) = folder.glob("*.cdx.json")
    components = json.loads(bill.read_text(encoding="utf-8"))["components"]
    listed = {normalized(each["name"]): each.get("version") for each in components}
    for what, versions in (("the lock with hashes", pins(hashed)), ("the SBOM", listed)):
        differing = sorted(name for name in locked if versions.get(name) != locked[name])
        if differing:
            sys.exit(f"release: {what} lacks {differing[0]}=={locked[differing[0]]} of requirements.lock")
    if bare:
        sys.exit(f"release: no hash for {bare[0]}")
    print(f"release: {len(locked)} locked dependencies, all with hashes and in the SBOM")


if __name__ == "__main__":
    main()
