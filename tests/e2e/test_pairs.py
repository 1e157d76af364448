# SPDX-License-Identifier: GPL-2.0-or-later
"""test_pairs - all four pairs of {our, in-tree} driver and {our, QEMU's} back end.

One guest per pair: disk0 is writable, disk1 read-only, nic0 a two-queue NIC.
The in-tree pairs also prove that the soft dependencies do no harm where our
modules are missing: the image has the modprobe.d file all the same.
"""

import hashlib
import os
import signal

import pytest

from pvlib import pair, work

PAIRS = [(driver, backend) for driver in pair.DRIVERS for backend in pair.BACKENDS]
QUEUES = 2
MIB = 1 << 20


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def booted(request):
    driver, backend = request.param
    with pair.Pair(driver, backend, queues=QUEUES, read_only_disk=True) as running:
        running.raise_interface()
        yield running


def region_hash(path, offset, size):
    with open(path, "rb") as file:
        file.seek(offset)
        return hashlib.sha256(file.read(size)).hexdigest()


def test_drivers_are_bound(booted):
    assert booted.bound_drivers() == pair.DRIVERS[booted.driver]


def test_probe_tells_features(booted):
    if booted.driver == "intree":
        return
    log = booted.guest.dmesg()
    for driver in pair.DRIVERS["pv"]:
        lines = [line for line in log.splitlines()
                 if f"{driver} virtio" in line and "features:" in line]
        assert lines and all("VERSION_1" in line for line in lines), log


def test_disk_facts(booted):
    guest = booted.guest
    assert guest.read("/sys/block/vda/size") == str(booted.disk_mb * 2048)
    assert guest.read("/sys/block/vda/serial") == pair.SERIAL
    assert guest.read("/sys/block/vda/ro") == "0"
    assert guest.read("/sys/block/vdb/ro") == "1"
    assert guest.run("ls /sys/block/vda/mq").out.split() == ["0", "1"]


def test_disk_bytes_land_in_the_file(booted):
    """What the guest wrote is at the same offset of the host's file."""
    said = booted.guest.run(
        "head -c 4194304 /dev/urandom > /tmp/data && sha256sum < /tmp/data && "
        "dd if=/tmp/data of=/dev/vda bs=64k seek=48 oflag=direct conv=fsync 2>&1").out
    assert said.split()[0] == region_hash(booted.disk, 48 * 65536, 4 * MIB)


def test_disk_verified_random_io(booted):
    work.fio(booted.guest, "rw", filename="/dev/vda", rw="randrw", bsrange="4k-64k",
             iodepth=32, size="64m", fsync=32, verify="crc32c", verify_fatal=1,
             numjobs=1)
    flushes = booted.guest.read("/sys/block/vda/stat").split()[15]
    assert int(flushes) > 0


def test_disk_write_zeroes_and_discard(booted):
    guest = booted.guest
    guest.run("fio --name=f --filename=/dev/vda --rw=write --bs=1m --size=32m "
              "--offset=128m --direct=1 --ioengine=libaio --buffer_pattern=0xa5 "
              "--end_fsync=1")
    assert region_hash(booted.disk, 128 * MIB, 4096) == \
        hashlib.sha256(b"\xa5" * 4096).hexdigest()
    blocks = booted.disk.stat().st_blocks
    guest.run("blkdiscard -z -o 134217728 -l 8388608 /dev/vda")
    zeros = hashlib.sha256(bytes(8 * MIB)).hexdigest()
    assert region_hash(booted.disk, 128 * MIB, 8 * MIB) == zeros
    guest.run("blkdiscard -o 142606336 -l 16777216 /dev/vda")
    assert (blocks - booted.disk.stat().st_blocks) * 512 >= 16 * MIB
    # Neither reached over its end.
    assert region_hash(booted.disk, 152 * MIB, 4096) == \
        hashlib.sha256(b"\xa5" * 4096).hexdigest()


def test_disk_read_only(booted):
    guest = booted.guest
    same = guest.run("cmp -n 1048576 /dev/vdb /dev/zero", check=False)
    assert same.status == 0, same.err
    assert guest.run("dd if=/dev/zero of=/dev/vdb bs=4k count=1 oflag=direct",
                     check=False).status != 0
    assert guest.run("blkdiscard /dev/vdb", check=False).status != 0


def test_disk_file_system(booted):
    booted.guest.run(
        "mke2fs -q /dev/vda && mkdir -p /tmp/m && mount -t ext4 /dev/vda /tmp/m && "
        "cp /usr/bin/fio /tmp/m/ && umount /tmp/m && mount -t ext4 /dev/vda /tmp/m && "
        "cmp /usr/bin/fio /tmp/m/fio && umount /tmp/m")


def grow_disk(booted, size):
    """QEMU is told; our daemon looks again at a file that has grown."""
    if booted.backend == "qemu":
        booted.machine.qmp.execute("block_resize", node_name="disk0-disk", size=size)
    else:
        os.truncate(booted.disk, size)
        booted.daemons["disk0"].child.send_signal(signal.SIGHUP)


def test_disk_resize(booted):
    grow_disk(booted, (booted.disk_mb + 16) * MIB)
    want = str((booted.disk_mb + 16) * 2048)
    booted.guest.run(f"for i in $(seq 50); do "
                     f"[ $(cat /sys/block/vda/size) = {want} ] && exit 0; "
                     f"sleep 0.1; done; exit 1")
    booted.guest.run(f"dd if=/dev/zero of=/dev/vda bs=1M seek={booted.disk_mb + 15} "
                     "count=1 oflag=direct conv=fsync")


