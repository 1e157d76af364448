# SPDX-License-Identifier: GPL-2.0-or-later
"""campaign_kill - kill -9 of the daemon at random moments, under verified load.

A round is a daemon's life: it starts, the load connects again and goes on, and
after a random time the daemon is killed.  Its successor finds in the record of
what was in flight what it has to do again.

Two loads.  The front end of tests/frontend stamps every sector with its place
and a generation, has at most one request in flight for a block, and rewrites
blocks as soon as they are done: a write that is lost, done again too late, or
torn shows as a wrong generation, then or in the last pass, which reads
everything.  A completion without a request ends it; one that never comes ends
the campaign by its time limit.  In a guest of QEMU's, fio writes and verifies;
at the end the disk as the guest reads it must be the file that the daemon has.

The daemon's log says what each life took over from the one before.
"""

import collections
import contextlib
import json
import random
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import List, NamedTuple

from . import daemon, pair, paths, process, work

PVFE_BLK = paths.BUILD / "frontend" / "pvfe-blk"
TAKEOVER = re.compile(r"taken over: (\d+) requests in flight are done again, "
                      r"(\d+) of the last batch were complete")
MARK = "== round"
IMAGE_MB = 32
# A life in seconds: some end while the front end still says hello.
LIFE_FRONTEND = (0.0, 0.3)
# QEMU waits a second before it connects again.
LIFE_GUEST = (1.0, 3.0)
END_SECONDS = 120


class Load(NamedTuple):
    """A front end's load: its name, pvfe-blk's options, the daemon's."""

    name: str
    options: List[str]
    daemon: List[str] = []


LOADS = [
    Load("split, 1 queue", ["--queues=1", "--iodepth=32"]),
    Load("packed, 4 queues", ["--ring=packed", "--queues=4", "--iodepth=16"]),
    Load("split, 4 queues", ["--queues=4", "--iodepth=16", "--segments=8"]),
    Load("packed, 1 queue", ["--ring=packed", "--queues=1", "--iodepth=32"]),
    Load("split, 4 queues, no indirect, no event index",
         ["--queues=4", "--iodepth=16", "--segments=4", "--no-indirect",
          "--no-event-idx", "--wait=event"]),
    Load("packed, 4 queues, chains round the end",
         ["--ring=packed", "--queues=4", "--iodepth=8", "--segments=4",
          "--no-indirect", "--queue-size=77", "--wait=event"]),
    Load("split, in order", ["--in-order", "--queues=2", "--iodepth=16"]),
    Load("packed, in order",
         ["--ring=packed", "--in-order", "--queues=2", "--iodepth=16"]),
    Load("split, threads instead of io_uring", ["--queues=2", "--iodepth=16"],
         ["--io-engine=threads"]),
    Load("packed, page cache", ["--ring=packed", "--queues=4", "--iodepth=16"],
         ["--direct=no"]),
]


class Tally(NamedTuple):
    """What the daemon's lives came to."""

    rounds: int
    hits: int
    again: int
    complete: int

    def __str__(self):
        return (f"{self.rounds} rounds, {self.hits} kills hit I/O in flight, "
                f"{self.again} requests done again, {self.complete} known to be "
                "complete")


def tally_of(log):
    """Lives in a daemon's log are told apart by the marks in it."""
    counts = collections.Counter()
    for life in log.split(MARK)[1:]:
        found = TAKEOVER.findall(life)
        counts["rounds"] += 1
        counts["hits"] += any(int(again) for again, _ in found)
        counts["again"] += sum(int(again) for again, _ in found)
        counts["complete"] += sum(int(done) for _, done in found)
    return Tally(counts["rounds"], counts["hits"], counts["again"],
                 counts["complete"])


def live_and_die(backend, life, dice):
    """One round."""
    time.sleep(dice.uniform(*life))
    backend.kill()
    with open(backend.log_path, "a") as log:
        log.write(f"{MARK}\n")
    backend.start()


class Failed(Exception):
    """A byte, a request or a process that is not as it should be."""


@contextlib.contextmanager
def scratch(directory):
    """A disk that takes time: not in memory, where little is ever in flight."""
    with tempfile.TemporaryDirectory(prefix="campaign-",
                                     dir=directory or paths.BUILD) as path:
        yield Path(path)


