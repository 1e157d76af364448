# SPDX-License-Identifier: GPL-2.0-or-later
"""test_readme - the README's lines for a host do what they say.

The block is taken from README.md as it stands and run line by line, in a
network namespace and a directory of its own; only what boots our guest is
added to QEMU's line.
"""

import re
import shlex

import pytest

from pvlib import daemon, devices, guest, initramfs, machine, netns, pair, paths

MARK = "<!-- run by tests/e2e/test_readme.py -->\n```sh\n"


def block_lines():
    """The block's commands, continued lines joined."""
    text = (paths.REPO / "README.md").read_text()
    block = text[text.index(MARK) + len(MARK):]
    return block[:block.index("```")].replace("\\\n", " ").splitlines()


class ReadmeMachine(machine.Machine):
    """QEMU as the README starts it, with a kernel and our command port."""

    def __init__(self, words, kernel, image, directory):
        super().__init__(kernel, image)
        self.words = [re.sub("^reconnect=1$|(?<=,)reconnect=1$",
                             devices.reconnect_option(), word) for word in words]
        self.words = [word.replace("path=", f"path={directory}/") for word in self.words]

    def command(self):
        # Memory and machine are the README's; the rest boots our guest.
        own = self.arguments[self.arguments.index("-nodefaults"):]
        globals_ = ["-global", "virtio-net-pci.vectors=0"] \
            if devices.vhost_nic_needs_intx(self) else []
        return [*self.words, "-accel", self.accelerator,
                "-cpu", machine.accel.CPUS[self.accelerator], *globals_, *own]


def start_daemon(line, directory, prefix):
    words = shlex.split(line.rstrip("& "))
    words = [re.sub("(?<=path=|file=)", f"{directory}/", word) for word in words]
    socket = next(word for word in words if "socket-path" in word).partition("=")[2]
    words[0] = paths.REPO / words[0]
    return daemon.Daemon(words, [socket], prefix)


@pytest.fixture
def booted(tmp_path):
    kernel = paths.stock_kernel()
    image = initramfs.build(kernel, own=pair.DRIVERS["pv"],
                            modules=initramfs.VIRTIO_MODULES)
    lines = block_lines()
    with netns.Network() as network:
        started = []
        try:
            for line in lines[:-1]:
                if line.endswith("&"):
                    started.append(start_daemon(line, tmp_path, network.prefix))
                    started[-1].start()
                else:
                    network.run("sh", "-c", f"cd {tmp_path} && {line}")
            hardware = ReadmeMachine(shlex.split(lines[-1]), kernel, image, tmp_path)
            with guest.Guest(hardware, network.prefix) as running:
                yield running
        finally:
            for one in started:
                one.remove()


def test_host_lines(booted):
    assert booted.run("ls /sys/bus/virtio/drivers/pvblk").out.count("virtio") == 1
    assert booted.run("ls /sys/bus/virtio/drivers/pvnet").out.count("virtio") == 1
    assert booted.read("/sys/block/vda/size") == str(2 << 20)
    assert booted.run("ls /sys/block/vda/mq").out.split() == ["0", "1"]
