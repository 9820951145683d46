# SPDX-License-Identifier: Apache-2.0
"""QEMU with an emulated Nitro Secure Module (9.2 or later, built with libcbor): where it is, and machines in it."""

import lzma
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

PROGRAM = "qemu-system-x86_64"
MODULE_ID = "i-0123456789abcdef0-enc0123456789abcdef"


class EmulatorError(Exception):
    """One line for people."""


def candidates(repository: Path) -> list:
    """Where it is looked for: $NITRO_QEMU alone if it is set."""
    given = os.environ.get("NITRO_QEMU")
    if given:
        return [Path(given)]
    beside = repository.parent / "shared/tools/qemu-nsm"
    found = [beside / name for name in (PROGRAM, PROGRAM + ".xz")]
    on_path = shutil.which(PROGRAM)
    return [path for path in found if path.is_file()] + ([Path(on_path)] if on_path else [])


def runnable(path: Path, cache: Path) -> Path:
    """The program itself: out of its .xz, if that is what there is."""
    if path.suffix != ".xz":
        return path
    cache.mkdir(parents=True, exist_ok=True)
    status = path.stat()
    unpacked = cache / f"{PROGRAM}-{status.st_size}-{int(status.st_mtime)}"
    if not unpacked.is_file():
        partial = unpacked.with_suffix(".partial")
        with lzma.open(path) as source, open(partial, "wb") as target:
            shutil.copyfileobj(source, target)
        partial.chmod(0o755)
        partial.rename(unpacked)
    return unpacked


def why_not(path: Path) -> str | None:
    """What keeps it from being used; None if it has the module."""
    def ask(*arguments: str) -> str:
        done = subprocess.run([str(path), *arguments], capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr

    try:
        devices, machines = ask("-device", "help"), ask("-M", "help")
    except OSError as error:
        return str(error)
    if "virtio-nsm-pci" in devices and "nitro-enclave" in machines:
        return None
    text = devices.strip().splitlines()
    if text and "error while loading shared libraries" in text[0]:
        return text[0]
    return "it has no virtio-nsm-pci or no nitro-enclave machine (QEMU 9.2 or later built with libcbor has both)"


class Machine:
    """One virtual machine, from power-on to power-off. Its results come out of a serial port of their own, so that
    nothing that the kernel says on the console gets between them."""

    def __init__(self, qemu: Path, folder: Path, name: str, arguments: list, verbose: bool):
        self.console = folder / f"{name}.console"
        self.results = folder / f"{name}.results"
        self.results.write_bytes(b"")
        self.verbose = verbose
        data = [folder for folder in ("/usr/share/seabios", "/usr/share/qemu") if os.path.isdir(folder)]
        self.command = [
            str(qemu), *(item for folder in data for item in ("-L", folder)), "-no-user-config", "-nodefaults",
            "-display", "none", "-no-reboot", "-accel", "tcg", "-cpu", "max",
            "-serial", f"file:{self.console}", *arguments,
        ]

    def run(self, seconds: int, until=None) -> float:
        """Runs until power-off, or until `until(console)` holds; the seconds that it took."""
        began = time.monotonic()
        with open(self.console.with_suffix(".qemu"), "wb") as complaints:
            process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=complaints, stderr=complaints
            )
        follower = threading.Thread(target=self._follow, args=(process,), daemon=True)
        if self.verbose:
            follower.start()
        try:
            while process.poll() is None:
                if time.monotonic() - began > seconds:
                    raise EmulatorError(f"still running after {seconds} s; its console ends: {self.tail()}")
                if until is not None and self.console.is_file() and until(self.text()):
                    break
                time.sleep(0.1)
            else:
                if process.returncode != 0:
                    said = self.console.with_suffix(".qemu").read_text(errors="replace").strip()
                    raise EmulatorError(f"QEMU ended with {process.returncode}: {said or self.tail()}")
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        return time.monotonic() - began

    def text(self) -> str:
        return self.console.read_bytes().decode(errors="replace").replace("\r", "")

    def lines(self) -> list:
        return self.results.read_bytes().decode(errors="replace").replace("\r", "").splitlines()

    def tail(self, count: int = 4) -> str:
        if not self.console.is_file():
            return "nothing"
        return " | ".join(self.text().strip().splitlines()[-count:]) or "nothing"

    def _follow(self, process: subprocess.Popen) -> None:
        position = 0
        while process.poll() is None:
            text = self.text() if self.console.is_file() else ""
            sys.stderr.write(text[position:])
            position = len(text)
            time.sleep(0.3)
