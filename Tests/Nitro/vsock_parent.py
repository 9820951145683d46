# SPDX-License-Identifier: Apache-2.0
"""The parent instance as an enclave under QEMU sees it by vsock: a vhost-user-vsock device that answers on some ports.

QEMU's `-M nitro-enclave` wants such a device on a socket (`-chardev socket,id=c,path=…`). This one moves packets, so that
what an enclave sends its parent arrives (virtio 1.2, 5.10; QEMU, docs/interop/vhost-user.rst). A port without a service
refuses, as the parent's kernel does.

    python3 vsock_parent.py SOCKET     # for one machine; says on standard output what came
"""

import array
import mmap
import os
import select
import socket
import struct
import sys
import threading

GUEST_CID = 4
PARENT_CID = 3
# nitro-cli's: an enclave that has booted sends one byte there and wants it back.
HEARTBEAT_PORT = 9000
HEARTBEAT = b"\xb7"

FEATURES = 1 << 32 | 1 << 30  # VIRTIO_F_VERSION_1, VHOST_USER_F_PROTOCOL_FEATURES
PROTOCOL_FEATURES = 1 << 9  # CONFIG
GET_FEATURES, SET_MEM_TABLE, SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE = 1, 5, 8, 9, 10
GET_VRING_BASE, SET_VRING_KICK, SET_VRING_CALL, GET_PROTOCOL_FEATURES, GET_CONFIG = 11, 12, 13, 15, 24
REPLY = 0x5  # version 1, and the flag of an answer
NO_DESCRIPTOR = 1 << 8

RECEIVE, TRANSMIT = 0, 1  # queues, as the guest calls them
NEXT, WRITE = 1, 2  # flags of a descriptor

HEADER = struct.Struct("<QQIIIHHIII")
STREAM = 1
REQUEST, RESPONSE, RESET, SHUTDOWN, DATA, CREDIT_UPDATE, CREDIT_REQUEST = range(1, 8)
BOTH_WAYS = 3
BUFFER = 1 << 18


class Ring:
    """A split virtqueue in the guest's memory."""

    def __init__(self, memory):
        self.memory = memory
        self.size = self.descriptors = self.used = self.available = self.taken = 0
        self.kick = self.call = None

    def chain(self):
        """The next buffers that the guest made available: (head, [(address, length, is writable)]); None if there are none."""
        at, = self.memory.read("<H", self.available + 2)
        if at == self.taken & 0xFFFF:
            return None
        head, = self.memory.read("<H", self.available + 4 + 2 * (self.taken % self.size))
        self.taken += 1
        parts, index = [], head
        for _ in range(self.size):
            address, length, flags, following = self.memory.read("<QIHH", self.descriptors + 16 * index)
            parts.append((address, length, bool(flags & WRITE)))
            if not flags & NEXT:
                break
            index = following
        return head, parts

    def give_back(self, head, written):
        at, = self.memory.read("<H", self.used + 2)
        self.memory.write(self.used + 4 + 8 * (at % self.size), struct.pack("<II", head, written))
        self.memory.write(self.used + 2, struct.pack("<H", (at + 1) & 0xFFFF))
        if self.call is not None:
            os.eventfd_write(self.call, 1)


class Memory:
    """The guest's memory; rings stand at addresses of QEMU's, buffers at addresses of the guest's."""

    def __init__(self):
        self.regions = []

    def take(self, body, descriptors):
        count, = struct.unpack_from("<I", body)
        for index, descriptor in zip(range(count), descriptors):
            guest, size, user, offset = struct.unpack_from("<QQQQ", body, 8 + 32 * index)
            self.regions.append((guest, user, size, mmap.mmap(descriptor, size, offset=offset)))

    def user(self, address):
        return next((m, address - user) for _, user, size, m in self.regions if user <= address < user + size)

    def guest(self, address):
        return next((m, address - guest) for guest, _, size, m in self.regions if guest <= address < guest + size)

    def read(self, layout, address):
        memory, at = self.user(address)
        return struct.unpack_from(layout, memory, at)

    def write(self, address, data):
        memory, at = self.user(address)
        memory[at:at + len(data)] = data


