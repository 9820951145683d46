# SPDX-License-Identifier: Apache-2.0
"""An initial RAM file system of programs, their shared libraries and kernel modules: a cpio archive (newc)."""

import os
import subprocess
from pathlib import Path

# In this order; what is built into the kernel is left out.
MODULES = [
    "virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_mmio", "rng-core",
    "nsm", "vsock", "vmw_vsock_virtio_transport_common", "vmw_vsock_virtio_transport", "vsock_loopback",
]


class Archive:
    def __init__(self):
        self.parts = []
        self.folders = set()
        self.count = 0

    def folder(self, path: str) -> None:
        path = path.strip("/")
        if path and path not in self.folders:
            self.folder(os.path.dirname(path))
            self.folders.add(path)
            self._entry(path, 0o40755, b"")

    def file(self, path: str, content: bytes, mode: int = 0o755) -> None:
        self.folder(os.path.dirname(path))
        self._entry(path.strip("/"), 0o100000 | mode, content)

    def link(self, path: str, target: str) -> None:
        self.folder(os.path.dirname(path))
        self._entry(path.strip("/"), 0o120777, target.encode())

    def program(self, path: Path, where: str) -> None:
        """A program with the libraries that it maps, at the places where it looks for them."""
        self.file(where, path.read_bytes())
        for library in libraries(path):
            if library.strip("/") not in self.folders:
                self.folders.add(library.strip("/"))
                self.file(library, Path(library).read_bytes())

    def write(self, path: Path) -> None:
        self._entry("TRAILER!!!", 0, b"")
        with open(path, "wb") as file:
            file.writelines(self.parts)

    def _entry(self, name: str, mode: int, content: bytes) -> None:
        self.count += 1
        encoded = name.encode() + b"\0"
        fields = (self.count, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
        self.parts += [head + b"\0" * (-len(head) % 4), content, b"\0" * (-len(content) % 4)]


def libraries(program: Path) -> list:
    """What the dynamic loader maps for a program, by path."""
    listing = subprocess.run(["ldd", str(program)], capture_output=True, text=True).stdout
    found = []
    for line in listing.splitlines():
        paths = [word for word in line.split() if word.startswith("/")]
        if paths:
            # What is found by a path relative to the program is wanted at that very path.
            found.append(os.path.normpath(paths[0]))
    return sorted(set(found))


def modules(archive: Archive, kernel) -> None:
    """The modules, and the order to load them in."""
    order = []
    for name in MODULES:
        try:
            content = kernel.module(name)
        except KeyError:
            continue
        archive.file(f"/modules/{name}.ko", content, 0o644)
        order.append(name)
    archive.file("/modules/order", ("\n".join(order) + "\n").encode(), 0o644)
