# SPDX-License-Identifier: GPL-2.0-or-later
"""migrant - a guest that migrates between two daemons on this host, under load.

	with Migrant(packed=True) as migrant:
	    migrant.start_load()
	    for _ in range(rounds):
	        migrant.migrate()
	    migrant.finish()

Two sides, each with a daemon for the disk and one for the NIC; the disks' two
daemons have the same file, and the NICs' taps are ports of one bridge.  The
guest is on one side; on the other a QEMU is made, takes it over, and the first
one is ended.  So the daemons live on, and are source and target by turns.

The load writes and reads back all the time, and reads a part of the disk through
the guest's page cache, whose pages are what a lost bit of the dirty log would
leave behind.
"""

import contextlib
import hashlib
import os
import tempfile
import time
from pathlib import Path

from . import daemon, devices, guest, initramfs, machine, netns, pair, paths, process

BRIDGE = "pvbr0"
TAPS = ("pvtapa", "pvtapb")
QUEUES = 2
DISK_MB = 96
MIGRATION_SECONDS = 240
# The disk, in MiB: written again and again; written once; never written.
LOAD, KEPT, STILL = (0, 16), (32, 16), (64, 32)
BANDWIDTH = 1 << 30  # bytes a second

FIO = ("fio --ioengine=libaio --direct=1 --allow_file_create=0 --filename=/dev/vda "
       "--verify=crc32c --verify_fatal=1 --rw=randwrite --bsrange=4k-64k ")
WRITER = f"""
while [ ! -e /tmp/stop ]; do
    (cd /tmp && {FIO} --name=load --offset={LOAD[0]}m --size={LOAD[1]}m --iodepth=16) \
        >/tmp/load.log 2>&1 || exit 1
    echo pass >>/tmp/writes
done"""
READER = f"""
while [ ! -e /tmp/stop ]; do
    echo 1 >/proc/sys/vm/drop_caches
    for i in 1 2; do
        sum=$(dd if=/dev/vda bs=1M skip={STILL[0]} count={STILL[1]} 2>/dev/null | sha256sum)
        [ "${{sum%% *}}" = "$STILL" ] || {{ echo "$i: $sum" >/tmp/read.log; exit 1; }}
    done
    echo pass >>/tmp/reads
done"""


class MigrationError(Exception):
    """QEMU says that a migration did not end well."""


