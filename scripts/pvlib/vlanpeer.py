#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vlanpeer - answer pings inside a VLAN on an interface without 8021q.

	vlanpeer.py INTERFACE VLAN

Hosts of test machines need not have the VLAN module.  The guest must know our
MAC (a static neighbour), since only ICMP echo requests are answered.
"""

import socket
import struct
import sys

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_AUXDATA = 8
TPID = 0x8100
AUXDATA = struct.Struct("=IIIHHHH")  # struct tpacket_auxdata
ICMP_AT = 14 + 20


def tag_of(ancillary):
    """The VLAN that the kernel took off a frame, or None."""
    for level, kind, data in ancillary:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            *_, tci, tpid = AUXDATA.unpack(data[:AUXDATA.size])
            return tci & 0xfff if tpid == TPID else None
    return None


def is_ping(frame):
    return len(frame) > ICMP_AT and frame[12:15] == b"\x08\x00\x45" and \
        frame[23] == socket.IPPROTO_ICMP and frame[ICMP_AT] == 8


def answer(frame, vlan):
    """An echo reply with the tag put back; RFC 1624 for the checksum."""
    total = struct.unpack_from("!H", frame, ICMP_AT + 2)[0] + 0x0800
    checksum = (total & 0xffff) + (total >> 16)
    return b"".join([
        frame[6:12], frame[0:6], struct.pack("!HH", TPID, vlan), frame[12:26],
        frame[30:34], frame[26:30], struct.pack("!BBH", 0, 0, checksum),
        frame[ICMP_AT + 4:]])


def main(interface, vlan):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    sock.bind((interface, ETH_P_ALL))
    print("ready", flush=True)
    while True:
        frame, ancillary, _, _ = sock.recvmsg(65536, 256)
        if tag_of(ancillary) == vlan and is_ping(frame):
            sock.send(answer(frame, vlan))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
