# SPDX-License-Identifier: Apache-2.0
"""The rules of test/tidy.py about object files: what they call, what they define, whom they link with.

The objects are those of the rooms' static libraries in a release build without sanitizers. meson names the
object of src/base/error.c libbase.a.p/src_base_error.c.o; src/cli/main.c is in gw.p.
"""
import os
import re
import subprocess

FIXTURE = re.compile(r"\b(\w+_)?fixture\.c$")  # what tests share; linked with them only


def objects(house):
    """{source: object file} of the rooms' code in the build."""
    names = {path.replace("/", "_") + ".o": path for path in house.texts if path.endswith(".c")}
    found = {}
    for directory in sorted(os.listdir(house.build)):
        if not re.fullmatch(r"(lib[\w-]+\.a|gw)\.p", directory) or "groundwork" in directory:
            continue
        for name in os.listdir(os.path.join(house.build, directory)):
            if name in names and house.room(names[name]) and not FIXTURE.search(names[name]):
                found[names[name]] = os.path.join(house.build, directory, name)
    return found


def run_tool(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def plain(symbol):
    """What a program writes for a symbol of the C library: fortified, 64-bit and versioned forms folded."""
    symbol = re.sub(r"@.*", "", symbol)
    symbol = re.sub(r"^__isoc99_|^__isoc23_", "", symbol)
    fortified = re.fullmatch(r"__(\w+)_chk|__(open|openat)(?:64)?_2", symbol)
    if fortified:
        symbol = fortified.group(1) or fortified.group(2)
    symbol = re.sub(r"^_+(?=(IO_)?(sigsetjmp|setjmp|longjmp|getc|putc|xpg_strerror_r)$)", "", symbol)
    return re.sub(r"(?<=[a-z_])64$", "", symbol)


def symbols(house):
    """{source: (defined globals, undefined symbols)}; asked for once."""
    if not hasattr(house, "symbols"):
        sources = {file: source for source, file in objects(house).items()}
        house.symbols = {source: (set(), set()) for source in sources.values()}
        for line in (run_tool("nm", "-A", "-g", *sources) if sources else "").splitlines():
            file, _, rest = line.rpartition(".o:")
            kind, name = rest.split()[-2:]
            house.symbols[sources[file + ".o"]][kind in "Uwv"].add(name)
    return house.symbols


def symbol_arrows(house):
    found = symbols(house)
    if not found:
        yield f"{house.build}: no object files in it"
    owner = {name: house.room(source) for source, (defined, _) in found.items() for name in defined}
    for source, (_, undefined) in found.items():
        room = house.room(source)
        for name in sorted(undefined):
            # What the public headers offer is everybody's; who may include them is said elsewhere.
            if name.startswith("gw_") or owner.get(name, room) in [room] + house.table["arrows"][room]:
                continue
            yield f"{source}: {room} may not use {name} of {owner[name]}"


def mutable_globals(house):
    sections = re.compile(r"(\.data(?!\.rel\.ro)|\.bss|\.tdata|\.tbss|\*COM\*)")
    for source, file in objects(house).items():
        for line in run_tool("objdump", "-t", file).split("\n"):
            parts = re.fullmatch(r"[0-9a-f]+ (.{7}) (\S+)\s+[0-9a-f]+(?: \.hidden)? (\S+)", line)
            if not parts or not sections.match(parts.group(2)) or parts.group(3).startswith("."):
                continue
            name = re.sub(r"\.\d+$", "", parts.group(3))
            if not house.excused("allow_global", source, name):
                yield f"{source}: {name} can change ({parts.group(2)})"


def calls(house):
    groups = {name: set(text.split()) for name, text in house.table["calls"].items()}
    watched = {call: group for group, members in groups.items() for call in members}
    for source, (_, undefined) in symbols(house).items():
        reached = {name: group for name in map(plain, undefined) if (group := group_of(watched, name))}
        allowed = allowances(house, source, groups, set(reached))
        for name in sorted(set(reached) - allowed):
            yield f"{source}: calls {name} ({reached[name]}); see allow_calls in test/tidy.toml"


def group_of(watched, name):
    """The group that a call is in, or None; an entry that ends in * stands for all names that begin so."""
    if name in watched:
        return watched[name]
    return next((group for call, group in watched.items() if call.endswith("*") and name.startswith(call[:-1])), None)


def matching(members, reached):
    """The names among reached that the members stand for."""
    return {name for name in reached if group_of(dict.fromkeys(members, "one"), name)}


def allowances(house, source, groups, reached):
    """The calls that the table allows the file; each entry of it has to be of use."""
    allowed = set()
    for number, row in enumerate(house.table.get("allow_calls", [])):
        if row["file"] != source:
            continue
        useful = True
        for entry in row["calls"]:
            found = matching(groups.get(entry, {entry}), reached)
            useful = useful and bool(found)
            allowed |= found
        if useful:
            house.used.add(("allow_calls", number))
    return allowed
