# SPDX-License-Identifier: GPL-2.0-or-later
"""campaign_migrate - a guest goes back and forth between two daemons, under load.

Every migration is a round.  Half of them are with split rings, half with packed
ones, each half in one guest; every fifth round a further migration is cancelled
first.  What the load verifies while it runs is in migrant.py; at the end all of
the disk as the guest reads it must be what is in the file.
"""

import statistics

from . import migrant

RINGS = {"split": {}, "packed": {"packed": "on"}}
CANCEL_EVERY = 5


def add_options(command):
    command.add_argument("--rounds", type=int, default=20, metavar="N",
                         help="migrations in all (default: 20)")
    command.add_argument("--ring", choices=sorted(RINGS),
                         help="only this layout (default: half of the rounds each)")


def run_ring(name, rounds):
    """Run and report one layout; returns its TAP line's verdict."""
    with migrant.Migrant(**RINGS[name]) as moving:
        try:
            moving.start_load()
            for number in range(1, rounds + 1):
                moving.wait_load()
                if number % CANCEL_EVERY == 0:
                    moving.cancelled_migration()
                    moving.wait_load()
                downtime = moving.migrate()
                print(f"# {name} {number}: guest stood still for {downtime} ms", flush=True)
            moving.wait_load()
            written, read = moving.finish()
        except BaseException:
            print(moving.evidence())
            raise
        print(f"# {name}: {rounds} migrations, {rounds // CANCEL_EVERY} cancelled ones; "
              f"{written} passes written and verified, {read} read; downtime in ms: "
              f"median {statistics.median(moving.downtimes):g}, "
              f"most {max(moving.downtimes)}", flush=True)


def run(options):
    names = [options.ring] if options.ring else list(RINGS)
    shares = [options.rounds // len(names)] * len(names)
    shares[0] += options.rounds - sum(shares)
    print(f"1..{len(names)}")
    failed = 0
    for number, (name, rounds) in enumerate(zip(names, shares), 1):
        verdict = "ok"
        try:
            run_ring(name, rounds)
        except Exception as error:  # whatever it is, the other layout is still run
            verdict = "not ok"
            failed += 1
            print("# " + str(error).replace("\n", "\n# "))
        print(f"{verdict} {number} - migrate: {rounds} rounds, {name} rings", flush=True)
    return 1 if failed else 0
