# SPDX-License-Identifier: GPL-2.0-or-later
"""work - loads and checks on a booted pair: fio, TCP transfers, iperf3, counts."""

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path

from . import pair as pairs
from . import paths, process

TRANSFER_PORT = 5010
TCPTEST = paths.BUILD / "guest" / "tcptest"
OFFLOADS = "tx sg tso gso gro rx"
# What no healthy kernel prints, and what a disk that went away may print.
TROUBLE = re.compile(r"BUG:|WARNING:|Oops|Call Trace|rcu.*stall|hung task|"
                     r"blocked for more than|I/O error|broken|bad length")
GONE = re.compile(r"I/O error, dev vda|Buffer I/O error on dev vda")


def wait_for_load(guest, counter, amount=200):
    """Wait until a counter, the first word of a file in the guest, has grown."""
    def count():
        return int(guest.read(counter).split()[0])
    start = count()
    process.wait_until(lambda: count() - start >= amount, 60,
                       f"{counter} to grow by {amount}")


def fio(guest, name, timeout=180, **options):
    """Run one fio job on a disk; its JSON result is returned."""
    defaults = {"ioengine": "libaio", "direct": 1, "allow_file_create": 0}
    words = [f"--{key}={value}" for key, value in {**defaults, **options}.items()]
    job = guest.run(f"cd /tmp && fio --name={name} --output-format=json "
                    f"{' '.join(words)}", timeout)
    result = json.loads(job.out[job.out.index("{"):])["jobs"][0]
    if result["error"]:
        raise AssertionError(f"fio {name}: error {result['error']}: {job.err}")
    return result


def host_peer(running, *arguments, **options):
    """tcptest at the host's end of the NIC."""
    return running.network.spawn(TCPTEST, *arguments, **options)


def wait_listening(running, port):
    process.wait_until(
        lambda: f":{port} " in running.network.run("ss", "-Hltn"), 20,
        f"a listener on port {port}")


def transfer_to_host(running, megabytes):
    """Send a random file out; both sides' checksums must be the same."""
    target = running.directory / "received"
    with open(target, "wb") as file:
        receiver = host_peer(running, "recv", TRANSFER_PORT, stdout=file)
        wait_listening(running, TRANSFER_PORT)
        want = running.guest.run(
            f"head -c {megabytes << 20} /dev/urandom > /tmp/out && "
            f"tcptest send {pairs.HOST_ADDRESS} {TRANSFER_PORT} < /tmp/out && "
            "sha256sum < /tmp/out && rm /tmp/out").out.split()[0]
        receiver.wait(30)
    got = paths.output_of("sha256sum", target).split()[0]
    target.unlink()
    assert got == want, f"sent {want}, received {got}"


def transfer_to_guest(running, megabytes):
    """The same the other way."""
    source = running.directory / "sent"
    with open(source, "wb") as file:
        subprocess.run(["head", "-c", f"{megabytes}M", "/dev/urandom"],
                       stdout=file, check=True)
    want = paths.output_of("sha256sum", source).split()[0]
    job = running.guest.start(f"tcptest recv {TRANSFER_PORT} | sha256sum")
    running.guest.run(f"for i in $(seq 100); do netstat -ltn | grep -q :{TRANSFER_PORT}"
                      " && exit 0; sleep 0.1; done; exit 1")
    with open(source, "rb") as file:
        host_peer(running, "send", pairs.GUEST_ADDRESS, TRANSFER_PORT,
                  stdin=file).wait(60)
    got = job.wait().out.split()[0]
    source.unlink()
    assert got == want, f"sent {want}, received {got}"


def set_offloads(guest, interface, value):
    """Switch all offloads; those that the device lacks stay as they are."""
    for name in OFFLOADS.split():
        guest.run(f"ethtool -K {interface} {name} {value}", check=False)
    have = guest.run(f"ethtool -k {interface}").out
    for name in ("tcp-segmentation-offload", "tx-checksumming"):
        assert f"{name}: {value}" in have, have


def iperf_server(running):
    server = running.network.spawn("iperf3", "-s", stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
    wait_listening(running, 5201)
    return server


def iperf_client(guest, host, streams=1, seconds=3, reverse=False):
    """Bits per second that arrived at the receiver's end."""
    words = ["-R"] if reverse else []
    job = guest.run(f"iperf3 -c {host} -J -t {seconds} -P {streams} {' '.join(words)}",
                    timeout=seconds + 60)
    return json.loads(job.out)["end"]["sum_received"]["bits_per_second"]


def iperf(running, streams=1, seconds=3, reverse=False):
    """The same with a server at the host's end for this one run."""
    server = iperf_server(running)
    try:
        return iperf_client(running.guest, pairs.HOST_ADDRESS, streams, seconds,
                            reverse)
    finally:
        server.kill()
        server.wait()


@contextlib.contextmanager
def vlan_peer(running, vlan):
    """Somebody at the host's end who answers pings inside a VLAN."""
    script = Path(__file__).with_name("vlanpeer.py")
    peer = running.network.spawn(sys.executable, script, pairs.TAP, vlan,
                                 stdout=subprocess.PIPE)
    try:
        assert peer.stdout.readline() == b"ready\n"
        yield
    finally:
        peer.kill()
        peer.wait()
        peer.stdout.close()


def interrupts(guest, address):
    """{row: count} of a PCI device's interrupts in the guest."""
    base = f"/sys/bus/pci/devices/{address}"
    numbers = guest.run(f"ls {base}/msi_irqs 2>/dev/null; cat {base}/irq").out.split()
    counts = {}
    for line in guest.run("cat /proc/interrupts").out.splitlines():
        number, _, rest = line.strip().partition(":")
        if number in numbers:
            fields = rest.split()
            cpus = [int(field) for field in fields if field.isdigit()]
            counts[f"{number} {fields[-1]}"] = sum(cpus)
    return counts


def queue_packets(guest, interface):
    """{"rx0": count, "tx0": count, ...}, whoever's driver it is."""
    said = guest.run(f"ethtool -S {interface}").out
    rows = re.findall(r"(rx|tx)(?:_queue_)?(\d+)_packets: (\d+)", said)
    return {way + queue: int(count) for way, queue, count in rows}


def assert_clean(log, unplugged=False):
    """Nothing in a kernel log that a healthy guest would not say."""
    bad = [line for line in log.splitlines() if TROUBLE.search(line) and
           not (unplugged and GONE.search(line))]
    assert not bad, "\n".join(bad)