class Parent:
    """The device, for the one machine that connects to `path`. What comes to one of `ports` is sent back; `heard` has what
    came to the port of the heartbeat."""

    def __init__(self, path, report=lambda text: None, ports=(HEARTBEAT_PORT,)):
        self.ports = ports
        self.memory = Memory()
        self.rings = [Ring(self.memory), Ring(self.memory), Ring(self.memory)]
        self.heard = b""
        self.report = report
        self.received = {}  # bytes by the guest's port
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(1)

    def start(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def serve(self):
        self.connection, _ = self.listener.accept()
        kick = None
        while True:
            watched = [self.connection] + ([kick] if kick is not None else [])
            ready, _, _ = select.select(watched, [], [])
            if kick in ready:
                os.eventfd_read(kick)
                self.transmitted()
            if self.connection in ready:
                if not self.message():
                    return
                kick = self.rings[TRANSMIT].kick

    # vhost-user

    def take(self, count):
        data, descriptors = b"", []
        while len(data) < count:
            part, ancillary, _, _ = self.connection.recvmsg(count - len(data), socket.CMSG_SPACE(32))
            if not part:
                return None, []
            for level, kind, content in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    descriptors += array.array("i", content[:len(content) - len(content) % 4])
            data += part
        return data, descriptors

    def message(self):
        head, descriptors = self.take(12)
        if head is None:
            return False
        request, _, size = struct.unpack("<III", head)
        body, more = self.take(size)
        if body is None:
            return False
        reply = self.answer(request, body, descriptors + more)
        if reply is not None:
            self.connection.sendall(struct.pack("<III", request, REPLY, len(reply)) + reply)
        return True

    def answer(self, request, body, descriptors):
        number, value = struct.unpack_from("<II", body) if len(body) >= 8 else (0, 0)
        ring = self.rings[number] if number < len(self.rings) else None
        if request == GET_FEATURES:
            return struct.pack("<Q", FEATURES)
        if request == GET_PROTOCOL_FEATURES:
            return struct.pack("<Q", PROTOCOL_FEATURES)
        if request == GET_CONFIG:
            offset, size, flags = struct.unpack_from("<III", body)
            return struct.pack("<III", offset, size, flags) + struct.pack("<Q", GUEST_CID)[offset:offset + size].ljust(size, b"\0")
        if request == GET_VRING_BASE:
            ring.kick = None
            return struct.pack("<II", number, ring.taken)
        if request == SET_MEM_TABLE:
            self.memory.take(body, descriptors)
        elif request == SET_VRING_NUM:
            ring.size = value
        elif request == SET_VRING_BASE:
            ring.taken = value
        elif request == SET_VRING_ADDR:
            _, _, ring.descriptors, ring.used, ring.available, _ = struct.unpack("<IIQQQQ", body)
        elif request in (SET_VRING_KICK, SET_VRING_CALL):
            ring = self.rings[number & 0xFF]
            descriptor = None if number & NO_DESCRIPTOR or not descriptors else descriptors[0]
            setattr(ring, "kick" if request == SET_VRING_KICK else "call", descriptor)
        return None

    # vsock

    def transmitted(self):
        ring = self.rings[TRANSMIT]
        while (taken := ring.chain()) is not None:
            head, parts = taken
            packet = b""
            for address, length, _ in parts:
                memory, at = self.memory.guest(address)
                packet += memory[at:at + length]
            ring.give_back(head, 0)
            self.packet(packet)

    def packet(self, packet):
        source, destination, guest_port, port, length, _, operation, _, _, _ = HEADER.unpack_from(packet)
        if operation == REQUEST:
            self.report(f"vsock: CID {source} to CID {destination} port {port}")
        if source != GUEST_CID or destination != PARENT_CID or port not in self.ports:
            if operation != RESET:
                self.send(guest_port, port, RESET, destination=destination)
        elif operation == REQUEST:
            self.received[guest_port] = 0
            self.send(guest_port, port, RESPONSE)
        elif operation == DATA:
            data = packet[HEADER.size:HEADER.size + length]
            if port == HEARTBEAT_PORT:
                self.heard += data
            self.received[guest_port] = self.received.get(guest_port, 0) + len(data)
            self.send(guest_port, port, DATA, data)
        elif operation == CREDIT_REQUEST:
            self.send(guest_port, port, CREDIT_UPDATE)
        elif operation == SHUTDOWN:
            self.send(guest_port, port, RESET)

    def send(self, guest_port, port, operation, data=b"", destination=PARENT_CID):
        ring = self.rings[RECEIVE]
        taken = ring.chain()
        if taken is None:
            raise RuntimeError("the guest has no buffer for a packet of a few bytes")
        head, parts = taken
        packet = HEADER.pack(
            destination, GUEST_CID, port, guest_port, len(data), STREAM, operation,
            BOTH_WAYS if operation == SHUTDOWN else 0, BUFFER, self.received.get(guest_port, 0),
        ) + data
        rest = packet
        for address, length, is_writable in parts:
            if is_writable and rest:
                memory, at = self.memory.guest(address)
                memory[at:at + min(length, len(rest))] = rest[:length]
                rest = rest[length:]
        ring.give_back(head, len(packet))


if __name__ == "__main__":
    parent = Parent(sys.argv[1], report=lambda text: print(text, flush=True))
    parent.serve()
    print("heard", parent.heard.hex())
