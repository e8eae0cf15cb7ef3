"""Audits the locked dependencies against the advisories of PyPI, or says that nothing could be audited.

``pip-audit`` reports no vulnerability for a package of which it could read no advisories. Here that is a line of its
own, and with ``--required`` an error.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

PIP_AUDIT = Path(sys.executable).with_name("pip-audit")
SHOWN = 5  # packages without advisories that are named


def reports(locks: list[str]) -> list[dict[str, object]]:
    """What pip-audit says about each package of the locks."""
    arguments = [
        "--no-deps",
        "--disable-pip",
        "--format",
        "json",
        "--progress-spinner",
        "off",
        "--vulnerability-service",
        "pypi",
    ]
    arguments += [word for lock in locks for word in ("--requirement", lock)]
    done = subprocess.run([PIP_AUDIT, *arguments], check=False, capture_output=True, text=True)
    try:
        dependencies: list[dict[str, object]] = json.loads(done.stdout)["dependencies"]
    except ValueError:  # the index cannot be reached, or a lock cannot be read
        lines = done.stderr.strip().splitlines() or ["no answer"]
        if "resolve" not in lines[-1] and "Connection" not in lines[-1]:
            sys.exit(f"audit: pip-audit failed: {lines[-1]}")
        return [{"name": "all packages", "skip_reason": lines[-1]}]
    return dependencies


def main() -> None:
    """Print what the advisories say, and exit with 1 for a vulnerable package."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("locks", nargs="+")
    parser.add_argument("--required", action="store_true", help="fail where packages could not be audited")
    options = parser.parse_args()
    dependencies = reports(options.locks)
    skipped = [str(each["name"]) for each in dependencies if "skip_reason" in each]
    vulnerable = [each for each in dependencies if each.get("vulns")]
    for each in vulnerable:
        for advisory in each["vulns"]:  # type: ignore[attr-defined]
            fixed = ", ".join(advisory["fix_versions"]) or "no version"
            print(f"audit: {each['name']} {each['version']}: {advisory['id']}, fixed in {fixed}")
    audited = len(dependencies) - len(skipped)
    if skipped:
        names = ", ".join(skipped[:SHOWN]) + (", ..." if len(skipped) > SHOWN else "")
        print(f"audit: SKIPPED for {len(skipped)} packages, as their advisories cannot be read here: {names}")
    print(f"audit: {audited} packages audited, {len(vulnerable)} with advisories")
    sys.exit(1 if vulnerable or (skipped and options.required) else 0)


if __name__ == "__main__":
    main()