@pytest.mark.parametrize("offloads", ["on", "off"])
def test_nic_transfers(booted, offloads):
    work.set_offloads(booted.guest, booted.interface, offloads)
    work.transfer_to_host(booted, 8)
    work.transfer_to_guest(booted, 8)
    work.set_offloads(booted.guest, booted.interface, "on")


def test_nic_streams(booted):
    """Eight at a time, out and back."""
    out = work.iperf(booted, streams=8, seconds=3)
    back = work.iperf(booted, streams=8, seconds=3, reverse=True)
    assert out > 1e6 and back > 1e6, (out, back)


def test_nic_uses_every_queue(booted):
    """A CPU sends on its own queue, and the answer comes back there.

    Told by the driver's counters: with one INTx line for the whole device there
    is no interrupt to tell queues apart by.
    """
    for queue in range(QUEUES):
        before = work.queue_packets(booted.guest, booted.interface)
        booted.guest.run(f"taskset {1 << queue:x} ping -c 5 -i 0.1 -W 5 "
                         f"{pair.HOST_ADDRESS}")
        after = work.queue_packets(booted.guest, booted.interface)
        assert after[f"tx{queue}"] >= before[f"tx{queue}"] + 5, (before, after)
        # The tap learns from the first packet where the flow is.
        assert after[f"rx{queue}"] > before[f"rx{queue}"], (before, after)


def test_nic_vlan(booted):
    """Tags pass both ways through a VLAN device on top of the NIC."""
    mac = booted.network.run("ip", "-br", "link", "show", pair.TAP).split()[2]
    with work.vlan_peer(booted, 42):
        booted.guest.run(
            f"ip link add link {booted.interface} name vlan42 type vlan id 42 && "
            "ip addr add 10.78.0.2/24 dev vlan42 && ip link set vlan42 up && "
            f"ip neigh replace 10.78.0.1 lladdr {mac} dev vlan42 && "
            "ping -c 3 -s 1400 -W 5 10.78.0.1; s=$?; ip link del vlan42; exit $s")


def test_nic_new_mac(booted):
    booted.guest.run(f"ip link set {booted.interface} address 52:54:00:aa:bb:cc")
    booted.guest.run(f"ping -c 2 -W 5 {pair.HOST_ADDRESS}")
    said = booted.network.run("ip", "neigh", "show", "dev", pair.TAP)
    assert "52:54:00:aa:bb:cc" in said


def test_nic_broken_link(booted):
    """QEMU's set_link reaches the driver as a carrier change."""
    carrier = f"/sys/class/net/{booted.interface}/carrier"
    for up, want in ((False, "0"), (True, "1")):
        booted.machine.qmp.execute("set_link", name="nic0", up=up)
        booted.guest.run(f"for i in $(seq 50); do [ $(cat {carrier}) = {want} ] && "
                         f"exit 0; sleep 0.1; done; exit 1")
    booted.guest.run(f"ping -c 2 -W 5 {pair.HOST_ADDRESS}")


def test_suspend_and_resume(booted):
    """The kernel's device test: freeze every device, wait 5 s, restore."""
    booted.guest.run("echo devices > /sys/power/pm_test && echo mem > /sys/power/state",
                     timeout=120)
    work.fio(booted.guest, "resumed", filename="/dev/vda", rw="randwrite", bs="4k",
             iodepth=8, size="4m", verify="crc32c", verify_fatal=1)
    booted.guest.run(f"ping -c 2 -W 5 {pair.HOST_ADDRESS}")


def test_nothing_went_wrong_so_far(booted):
    work.assert_clean(booted.guest.dmesg())


def test_unplug_disk_under_load(booted):
    load = booted.guest.start(
        "fio --name=l --filename=/dev/vda --rw=randrw --bs=4k --iodepth=32 "
        "--direct=1 --ioengine=libaio --time_based --runtime=60 --size=64m "
        "--allow_file_create=0")
    work.wait_for_load(booted.guest, "/sys/block/vda/stat")
    booted.machine.qmp.device_del("disk0")
    assert load.wait(60, check=False).status != 0
    assert booted.guest.run("test -e /sys/block/vda", check=False).status


def test_unplug_nic_under_load(booted):
    server = work.iperf_server(booted)
    load = booted.guest.start(
        f"iperf3 -c {pair.HOST_ADDRESS} -t 60 -P 4 --bidir")
    work.wait_for_load(booted.guest,
                       f"/sys/class/net/{booted.interface}/statistics/tx_packets")
    booted.machine.qmp.device_del("nic0")
    load.kill()
    load.wait(60, check=False)
    server.kill()
    server.wait()
    assert booted.guest.run(f"test -e /sys/class/net/{booted.interface}",
                            check=False).status


def test_plug_again(booted):
    """New devices in place of the unplugged ones work at once."""
    booted.plug_again()
    guest = booted.guest
    work.fio(guest, "again", filename="/dev/vda", rw="randwrite", bs="4k",
             iodepth=8, size="4m", verify="crc32c", verify_fatal=1)
    booted.raise_interface()
    guest.run(f"ping -c 2 -W 5 {pair.HOST_ADDRESS}")
    assert booted.bound_drivers() == pair.DRIVERS[booted.driver]
    work.assert_clean(guest.dmesg(), unplugged=True)
