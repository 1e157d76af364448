# SPDX-License-Identifier: GPL-2.0-or-later
"""pvlib - start guests, back ends and networks for tests, demo and benchmarks.

Read first: guest.py (a booted guest that runs commands), then machine.py (the
QEMU command line it is made of).  Every wait in here is bounded.
"""
