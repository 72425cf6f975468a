"""What the repository promises as a whole: its shape, its pins, and a few rules that no linter knows."""

from __future__ import annotations

import ast
import json
import re
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.architecture.tracked import NOT_OURS, PACKAGES, ROOT, python_files, text_of, tracked, tree

LONGEST_FILE = 400
TOP_LEVEL = {
    *PACKAGES,
    *("manage.py", "pyproject.toml", "README.md", "docker-compose.yml", "Dockerfile"),
    *("LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", ".gitignore", ".ci"),
    *("locale", "requirements", "templates", "tests"),
}
# Written in two halves, or this file would fail its own test.
INDEX_HOSTS = [
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "registry.npm" + "js.org",
    "registry.yarn" + "pkg.com",
    "--index" + "-url",
    "--extra-index" + "-url",
    "--find" + "-links",
    "--trusted" + "-host",
]


# The demo's walk talks to the product from outside, the bench's floor is another program: neither has our clock.
NO_DATABASE = ("marketplace/demo/", "returns/bench/floor/")
OTHER_CLOCKS = r"(datetime\.)*(datetime|timezone|date)\.(now|utcnow|today)"


# --- the shape


def test_nothing_else_stands_at_the_top() -> None:
    assert {path.parts[0] for path in tracked()} - TOP_LEVEL == set()


def test_no_file_is_longer_than_a_few_screens() -> None:
    long = {
        str(path): lines
        for path in tracked()
        if path.suffix in {".py", ".html", ".md", ".txt", ".toml", ".yml", ".css", ".js"}
        and path.parts[0] != "requirements"
        and not {"migrations", *NOT_OURS} & set(path.parts)
        and (lines := text_of(path).count("\n")) > LONGEST_FILE
    }
    assert long == {}


def test_the_readme_map_points_at_files_that_exist() -> None:
    readme = ROOT / "README.md"
    rows = [line for line in (readme.read_text() if readme.exists() else "").splitlines() if line.startswith("|")]
    if not rows:
        pytest.skip("README.md has no map yet")
    paths = re.findall(r"`([\w./*<>-]+/[\w./*<>-]*|[\w-]+\.(?:py|toml|yml|md))`", "\n".join(rows))
    assert paths
    assert [path for path in paths if not _exists(path)] == []


def _exists(path: str) -> bool:
    """`<app>/models.py` must exist in one app at least, `<event>` stands for any name."""
    candidates = [path]
    if "<app>" in path:
        candidates = [path.replace("<app>", package) for package in PACKAGES]
    return any(any(ROOT.glob(re.sub(r"<\w+>", "*", candidate).rstrip("/"))) for candidate in candidates)


# --- the pins


def test_no_file_names_a_package_index() -> None:
    found = {str(path): host for path in tracked() for host in INDEX_HOSTS if host in text_of(path)}
    assert found == {}


@pytest.mark.parametrize("pins", ["runtime.txt", "dev.txt"])
def test_every_pin_carries_hashes(pins: str) -> None:
    content = (ROOT / "requirements" / pins).read_text()
    requirements = re.split(r"\n(?=\S)", content.replace("\\\n", " ").strip())
    loose = [line for line in requirements if not re.match(r"^[\w.\[\]-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)]
    assert loose == []


def test_both_sets_of_pins_agree() -> None:
    def versions(pins: str) -> set[str]:
        return set(re.findall(r"^[\w.\[\]-]+==\S+", (ROOT / "requirements" / pins).read_text(), flags=re.MULTILINE))

    assert versions("runtime.txt") - versions("dev.txt") == set()


# --- the production shape


def test_the_compose_file_follows_the_schema() -> None:
    schema = resources.files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json")
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    jsonschema.validate(compose, json.loads(schema.read_text()))


def test_the_compose_file_names_only_what_it_defines() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services = compose["services"]
    assert {"web", "worker", "beat", "migrate", "postgres", "redis"} <= set(services)
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        named = {volume.split(":")[0] for volume in service.get("volumes", []) if not volume.startswith(("/", "."))}
        assert named <= set(compose.get("volumes", {})), name


def test_the_image_holds_every_package() -> None:
    copied = set(re.findall(r"^COPY (?:--\S+ )*(\S+)/? \./", text_of(Path("Dockerfile")), flags=re.MULTILINE))
    copied |= set(re.findall(r"^COPY (?:--\S+ )*(\w+) (?:\./)?\1/?$", text_of(Path("Dockerfile")), flags=re.MULTILINE))
    needed = {path.parts[0] for path in tracked()} & {*PACKAGES, "templates", "locale"}
    assert needed - copied == set()


# --- rules about the code


def test_no_task_is_put_off_for_long() -> None:
    """Redis delivers a task again after its visibility timeout: long waits are rows that a sweep finds."""
    found = []
    for path in python_files():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.keyword) and node.arg in {"eta", "countdown"}:
                value = node.value.value if isinstance(node.value, ast.Constant) else None
                if not (isinstance(value, int | float) and value <= 60):
                    found.append(f"{path}:{node.value.lineno} {node.arg}")
    assert found == []


def test_the_state_machine_library_has_one_importer() -> None:
    importers = [str(path) for path in python_files() if _imports(tree(path), "django_fsm")]
    assert set(importers) <= {"marketplace/fsm.py"}


def _imports(module: ast.Module, name: str) -> bool:
    return any(
        (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == name for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == name)
        for node in ast.walk(module)
    )


def test_only_the_clock_asks_for_the_time() -> None:
    """`clock.now()` is the database's time; two clocks would disagree at a deadline."""
    found = []
    for path in python_files():
        if str(path) == "marketplace/clock.py" or str(path).startswith(NO_DATABASE):
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute) and re.fullmatch(OTHER_CLOCKS, ast.unparse(node)):
                found.append(f"{path}:{node.lineno} {ast.unparse(node)}")
    assert found == []