def end_load(load):
    """Let it finish and check everything; what it reported."""
    load.send_signal(signal.SIGINT)
    try:
        said, complaints = load.communicate(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        load.kill()
        raise Failed(f"requests are lost: the load waits for them since "
                     f"{END_SECONDS} s") from None
    if load.returncode:
        raise Failed(f"the load ended with status {load.returncode}: "
                     f"{complaints or said}")
    return json.loads(said)


def check_frontend(load, rounds, options, dice):
    """One front end, many daemons; (tally, what the load reported)."""
    seed = dice.randrange(1 << 31)
    with scratch(options.directory) as directory:
        image = pair.make_disk(directory, "disk.img", IMAGE_MB)
        socket = directory / "disk.sock"
        with daemon.pvbackend_blk(socket, image, 4, options=load.daemon) as backend:
            tool = process.spawn(
                [PVFE_BLK, f"--socket={socket}", "--rw=verify", "--reconnect", "--json",
                 f"--seed={seed}", "--runtime=86400", *load.options],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                for _ in range(rounds):
                    live_and_die(backend, LIFE_FRONTEND, dice)
                    if tool.poll() is not None:
                        break
                report = end_load(tool)
            finally:
                tool.kill()
                tool.wait()
            tally = tally_of(backend.log())
    if report["lost"] or report["errors"]:
        raise Failed(f"lost {report['lost']}, errors {report['errors']}")
    return tally, report


def frontend_cases(rounds, options, dice):
    """The loads take turns; each life of one load follows the last."""
    share, rest = divmod(rounds, len(LOADS))
    for index, load in enumerate(LOADS):
        count = share + (index < rest)
        if count:
            yield (f"front end, {load.name}",
                   lambda load=load, count=count: check_frontend(load, count, options,
                                                                 dice))


def fio_command(seconds):
    return ("cd /tmp && fio --name=kill --filename=/dev/vda --rw=randwrite --bs=4k "
            "--iodepth=16 --size=32m --direct=1 --ioengine=libaio --verify=crc32c "
            f"--verify_fatal=1 --verify_backlog=512 --time_based --runtime={seconds}")


def same_disk(booted):
    """The guest's view is the file's."""
    seen = booted.guest.run("sync; echo 3 > /proc/sys/vm/drop_caches; "
                            "head -c 33554432 /dev/vda | sha256sum", 300).out.split()[0]
    with open(booted.disk, "rb") as file:
        data = file.read(32 << 20)
    done = subprocess.run(["sha256sum"], input=data, stdout=subprocess.PIPE, check=True)
    if done.stdout.decode().split()[0] != seen:
        raise Failed("the guest reads another disk than the daemon's file")


def kill_under_fio(booted, rounds, dice):
    """fio verifies in a guest while its disk's daemon comes and goes."""
    backend = booted.daemons["disk0"]
    job = booted.guest.start(fio_command(int(rounds * (LIFE_GUEST[1] + 2)) + 10))
    for _ in range(rounds):
        live_and_die(backend, LIFE_GUEST, dice)
        if job.status is not None:
            raise Failed(f"fio ended early with {job.status}: {job.out}{job.err}")
    job.wait(rounds * 10 + 300)
    same_disk(booted)
    return tally_of(backend.log())


def check_guest(rounds, packed, options, dice):
    directory = options.directory or paths.BUILD
    with pair.Pair("pv", "pvbackend", queues=2,
                   packed=("disk", "nic") if packed else (),
                   directory=directory) as booted:
        tally = kill_under_fio(booted, rounds, dice)
        work.assert_clean(booted.guest.dmesg())
        return tally, {"lost": 0}


def guest_cases(rounds, options, dice):
    share, rest = divmod(rounds, 2)
    for packed, count in ((False, share + rest), (True, share)):
        if count:
            name = "packed" if packed else "split"
            yield (f"guest, {name}, 2 queues",
                   lambda packed=packed, count=count: check_guest(count, packed, options,
                                                                  dice))


WHERE = {"frontend": frontend_cases, "guest": guest_cases}


def add_options(parser):
    parser.add_argument("--rounds", type=int, default=10,
                        help="daemons to kill (default: 10)")
    parser.add_argument("--where", choices=[*WHERE, "both"], default="both",
                        help="which load (default: both, a tenth of it in a guest)")
    parser.add_argument("--seed", type=int, help="of the random choices (default: new)")
    parser.add_argument("--directory", help="for disk images (default: build)")


def cases_of(options, dice):
    guest = {"guest": options.rounds, "both": (options.rounds + 9) // 10}
    in_guest = guest.get(options.where, 0)
    yield from frontend_cases(options.rounds - in_guest, options, dice)
    yield from guest_cases(in_guest, options, dice)


def run_case(number, name, check):
    """The tally, or None where it failed."""
    start = time.monotonic()
    try:
        tally, report = check()
        if not tally.hits:
            raise Failed("no kill hit I/O in flight: this proves nothing")
    except (Failed, AssertionError, OSError, TimeoutError, paths.PvError) as error:
        print(f"not ok {number} - kill: {name}", flush=True)
        print("# " + str(error).replace("\n", "\n# "), flush=True)
        return None
    print(f"ok {number} - kill: {name}", flush=True)
    print(f"# {tally}, lost {report['lost']} ({time.monotonic() - start:.0f} s)",
          flush=True)
    return tally


def run(options):
    seed = options.seed if options.seed is not None else random.randrange(1 << 31)
    dice = random.Random(seed)
    print(f"# seed {seed}")
    cases = list(cases_of(options, dice))
    print(f"1..{len(cases)}", flush=True)
    tallies = [run_case(number, name, check)
               for number, (name, check) in enumerate(cases, 1)]
    good = [tally for tally in tallies if tally]
    total = Tally(*(sum(column) for column in zip(*good))) if good else Tally(0, 0, 0, 0)
    print(f"# together: {total}, lost 0" if len(good) == len(cases) else
          f"# together: {total}; {len(cases) - len(good)} failed")
    return 0 if len(good) == len(cases) else 1
