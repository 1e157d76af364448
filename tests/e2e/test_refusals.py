# SPDX-License-Identifier: GPL-2.0-or-later
"""test_refusals - mistakes that only show with a real QEMU or a real tap.

The command line's mistakes are in tests/frontend/test_cli.c, those of a front
end (one without CONFIG, for example) in tests/frontend/test_msg.c.
"""

import os
import shutil
import tempfile

import pytest

from pvlib import daemon, devices, initramfs, machine, netns, pair, paths, process

NOBODY = 65534


@pytest.mark.parametrize("memory", ["private", "plain"])
def test_memory_that_is_not_shared(tmp_path, memory):
    """One line says so and how to do it right; the daemon goes on."""
    kernel = paths.stock_kernel()
    image = initramfs.build(kernel, tools=False)
    socket = tmp_path / "disk.sock"
    disk = pair.make_disk(pair.scratch_directory(), f"refused-{os.getpid()}.img", 16)
    try:
        with daemon.pvbackend_blk(socket, disk) as server:
            hardware = machine.Machine(kernel, image, memory=memory)
            devices.add_vhost_disk(hardware, "disk0", socket)
            hardware.start()
            try:
                process.wait_until(lambda: "share=on" in server.log(), 60,
                                   "a line about memory")
            finally:
                hardware.stop()
            assert server.is_up()
            assert server.cpu_seconds() < 1
    finally:
        disk.unlink()


@pytest.fixture
def network():
    with netns.Network() as made:
        yield made


def refuse_tap(network, directory, tap, *options, program=paths.PVBACKEND, user=()):
    """The only line of a daemon that should not take a tap."""
    status, said = daemon.run_failing(
        [program, "net", f"--socket-path={directory}/nic.sock", f"--tap={tap}",
         *options], [*network.prefix, *user])
    assert status == 1, said
    assert len(said.splitlines()) == 1 and tap in said, said
    return said


@pytest.fixture
def open_directory():
    """A directory that every user can reach, unlike tmp_path and our own tree."""
    with tempfile.TemporaryDirectory(prefix="pvpack-", dir="/tmp") as path:
        os.chmod(path, 0o777)
        yield path


def test_tap_of_somebody_else(network, open_directory):
    if os.geteuid():
        pytest.skip("only root can become another user: run as root")
    network.run("ip", "tuntap", "add", "dev", "pvother0", "mode", "tap", "user", "root")
    program = shutil.copy(paths.PVBACKEND, open_directory)
    said = refuse_tap(network, open_directory, "pvother0", program=program,
                      user=["setpriv", f"--reuid={NOBODY}", "--clear-groups"])
    assert "another user" in said


def test_tap_in_use(network, tmp_path):
    network.add_tap("pvbusy0", "10.79.1.1")
    with daemon.pvbackend_net(tmp_path / "first.sock", "pvbusy0",
                              prefix=network.prefix):
        assert "another process" in refuse_tap(network, tmp_path, "pvbusy0")


def test_tap_with_one_queue(network, tmp_path):
    network.add_tap("pvone0", "10.79.2.1")
    said = refuse_tap(network, tmp_path, "pvone0", "--num-queues=2")
    assert "num-queues=2" in said and "multi_queue" in said
