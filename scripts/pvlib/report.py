# SPDX-License-Identifier: GPL-2.0-or-later
"""report - measurements as a text table, as JSON, and as one HTML page."""

import html
import json
import os
import platform
import re
import statistics
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from . import devices, paths


class Column(NamedTuple):
    """A column of a table; cost: less is better."""

    key: str
    title: str
    unit: str
    digits: int
    cost: bool


DISK_COLUMNS = [
    Column("read1", "read QD1", "IOPS", 0, False),
    Column("read32", "read QD32", "IOPS", 0, False),
    Column("write32", "write QD32", "IOPS", 0, False),
    Column("sequential", "sequential", "MB/s", 0, False),
    Column("cpu", "host CPU", "us/read", 1, True),
    Column("exits", "exits", "per read", 2, True),
    Column("interrupts", "interrupts", "per read", 2, True),
]
NIC_COLUMNS = [
    Column("out", "TCP out", "Mbit/s", 0, False),
    Column("in", "TCP in", "Mbit/s", 0, False),
    Column("rr", "round trips", "per s", 0, False),
    Column("cpu", "host CPU", "us/trip", 0, True),
    Column("exits", "exits", "per trip", 2, True),
    Column("interrupts", "interrupts", "per trip", 2, True),
]
TABLES = [("disks", "Disks, 4 KiB random I/O", DISK_COLUMNS),
          ("nics", "NICs, one TCP stream, one byte there and back", NIC_COLUMNS)]
NOTES = [
    "Medians of all rounds; costs are QEMU's and the daemon's together, at queue "
    "depth 32 for disks and per round trip for NICs.",
    "Exits are accesses to the device's registers plus kicks.",
]
TCG_NOTE = ("TCG executes guest code in software and an exit costs it little: rates "
            "and CPU times differ from KVM's, counts per operation do not.")

INTX_NOTE = ("Before 9.1 QEMU without KVM cannot give a vhost-user NIC MSI-X: ours has "
             "one INTx line here, which costs an exit for each interrupt.")


def cpu_model():
    match = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return match.group(1) if match else platform.machine()


def git_commit():
    done = subprocess.run(["git", "-C", paths.REPO, "describe", "--always", "--dirty"],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=False)
    return done.stdout.strip() or "unknown"


def environment(machine, options):
    """What the figures depend on."""
    return {
        "accelerator": machine.accelerator,
        "date": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "pvpack": git_commit(),
        "guest_kernel": paths.stock_kernel().release,
        "host_kernel": platform.release(),
        "qemu": paths.output_of(paths.QEMU, "--version").splitlines()[0],
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "guest_cpus": 2,
        "vhost_nic_interrupts": "INTx" if devices.vhost_nic_needs_intx(machine)
                                else "MSI-X",
        "rounds": options.rounds,
        "seconds": options.seconds,
    }


def median(values):
    return statistics.median(values)


def best_and_worst(rows, column, ours, intree):
    """Of the emulated devices."""
    values = [median(row[column.key]) for name, row in rows.items()
              if name not in (ours, intree)]
    return (min(values), max(values)) if column.cost else (max(values), min(values))


def gain(our_value, other, cost):
    """How many times better ours is; None where that has no meaning."""
    numerator, denominator = (other, our_value) if cost else (our_value, other)
    return numerator / denominator if denominator else None


def ratio_text(value):
    if value is None:
        return "-"
    return f"{value:.1f}x" if value < 100 else f"{value:.0f}x"


def ratio_rows(rows, columns, ours, intree):
    """[(label, [text])] of the lines that compare ours with the others."""
    lines = {f"{ours} vs best emulated": 0, f"{ours} vs worst emulated": 1}
    result = []
    for label, index in lines.items():
        result.append((label, [
            ratio_text(gain(median(rows[ours][column.key]),
                            best_and_worst(rows, column, ours, intree)[index],
                            column.cost)) for column in columns]))
    result.append((f"{ours} vs {intree}", [
        ratio_text(gain(median(rows[ours][column.key]),
                        median(rows[intree][column.key]), column.cost))
        for column in columns]))
    return result


def heading(result):
    env = result["environment"]
    return (f"Paravirtualized against emulated devices under "
            f"{env['accelerator'].upper()}")


def environment_line(result):
    env = result["environment"]
    return (f"{env['qemu']}, guest kernel {env['guest_kernel']}, {env['cpus']} CPUs "
            f"{env['cpu']}, {env['rounds']} rounds")


def notes(result):
    env = result["environment"]
    return (NOTES + ([TCG_NOTE] if env["accelerator"] == "tcg" else []) +
            ([INTX_NOTE] if env["vhost_nic_interrupts"] == "INTx" else []))


