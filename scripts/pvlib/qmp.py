# SPDX-License-Identifier: GPL-2.0-or-later
"""qmp - a small client of QEMU's machine protocol."""

import json
import time


class QmpError(Exception):
    """QEMU refused a command."""


class Qmp:
    """Owns a connected socket; used from one thread."""

    def __init__(self, sock, timeout=30):
        self.sock = sock
        self.pending = b""
        self.events = []
        self.read_message(timeout)
        self.execute("qmp_capabilities")

    def read_message(self, timeout):
        end_time = time.monotonic() + timeout
        while b"\n" not in self.pending:
            self.sock.settimeout(max(0.001, end_time - time.monotonic()))
            data = self.sock.recv(65536)
            if not data:
                raise QmpError("QEMU closed its monitor")
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        return json.loads(line)

    def execute(self, command, timeout=30, **arguments):
        """Run a command; names written with _ for - (node_name)."""
        arguments = {key.replace("_", "-"): value for key, value in arguments.items()}
        request = {"execute": command, "arguments": arguments}
        self.sock.sendall(json.dumps(request).encode() + b"\n")
        while True:
            message = self.read_message(timeout)
            if "return" in message:
                return message["return"]
            if "error" in message:
                raise QmpError(f"{command}: {message['error']['desc']}")
            self.events.append(message)

    def wait_event(self, name, timeout=30, **data):
        """The first event, past or coming, with this name and these data."""
        end_time = time.monotonic() + timeout
        while True:
            for event in self.events:
                if event.get("event") == name and \
                        data.items() <= event.get("data", {}).items():
                    self.events.remove(event)
                    return event
            left = end_time - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no {name} event within {timeout:g} s")
            self.events.append(self.read_message(left))

    def device_del(self, device, timeout=60):
        """Unplug a device and wait until the guest has let it go."""
        self.execute("device_del", id=device)
        self.wait_event("DEVICE_DELETED", timeout, device=device)
