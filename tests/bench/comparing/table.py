"""The table of docs/performance.md, and the machine it was made on."""
import dataclasses
import datetime
import os
import platform
import re
import subprocess

BEGIN, END = "<!-- compare:begin -->", "<!-- compare:end -->"


@dataclasses.dataclass
class Measured:
    value: float | None = None
    failure: str | None = None      # why there is no value, or why the one there is means little


NOTHING = Measured()


def number(value):
    """Three digits that mean something."""
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def verdict(row, floor, buzon):
    """How buzon stands: the ratio to the floor and whether the aim is reached."""
    ratio = buzon / floor if buzon is not None and floor else None
    if buzon is None:
        reached = None
    elif row.limit is not None:
        reached = buzon <= row.limit
    elif row.aim is None or ratio is None:
        reached = None
    else:
        reached = ratio >= row.aim if row.at_least else ratio <= row.aim
    return ratio, reached


def aim_of(row):
    if row.aim_text or row.aim is None:
        return row.aim_text or "–"
    return f"{'≥' if row.at_least else '≤'} {row.aim:g} × floor"


def cell(row, measured):
    if measured.failure:
        return "failed"
    return "–" if measured.value is None else f"{number(measured.value)} {row.unit}"


def table(results):
    """`results`: row and, for each server's name, the median or why there is none."""
    lines = ["| work | floor | buzon | buzon ÷ floor | aim | reached | Dovecot |", "| --- | --- | --- | --- | --- | --- | --- |"]
    notes = []
    for row, measured in results:
        floor, buzon, dovecot = (measured.get(name, NOTHING) for name in ("floor", "buzon", "dovecot"))
        ratio, reached = verdict(row, floor.value, None if buzon.failure else buzon.value)
        lines.append("| " + " | ".join([
            row.title, cell(row, floor), cell(row, buzon), number(ratio), aim_of(row),
            {True: "yes", False: "**no**", None: "–"}[reached], cell(row, dovecot)]) + " |")
        notes += [f"- {row.title}: {name}: {result.failure}" for name, result in measured.items() if result.failure]
        if row.note:
            notes.append(f"- {row.title}: {row.note}")
    return "\n".join(lines + ([""] + notes if notes else [])) + "\n"


def machine():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read())
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) / (1 << 20)
    name = model.group(1) if model else platform.machine()
    return f"{os.cpu_count()} × {name}, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}"


def file_system(directory):
    """Kind of the mount that holds it."""
    with open("/proc/mounts") as file:
        mounts = [line.split()[1:3] for line in file]
    under = [(len(point), kind) for point, kind in mounts
             if directory == point or directory.startswith(point.rstrip("/") + "/")]
    return max(under)[1] if under else "an unknown file system"


def versions(source, servers):
    revision = subprocess.run(["git", "-C", source, "describe", "--always", "--dirty"], capture_output=True, text=True)
    texts = [f"{server.version()}" for server in servers if server.missing() is None and server.name != "floor"]
    if revision.returncode == 0:
        texts.append(f"revision {revision.stdout.strip()}")
    return ", ".join(texts)


def section(results, source, servers, rounds, took, load_average, bench):
    today = datetime.date.today().isoformat()
    return (f"Measured {today} on {machine()}; {versions(source, servers)}.\n"
            f"Medians of {rounds} rounds, {took:.0f} s in all; Maildirs on {file_system(bench.top)}, the large ones on "
            f"{file_system(bench.large)}; load average of the "
            f"machine before: {load_average:.1f}.\n\n"
            + table(results))


def write_into(document, text):
    """Replaces what stands between the markers, in one step."""
    with open(document) as file:
        old = file.read()
    before, rest = old.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    with open(document + ".new", "w") as file:
        file.write(f"{before}{BEGIN}\n{text}{END}{after}")
    os.replace(document + ".new", document)