def text_table(title, rows, columns, ours, intree):
    body = [(name, [f"{median(row[column.key]):.{column.digits}f}" for column in columns])
            for name, row in rows.items()]
    body += ratio_rows(rows, columns, ours, intree)
    first = max(len(label) for label, _ in body)
    widths = [max(len(column.title), len(column.unit),
                  *(len(cells[index]) for _, cells in body)) + 2
              for index, column in enumerate(columns)]

    def line(label, cells):
        return label.ljust(first) + "".join(
            cell.rjust(width) for cell, width in zip(cells, widths))

    return "\n".join([title,
                      line("", [column.title for column in columns]),
                      line("", [column.unit for column in columns]),
                      *(line(label, cells) for label, cells in body)])


def text(result, ours, intree):
    """The tables for a terminal."""
    parts = [heading(result), environment_line(result)]
    parts += [text_table(title, result[key], columns, ours, intree)
              for key, title, columns in TABLES]
    return "\n\n".join(parts) + "\n\n" + "\n".join(notes(result))


STYLE = """
:root { color-scheme: light dark; --bar: #8ab4d8; --own: #e08a3c; --line: #8884; }
@media (prefers-color-scheme: dark) { :root { --bar: #3d6b94; --own: #b8641a; } }
body { font: 16px/1.45 system-ui, sans-serif; margin: 1rem auto; max-width: 60rem;
       padding: 0 1rem; }
h1 { font-size: 1.35rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; white-space: nowrap; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
tr.ratio td { font-style: italic; } small { opacity: .75; }
.plots { display: grid; gap: 1rem 2rem; margin-top: 1.2rem;
         grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); }
figure { margin: 0; } figcaption { font-weight: 600; font-size: .9rem; }
.row { display: grid; grid-template-columns: 8.5rem 1fr; align-items: center;
       font-size: .8rem; margin: .15rem 0; }
.track { position: relative; height: 1.15rem; }
.bar { height: 100%; background: var(--bar); min-width: 1px; }
.own .bar { background: var(--own); }
.track span { position: absolute; left: .3rem; top: 0; }
"""


def html_table(rows, columns, ours, intree):
    head = "".join(f"<th>{column.title}<br><small>{column.unit}</small></th>"
                   for column in columns)
    lines = []
    for name, row in rows.items():
        cells = "".join(
            f'<td title="{min(row[c.key]):.{c.digits}f} to {max(row[c.key]):.{c.digits}f}">'
            f"{median(row[c.key]):.{c.digits}f}</td>" for c in columns)
        lines.append(f"<tr><td>{html.escape(name)}</td>{cells}</tr>")
    for label, values in ratio_rows(rows, columns, ours, intree):
        cells = "".join(f"<td>{value}</td>" for value in values)
        lines.append(f'<tr class="ratio"><td>{html.escape(label)}</td>{cells}</tr>')
    return (f'<div class="wide"><table><tr><th></th>{head}</tr>'
            f"{''.join(lines)}</table></div>")


def html_plot(rows, column, ours):
    top = max(median(row[column.key]) for row in rows.values()) or 1
    lines = []
    for name, row in rows.items():
        value = median(row[column.key])
        lines.append(
            f'<div class="row{" own" if name == ours else ""}"><div>{html.escape(name)}'
            f'</div><div class="track"><div class="bar" style="width:'
            f'{100 * value / top:.1f}%"></div><span>{value:.{column.digits}f}</span>'
            "</div></div>")
    direction = "less is better" if column.cost else "more is better"
    return (f"<figure><figcaption>{column.title}, {column.unit} <small>({direction})"
            f"</small></figcaption>{''.join(lines)}</figure>")


def page(result, ours, intree):
    """One self-contained page."""
    parts = []
    for key, title, columns in TABLES:
        plots = "".join(html_plot(result[key], column, ours) for column in columns)
        parts.append(f"<h2>{html.escape(title)}</h2>"
                     f"{html_table(result[key], columns, ours, intree)}"
                     f'<div class="plots">{plots}</div>')
    facts = "".join(f"<tr><td>{html.escape(key)}</td><td>{html.escape(str(value))}</td>"
                    "</tr>" for key, value in result["environment"].items())
    remarks = "".join(f"<p><small>{html.escape(note)}</small></p>"
                      for note in notes(result))
    return ("<!doctype html><html lang=en><meta charset=utf-8>"
            '<meta name=viewport content="width=device-width, initial-scale=1">'
            f"<title>pvpack: {html.escape(heading(result))}</title>"
            f"<style>{STYLE}</style><h1>{html.escape(heading(result))}</h1>"
            f"<p>{html.escape(environment_line(result))}</p>{''.join(parts)}{remarks}"
            f'<h2>Environment</h2><div class="wide"><table>{facts}</table></div></html>\n')


def write(result, ours, intree, directory):
    """Both files; their paths are returned."""
    directory.mkdir(parents=True, exist_ok=True)
    files = {directory / "report.json": json.dumps(result, indent=1) + "\n",
             directory / "report.html": page(result, ours, intree)}
    for path, content in files.items():
        partial = path.with_suffix(".new")
        partial.write_text(content)
        partial.rename(path)
    return list(files)