class Migrant:
    """Built on entry and undone on exit."""

    def __init__(self, queues=QUEUES, memory_mb=576, **ring_options):
        self.queues = queues
        self.memory_mb = memory_mb
        self.ring_options = ring_options
        self.kernel = paths.stock_kernel()
        self.stack = contextlib.ExitStack()
        self.guest = None
        self.side = 0
        self.jobs = []
        self.daemons = {}
        self.plugs = {}
        self.downtimes = []

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.enter(stack)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        self.stack.close()

    def enter(self, stack):
        self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory(
            prefix="pvpack-", dir=pair.scratch_directory())))
        self.disk = self.make_disk()
        self.network = stack.enter_context(netns.Network())
        self.add_bridge()
        for side in range(2):
            self.start_daemons(stack, side)
        self.image = initramfs.build(
            self.kernel, modules=initramfs.VIRTIO_MODULES + initramfs.EXTRA_MODULES)
        self.guest = stack.enter_context(
            guest.Guest(self.new_machine(0), self.network.prefix))

    def make_disk(self):
        disk = pair.make_disk(self.directory, "disk.img", DISK_MB)
        still = os.urandom(STILL[1] << 20)
        with open(disk, "r+b") as file:
            file.seek(STILL[0] << 20)
            file.write(still)
        self.still = hashlib.sha256(still).hexdigest()
        return disk

    def add_bridge(self):
        run = self.network.run
        run("ip", "link", "add", BRIDGE, "type", "bridge", "stp_state", "0")
        run("ip", "link", "set", BRIDGE, "up")
        run("ip", "addr", "add", f"{pair.HOST_ADDRESS}/24", "dev", BRIDGE)
        for tap in TAPS:
            run("ip", "tuntap", "add", "dev", tap, "mode", "tap", "vnet_hdr",
                "multi_queue")
            run("ip", "link", "set", tap, "master", BRIDGE, "up")

    def socket(self, side, kind):
        return self.directory / f"{kind}{side}.sock"

    def start_daemons(self, stack, side):
        self.daemons["disk", side] = stack.enter_context(daemon.pvbackend_blk(
            self.socket(side, "disk"), self.disk, self.queues,
            options=["--incoming=yes"]))
        self.daemons["nic", side] = stack.enter_context(daemon.pvbackend_net(
            self.socket(side, "nic"), TAPS[side], self.queues,
            prefix=self.network.prefix))

    def new_machine(self, side):
        made = machine.Machine(self.kernel, self.image, memory_mb=self.memory_mb)
        self.plugs["disk0"] = devices.add_vhost_disk(
            made, "disk0", self.socket(side, "disk"), self.queues, **self.ring_options)
        self.plugs["nic0"] = devices.add_vhost_nic(
            made, "nic0", self.socket(side, "nic"), self.queues, **self.ring_options)
        # Its driver does not announce itself, so that the daemon must.
        made.add("-global", "virtio-net-pci.guest_announce=off")
        return made

    def migrate(self, bandwidth=BANDWIDTH):
        """To the other side; the guest's downtime in ms is returned."""
        source, target = self.guest.machine, self.new_machine(1 - self.side)
        target.add("-incoming", "defer")
        target.start(self.network.prefix)
        try:
            self.transfer(source, target, bandwidth)
        except BaseException:
            print(f"source: {source.tell()}\ntarget: {target.tell()}")
            target.stop()
            raise
        self.side = 1 - self.side
        downtime = source.qmp.execute("query-migrate").get("downtime", 0)
        self.downtimes.append(downtime)
        self.guest.move(target)
        source.stop()
        return downtime

    def transfer(self, source, target, bandwidth):
        path = self.directory / "migration.sock"
        uri = f"unix:{path}"
        target.qmp.execute("migrate-incoming", uri=uri)
        for qmp in (source.qmp, target.qmp):
            qmp.execute("migrate-set-capabilities",
                        capabilities=[{"capability": "events", "state": True}])
        self.begin(source, uri, bandwidth)
        end = time.monotonic() + MIGRATION_SECONDS
        while True:
            event = source.qmp.wait_event("MIGRATION", end - time.monotonic())
            status = event["data"]["status"]
            if status == "completed":
                break
            if status in ("failed", "cancelled"):
                raise MigrationError(f"{status}: {source.qmp.execute('query-migrate')}")
        target.qmp.wait_event("RESUME", 60)
        path.unlink(missing_ok=True)

    @staticmethod
    def begin(source, uri, bandwidth):
        source.qmp.execute("migrate-set-parameters", max_bandwidth=bandwidth,
                           downtime_limit=2000)
        source.qmp.execute("migrate", uri=uri)

    def cancelled_migration(self):
        """One that is given up half-way: the guest stays where it is."""
        source = self.guest.machine
        target = self.new_machine(1 - self.side)
        target.add("-incoming", "defer")
        target.start(self.network.prefix)
        path = self.directory / "cancelled.sock"
        try:
            target.qmp.execute("migrate-incoming", uri=f"unix:{path}")
            self.begin(source, f"unix:{path}", 4 << 20)
            process.wait_until(lambda: source.qmp.execute("query-migrate").get(
                "ram", {}).get("transferred", 0) > 8 << 20, 60, "some memory transferred")
            source.qmp.execute("migrate_cancel")
            process.wait_until(lambda: source.qmp.execute("query-migrate")["status"] ==
                               "cancelled", 60, "the end of the migration")
        finally:
            target.stop()
            path.unlink(missing_ok=True)

    def start_load(self):
        """Write what must last, and begin what goes on until finish()."""
        self.guest.run("mount -t tmpfs tmpfs /tmp 2>/dev/null; rm -f /tmp/stop; true")
        self.fio_kept("--do_verify=0")
        self.jobs = [self.guest.start(WRITER),
                     self.guest.start(f"STILL={self.still}\n{READER}")]

    def fio_kept(self, option):
        self.guest.run(f"cd /tmp && {FIO} --name=kept --randseed=7 --iodepth=8 "
                       f"--offset={KEPT[0]}m --size={KEPT[1]}m {option}", 180)

    def passes(self):
        """(written and verified, read) so far; an error where a load has ended."""
        for job in self.jobs:
            if job.status is not None:
                raise AssertionError(
                    f"load ended with {job.status}: {job.err}\n" +
                    self.guest.run("tail -n 30 /tmp/*.log", check=False).out)
        count = "cat /tmp/{} 2>/dev/null | wc -l"
        return tuple(int(self.guest.run(count.format(name)).out)
                     for name in ("writes", "reads"))

    def wait_load(self, timeout=180):
        """Until either kind of load has ended a pass more."""
        start = self.passes()
        process.wait_until(
            lambda: all(now > then for now, then in zip(self.passes(), start)),
            timeout, "a pass of each load")

    def finish(self):
        """End the load, check all that was written, compare the file with the disk."""
        passes = self.passes()
        self.guest.run("touch /tmp/stop")
        for job in self.jobs:
            job.wait(240)
        self.fio_kept("--verify_only=1")
        seen = self.guest.run("dd if=/dev/vda bs=1M iflag=direct 2>/dev/null | sha256sum",
                              240).out.split()[0]
        if seen != hashlib.sha256(self.disk.read_bytes()).hexdigest():
            raise AssertionError("the guest's disk is not the file's content")
        return passes

    def raise_interface(self):
        path = f"/sys/bus/pci/devices/{self.plugs['nic0']}"
        name = self.guest.run(f"ls {path}/virtio*/net").out.strip()
        self.guest.run(f"ip addr add {pair.GUEST_ADDRESS}/24 dev {name}; "
                       f"ip link set {name} up")
        self.mac = self.guest.read(f"/sys/class/net/{name}/address")

    def port_of_guest(self):
        """The bridge's port where it has last heard the guest."""
        for line in self.network.run("bridge", "fdb", "show", "br", BRIDGE).splitlines():
            words = line.split()
            if words[0] == self.mac and "permanent" not in words:
                return words[2]
        return None

    def evidence(self):
        logs = [f"== {kind} {side}\n{process_.log()}"
                for (kind, side), process_ in self.daemons.items()]
        return "\n".join([self.guest.tell("evidence"), *logs])
