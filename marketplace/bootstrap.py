"""How a bare machine comes to run Redress: makes .venv from the hashed pins, then runs the command in it.

manage.py runs this file by its path: nothing but the standard library may be needed, `marketplace` included.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
PINS = {"runtime": ROOT / "requirements/runtime.txt", "dev": ROOT / "requirements/dev.txt"}  # dev: both
MIGRATION_COMMANDS = {"migrate", "makemigrations", "showmigrations", "sqlmigrate"}
STANDALONE_COMMANDS = {"bench", "screenshots", "make_orders_file"}  # start their own tree, or need no server


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if os.environ.get("REDRESS_NO_BOOTSTRAP", "") in {"", "0"}:
        try:
            enter_environment(command)
        except OSError as problem:
            give_up(f"The virtual environment in {VENV} can not be used: {reason(str(problem))}.")
    if command == "test":
        run_tests(sys.argv[2:])
    if command == "demo":
        run_demo(sys.argv[2:])
    run_django(command)


def run_tests(arguments: list[str]) -> NoReturn:
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])


def run_demo(arguments: list[str]) -> NoReturn:
    """Without Django: the addresses that its settings read are known only once the servers run."""
    from marketplace.demo.supervisor import main as demo

    sys.exit(demo(arguments))


def run_django(command: str) -> None:
    if command in STANDALONE_COMMANDS:
        os.environ.setdefault("REDRESS_BUILD", "1")
    else:
        use_demo_servers(command)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


def use_demo_servers(command: str) -> None:
    """Where no database is configured and a demo runs here, talk to the demo's servers."""
    if "DATABASE_URL" in os.environ:
        return
    home = Path(os.environ.get("VAR_DIR") or ROOT / "var")
    try:
        lines = (home / "demo.env").read_text().splitlines()
        os.kill(json.loads((home / "demo.lock").read_text())["pid"], 0)
    except (OSError, ValueError, KeyError):
        return  # none was started, it has ended, or it is somebody else's
    for name, _, value in (line.partition("=") for line in lines):
        os.environ.setdefault(name, value)
    if command in MIGRATION_COMMANDS:
        os.environ.setdefault("REDRESS_AS_OWNER", "1")


# --- the virtual environment


def enter_environment(command: str) -> None:
    """Go on inside .venv, which is made and filled first where that is still to be done."""
    wanted = "dev" if command == "test" else "runtime"
    inside = Path(sys.prefix).resolve() == VENV.resolve()
    somewhere = sys.prefix != sys.base_prefix and importlib.util.find_spec("django") is not None
    if somewhere and command not in {"demo", "test"}:
        return
    if not is_filled(wanted):
        with one_at_a_time():
            if not is_filled(wanted):  # another command may have done it meanwhile
                make_environment()
                install(wanted)
    if not inside:
        os.execv(VENV_PYTHON, [str(VENV_PYTHON), str(ROOT / "manage.py"), *sys.argv[1:]])


def is_filled(wanted: str) -> bool:
    """Was .venv filled from these very pins? Those for development include the others."""
    enough = ["dev"] if wanted == "dev" else ["runtime", "dev"]
    return VENV_PYTHON.exists() and any(read(stamp(pins)) == digest(pins) for pins in enough)


def make_environment() -> None:
    if VENV_PYTHON.exists() and environment_works():
        return
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        give_up(f"Python's venv module is missing. On Debian: sudo apt install python{version}-venv")
    tell("Making a virtual environment in .venv ...")
    try:
        venv.create(VENV, symlinks=True, with_pip=True)
    except OSError as problem:
        give_up(f"The virtual environment could not be made: {reason(str(problem))}.")
    except subprocess.CalledProcessError as problem:
        output = (problem.output or b"").decode(errors="replace")
        give_up(f"The virtual environment could not be made: {reason(output or str(problem))}.")


def environment_works() -> bool:
    """A Python that was upgraded or moved leaves an environment that no longer starts: away with it."""
    try:
        done = subprocess.run([VENV_PYTHON, "-m", "pip", "--version"], capture_output=True, check=False)
        if done.returncode == 0:
            return True
    except OSError:
        pass
    for entry in VENV.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    return False


def install(wanted: str) -> None:
    """pip install --require-hashes, with a line that shows how far it is."""
    total = sum("==" in line and "win32" not in line for line in PINS[wanted].read_text().splitlines())
    tell(f"Installing {total} packages into .venv; this happens once.")
    command = [str(VENV_PYTHON), "-m", "pip", "install", "--require-hashes", "--no-deps", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar=off", "-r", str(PINS[wanted])]
    output: list[str] = []
    done = 0
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        assert pip.stdout is not None  # noqa: S101  we asked for a pipe
        for line in pip.stdout:
            output.append(line.strip())
            if line.startswith(("Collecting ", "Requirement already satisfied")):
                done += 1
                show_progress(done, total, line)
            elif line.startswith("Installing collected"):
                show_progress(total, total, "unpacking them")
    end_progress()
    if pip.returncode != 0:
        give_up(f"The packages could not be installed: {reason(chr(10).join(output))}.")
    stamp(wanted).write_text(digest(wanted))


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two commands started together: the second waits until the first has filled .venv."""
    try:
        VENV.mkdir(exist_ok=True)
        directory = os.open(VENV, os.O_RDONLY)
    except OSError as problem:
        give_up(f"The virtual environment could not be made: {reason(str(problem))}.")
    try:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("Another command is filling .venv; waiting for it ...")
            fcntl.flock(directory, fcntl.LOCK_EX)
        if not os.access(VENV, os.W_OK):
            give_up(f"{VENV} does not hold the pinned packages, and this user may not write to it.")
        yield
    finally:
        os.close(directory)


def stamp(pins: str) -> Path:
    return VENV / f".redress-{pins}"


def digest(pins: str) -> str:
    return hashlib.sha256(PINS[pins].read_bytes()).hexdigest()


def read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


# --- talking to the person at the terminal


def reason(output: str) -> str:
    """The one line of an installer's output that says what is wrong."""
    if "No space left on device" in output:
        return "the disk is full"
    if "Disk quota exceeded" in output:
        return "your disk quota is used up"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or ["no message"])[-1].rstrip(".")


def show_progress(done: int, total: int, line: str) -> None:
    what = line.split()[1] if line.startswith("Collecting") else line if " " in line else ""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K  {done}/{total} {what[:60].strip()}")
    elif done % 20 == 0 or done == total:
        sys.stderr.write(f"  {done}/{total}\n")
    sys.stderr.flush()


def end_progress() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")


def tell(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def give_up(line: str) -> NoReturn:
    end_progress()
    sys.stderr.write(line + "\n")
    sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
