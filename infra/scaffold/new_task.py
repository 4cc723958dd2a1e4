"""Stamps a new task: its folder, its stanza in template.yaml and a first test, then runs the contract test on it.

    make task NAME=toxicity

What is stamped works as it stands, with two made-up labels; the README's checklist says what has to become the task's
own.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEMPLATES = Path(__file__).parent / "text_classification"
PATTERN = "news_category"
"""The task whose stanza is copied: the new one is right because the old one is."""


class ScaffoldError(ValueError):
    """The task cannot be stamped; the message says why."""


def check_name(name: str, root: Path) -> None:
    """Refuse a name that cannot be a package, a function's name and an S3 prefix, or is taken.

    Raises:
        ScaffoldError: with the rule that it breaks.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{2,29}", name):
        raise ScaffoldError(f"NAME={name!r}: 3 to 30 lower-case letters, digits and underscores, a letter first")
    if (_tasks(root) / name).exists() or (_tasks(root) / f"{name}.py").exists():
        raise ScaffoldError(f"NAME={name!r}: there is one already, {_tasks(root) / name}")


def stamp(name: str, root: Path) -> list[Path]:
    """Write the folder, the test and the stanza -> the files that are new or changed."""
    folder = _tasks(root) / name
    written = []
    for source in sorted(TEMPLATES.glob("*.txt")):
        target = folder / source.stem
        if source.stem.startswith("test_"):
            target = root / "tests" / "unit" / "tasks" / name / source.stem
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source.read_text().replace("@name@", name))
        written.append(target)
    modules = [str(path) for path in written if path.suffix == ".py"]
    # The order of imports and the width of lines depend on the name.
    for tidy in (["check", "--fix", "--quiet"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *tidy, *modules], cwd=root, check=True)
    template = root / "template.yaml"
    template.write_text(with_stanza(template.read_text(), name))
    return [*written, template]


def with_stanza(template: str, name: str) -> str:
    """Give the template with the predict function, log group and subscription of a new task behind those of the others.

    Raises:
        ScaffoldError: the stanza to copy is not where it was.
    """
    resource = f"Predict{''.join(word.capitalize() for word in name.split('_'))}"
    pattern = f"Predict{''.join(word.capitalize() for word in PATTERN.split('_'))}"
    stanza = re.search(rf"^  {pattern}:\n(?:    .*\n)+", template, flags=re.MULTILINE)
    logs = re.search(rf"^  {pattern}Logs:.*\n", template, flags=re.MULTILINE)
    lines = re.search(rf"^  {pattern}Lines:.*\n", template, flags=re.MULTILINE)
    if stanza is None or logs is None or lines is None:
        raise ScaffoldError(f"template.yaml has no {pattern}, {pattern}Logs and {pattern}Lines to copy")
    # The later one first, so that the earlier ones' places stay right.
    for found in sorted((stanza, logs, lines), key=lambda found: -found.start()):
        copy = found.group().replace(pattern, resource).replace(PATTERN, name)
        gap = "\n" if found is stanza else ""
        template = template[: found.end()] + gap + copy + template[found.end() :]
    return template


def open_points(name: str, root: Path) -> list[str]:
    """Points of the README's checklist that are not ticked."""
    return re.findall(r"^- \[ \] (.+)$", (_tasks(root) / name / "README.md").read_text(), flags=re.MULTILINE)


def run_contract_test(name: str, root: Path) -> int:
    """Hold the new folder to the contract, less the checklist that its author ticks; gives pytest's status."""
    test = root / "tests" / "contract" / "test_task_folders.py"
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(test),
        "-q",
        "-k",
        f"{name} and not test_readme",
        "-p",
        "no:cacheprovider",
    ]
    path = os.pathsep.join([str(root / "layers" / "platform"), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(command, cwd=root, env=os.environ | {"PYTHONPATH": path}, check=False).returncode


def _tasks(root: Path) -> Path:
    return root / "layers" / "platform" / "infolens" / "tasks"


def main() -> int:
    """Stamp, test, and say what is left to do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="name of the task: lower case, underscores")
    parser.add_argument("--root", type=Path, default=ROOT, help="checkout to write to")
    given = parser.parse_args()
    try:
        check_name(given.name, given.root)
        written = stamp(given.name, given.root)
    except ScaffoldError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for path in written:
        print(f"  {path.relative_to(given.root)}")
    status = run_contract_test(given.name, given.root)
    print(f"\nLeft to do, then tick it in {_tasks(given.root).relative_to(given.root) / given.name / 'README.md'}:")
    for point in open_points(given.name, given.root):
        print(f"  - {point}")
    print("\nThen: make check, and make deploy.")
    return status


if __name__ == "__main__":
    sys.exit(main())
