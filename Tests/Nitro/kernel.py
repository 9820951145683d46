# SPDX-License-Identifier: Apache-2.0
"""Debian's kernel with nsm.ko, out of its package, without installing anything.

The package comes by apt with a configuration of its own: the machine's suites, lists and packages stay as they are, and
no privilege is needed. apt checks it against Debian's signature, and this file against a pinned digest.
"""

import hashlib
import lzma
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

SUITE = "bookworm-backports"
MIRROR = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# To take another: `apt-cache policy` in the suite, `sha256sum` of the .deb; both lines together.
VERSION = "6.12.95-1~bpo12+1"
SHA256 = "69c92f43b23821de79576fa4d7c86e2924ae2c1b247a47cc5ed9339e220fbcb7"

PACKAGE = "linux-image-{abi}-cloud-amd64"
# Debian's 6.1 has no NSM driver; any 6.12 has the same one.
CANDIDATES = re.compile(r"^linux-image-6\.12\.[0-9.]+\+deb12(\.[0-9]+)?-cloud-amd64$")


class KernelError(Exception):
    """One line for people."""


@dataclass
class Kernel:
    version: str
    image: Path
    modules: Path
    config: Path
    is_pinned: bool

    def module(self, name: str) -> bytes:
        """The bytes of a module; KeyError if it is built in."""
        wanted = name.replace("-", "_")
        for path in self.modules.rglob("*.ko*"):
            if path.name.split(".ko")[0].replace("-", "_") == wanted:
                return lzma.open(path).read() if path.suffix == ".xz" else path.read_bytes()
        raise KeyError(name)


def find(cache: Path, say) -> Kernel:
    """The pinned kernel; another 6.12 of the suite, said aloud, when Debian has moved on; or the .deb that
    $NITRO_KERNEL_DEB names, as it is."""
    cache.mkdir(parents=True, exist_ok=True)
    given = os.environ.get("NITRO_KERNEL_DEB")
    if given:
        if not Path(given).is_file():
            raise KernelError(f"$NITRO_KERNEL_DEB: {given} does not exist")
        say(f"kernel: {given} ($NITRO_KERNEL_DEB)")
        return _unpack(Path(given), cache, is_pinned=False)
    for path in cache.glob("*.deb"):
        if _sha256(path) == SHA256:
            return _unpack(path, cache, is_pinned=True)
    apt = _Apt(cache)
    package = PACKAGE.format(abi=VERSION.split("-")[0] + "+deb12")
    available = apt.versions()
    if available.get(package) == VERSION:
        path = apt.download(package, VERSION)
        found = _sha256(path)
        if found != SHA256:
            path.unlink()
            raise KernelError(f"{package} {VERSION} has SHA-256 {found}, not the pinned one: not used")
        return _unpack(path, cache, is_pinned=True)
    if not available:
        raise KernelError(f"{SUITE} has no 6.12 cloud kernel: name a .deb with nsm.ko in $NITRO_KERNEL_DEB")
    package = sorted(available, key=lambda name: [int(n) for n in re.findall(r"\d+", available[name])])[-1]
    path = apt.download(package, available[package])
    say(
        f"kernel: NOTE: {VERSION}, which this test pins, is no longer in {SUITE}: using {available[package]}, checked "
        f"against Debian's signature alone (SHA-256 {_sha256(path)}). Pin it in Tests/Nitro/kernel.py."
    )
    return _unpack(path, cache, is_pinned=False)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _unpack(package: Path, cache: Path, is_pinned: bool) -> Kernel:
    root = cache / ("kernel-" + _sha256(package)[:16])
    if not root.is_dir():
        partial = root.with_suffix(".partial")
        subprocess.run(["rm", "-rf", str(partial)], check=True)
        subprocess.run(["dpkg-deb", "-x", str(package), str(partial)], check=True)
        partial.rename(root)
    images = sorted((root / "boot").glob("vmlinuz-*"))
    if not images:
        raise KernelError(f"{package} holds no kernel")
    version = images[0].name.removeprefix("vmlinuz-")
    kernel = Kernel(
        version, images[0], root / "lib/modules" / version, root / f"boot/config-{version}", is_pinned
    )
    try:
        kernel.module("nsm")
    except KeyError:
        raise KernelError(f"{package} has no nsm.ko: Debian's kernels have it from 6.12 on") from None
    return kernel


class _Apt:
    """apt with nothing of the machine's but its proxies and its keyring."""

    def __init__(self, cache: Path):
        self.root = cache / "apt"
        for folder in ("lists/partial", "archives/partial", "parts"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        if not Path(KEYRING).is_file():
            raise KernelError(f"{KEYRING} is missing: not a Debian system? Name a .deb in $NITRO_KERNEL_DEB")
        mirror = os.environ.get("NITRO_DEBIAN_MIRROR", MIRROR)
        (self.root / "sources.list").write_text(f"deb [signed-by={KEYRING} arch=amd64] {mirror} {SUITE} main\n")
        (self.root / "status").write_text("")
        options = {
            "Dir::Etc::sourcelist": self.root / "sources.list",
            "Dir::Etc::sourceparts": self.root / "parts",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": self.root / "parts",
            "Dir::State": self.root,
            "Dir::State::lists": self.root / "lists",
            "Dir::State::status": self.root / "status",
            "Dir::State::extended_states": self.root / "extended_states",
            "Dir::Cache": self.root,
            "Acquire::Languages": "none",
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64",
            "Acquire::Retries": "3",
            # A mirror that does not answer is an error, not a suite without packages.
            "APT::Update::Error-Mode": "any",
        }
        if os.geteuid() == 0:
            # apt's own user cannot read a folder of ours.
            options["APT::Sandbox::User"] = "root"
        self.options = [item for name, value in options.items() for item in ("-o", f"{name}={value}")]
        self._run("apt-get", "update", "-qq")

    def versions(self) -> dict:
        """Cloud kernels of the suite that have the driver: package to version."""
        found = {}
        for name in self._run("apt-cache", "pkgnames", "linux-image-6.12").split():
            if CANDIDATES.match(name):
                match = re.search(r"^Version: (.+)$", self._run("apt-cache", "show", name), re.M)
                if match:
                    found[name] = match.group(1)
        return found

    def download(self, package: str, version: str) -> Path:
        folder = self.root.parent
        self._run("apt-get", "download", "-qq", f"{package}={version}", cwd=folder)
        abi_version = version.replace(":", "%3a")
        return folder / f"{package}_{abi_version}_amd64.deb"

    def _run(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        command = [program, *self.options, *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)
        except FileNotFoundError:
            raise KernelError(f"no {program} here: name a .deb with nsm.ko in $NITRO_KERNEL_DEB") from None
        except subprocess.TimeoutExpired:
            raise KernelError(f"{program} {arguments[0]}: no answer in 300 s") from None
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.startswith("E:")] or ["failed"]
            raise KernelError(f"{program} {arguments[0]}: {lines[0]}")
        return done.stdout
