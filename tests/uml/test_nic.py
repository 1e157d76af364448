# SPDX-License-Identifier: GPL-2.0-or-later
"""NICs in User-mode Linux, served by the daemon on a tap."""

import subprocess

import pytest

import uml
from pvlib import daemon, netns, pair, paths, process, work

TAP = "pvuml0"
MODULES = {"intree": [uml.intree_module(name) for name in
                      ("net/core/failover", "drivers/net/net_failover",
                       "drivers/net/virtio_net")],
           "pv": [uml.own_module("pvnet")]}
UP = f"""
    ip link set lo up
    ip link set eth0 up
    ip addr add {pair.GUEST_ADDRESS}/24 dev eth0
"""


class Nic:
    """A guest with eth0, whose other end is TAP in a namespace of ours."""

    def __init__(self, driver, directory, network):
        self.directory = directory
        self.network = network
        socket = directory / "nic.sock"
        network.add_tap(TAP, pair.HOST_ADDRESS)
        self.daemon = daemon.pvbackend_net(socket, TAP, prefix=network.prefix)
        self.guest = uml.Uml(uml.KERNEL[driver], directory, MODULES[driver])
        self.guest.add_device(socket, uml.NIC_ID)

    def run(self, script, **options):
        return self.guest.run(UP + script, **options)


@pytest.fixture
def nic(driver, directory):
    with netns.Network() as network:
        running = Nic(driver, directory, network)
        with running.daemon:
            yield running


def sha256(path):
    return paths.output_of("sha256sum", path).split()[0]


def test_transfer_to_host(nic, driver):
    name = {"intree": "virtio_net", "pv": "pvnet"}[driver]
    with open(nic.directory / "received", "wb") as file:
        receiver = nic.network.spawn(work.TCPTEST, "recv", work.TRANSFER_PORT,
                                     stdout=file)
        work.wait_listening(nic, work.TRANSFER_PORT)
        nic.run(f"""
            [ "$(basename "$(readlink /sys/class/net/eth0/device/driver)")" = {name} ]
            head -c 24M /dev/urandom >/tmp/data
            {work.TCPTEST} send {pair.HOST_ADDRESS} {work.TRANSFER_PORT} </tmp/data
            sha256sum </tmp/data >/mnt/sum
            """)
        receiver.wait(30)
    want = (nic.directory / "sum").read_text().split()[0]
    assert sha256(nic.directory / "received") == want


def test_transfer_to_guest(nic):
    sent = nic.directory / "sent"
    subprocess.run(["sh", "-c", f"head -c 24M /dev/urandom >{sent}"], check=True)
    with open(sent, "rb") as file:
        # The guest listens first and then calls, so that nobody polls.
        sender = nic.network.spawn(
            "sh", "-c", f"{work.TCPTEST} recv 5011; exec {work.TCPTEST} send "
            f"{pair.GUEST_ADDRESS} {work.TRANSFER_PORT}", stdin=file)
        work.wait_listening(nic, 5011)
        nic.run(f"""
            {work.TCPTEST} recv {work.TRANSFER_PORT} >/tmp/data &
            receiver=$!
            until grep -q ':{work.TRANSFER_PORT:04X} .* 0A ' /proc/net/tcp; do
                sleep 0.1
            done
            {work.TCPTEST} send {pair.HOST_ADDRESS} 5011 </dev/null
            wait $receiver
            [ "$(sha256sum </tmp/data)" = "{sha256(sent)}  -" ]
            """)
        assert sender.wait(30) == 0


@pytest.mark.parametrize("direction", ["", "-R"], ids=["out", "in"])
def test_iperf3(nic, direction):
    server = work.iperf_server(nic)
    try:
        out = nic.run(f"""
            iperf3 -c {pair.HOST_ADDRESS} -t 3 {direction} | tee /tmp/log
            grep -q receiver /tmp/log
            [ "$(cat /sys/class/net/eth0/statistics/rx_errors)" = 0 ]
            [ "$(cat /sys/class/net/eth0/statistics/tx_errors)" = 0 ]
            """)
    finally:
        process.end(server)
    speed = next(line for line in out.splitlines() if line.endswith("receiver"))
    assert float(speed.split()[6]) > 0, speed


def test_ping_of_every_size(nic):
    nic.run(f"""
        for size in 0 1 17 18 100 256 1000 1472 1473 8000 30000; do
            ping -c 3 -i 0.02 -W 5 -s $size {pair.HOST_ADDRESS}
        done
        """)


def test_unplug_under_traffic(directory):
    """Streams break, nothing hangs; what binds again works, nothing leaks."""
    with netns.Network() as network:
        nic = Nic("pv", directory, network)
        with nic.daemon:
            server = work.iperf_server(nic)
            try:
                nic.run(f"""
                    cd /sys/bus/virtio/drivers/pvnet
                    device=$(basename "$(readlink /sys/class/net/eth0/device)")
                    for i in 1 2 3; do
                        timeout 20 iperf3 -c {pair.HOST_ADDRESS} -t 60 --bidir \\
                            >/dev/null 2>&1 &
                        load=$!
                        while [ "$(cat /sys/class/net/eth0/statistics/tx_packets)" \\
                                -lt 5000 ]; do
                            kill -0 $load
                            sleep 0.1
                        done
                        echo "$device" >unbind
                        kill $load
                        wait $load || true
                        [ ! -e /sys/class/net/eth0 ]
                        echo "$device" >bind
                        ip link set eth0 up
                        ip addr add {pair.GUEST_ADDRESS}/24 dev eth0
                        ping -c 3 -i 0.1 -W 5 {pair.HOST_ADDRESS}
                    done
                    """, leaks=True)
            finally:
                process.end(server)
