"""Fetches the style sheets and icons of others by `npm pack`, or checks the committed copies by their sums."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

HERE = Path(__file__).resolve().parents[2]
LIST = HERE / "static_sources" / "vendor.json"
TARGET = HERE / "static" / "vendor"


class Command(BaseCommand):
    help = "Fetch vendored static files again, or check them: --check needs no network."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="compare the committed files with the list")
        parser.add_argument("--accept", action="store_true", help="write the new sums into the list")

    def handle(self, *args: Any, **options: Any) -> None:
        packages = json.loads(LIST.read_text())
        for package in packages:
            built = {} if options["check"] else self.fetch(package, accept=options["accept"])
            for name, wanted in package["sha256"].items():
                data = built.get(name) or (TARGET / name).read_bytes()
                if sha256(data) != wanted:
                    raise CommandError(f"{name} is not the file that {LIST.name} names.")
                if built:
                    (TARGET / name).parent.mkdir(parents=True, exist_ok=True)
                    (TARGET / name).write_bytes(data)
                self.stdout.write(f"{name} ok, {len(data):,} bytes")
        if options["accept"]:
            LIST.write_text(json.dumps(packages, indent=1) + "\n")

    def fetch(self, package: dict[str, Any], *, accept: bool) -> dict[str, bytes]:
        """The files of one package as they will stand under static/vendor/, by their names there."""
        with tempfile.TemporaryDirectory() as folder:
            spec = f"{package['package']}@{package['version']}"
            packed = subprocess.run(
                ["npm", "pack", "--silent", spec], cwd=folder, check=True, capture_output=True, text=True
            )
            archive = Path(folder) / packed.stdout.split()[-1]
            package_sum = sha256(archive.read_bytes())
            if accept:
                package["archive_sha256"] = package_sum
            if package_sum != package["archive_sha256"]:
                raise CommandError(f"{spec} is not the archive that {LIST.name} names.")
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
            root = Path(folder) / "package"
            built = {new: without_map((root / old).read_bytes()) for new, old in package["files"].items()}
            for new, layer in package.get("layered", {}).items():
                built[new] = in_layer(built[new], layer)
            for new, names in package.get("sprites", {}).items():
                built[new] = sprite(root / "icons", names)
        if accept:
            package["sha256"] = {name: sha256(data) for name, data in built.items()}
        return built


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def without_map(data: bytes) -> bytes:
    """The source map is not vendored, and a manifest storage refuses a file that names a missing one."""
    return re.sub(rb"\n?/\*# sourceMappingURL=.*?\*/\n?", b"\n", data)


def in_layer(css: bytes, layer: str) -> bytes:
    """The whole sheet in a cascade layer: any rule of ours outside of it wins."""
    return b"@layer " + layer.encode() + b" {\n" + css.removeprefix(b'@charset "UTF-8";').strip() + b"\n}\n"


def sprite(icons: Path, names: list[str]) -> bytes:
    """One file of symbols: `<use href="icons.svg#house">` draws one of them in the colour of its text."""
    symbols = []
    for name in names:
        drawing = re.search(r"<svg[^>]*>(.*)</svg>", (icons / f"{name}.svg").read_text(), re.DOTALL)
        if drawing is None:
            raise CommandError(f"{name} is no icon.")
        shapes = re.sub(r"\s*\n\s*", "", drawing.group(1))
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>')
    return ('<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n").encode()
