#!/usr/bin/env bash
# icicle-emu 0.0.11: Thumb's SSAT saturates to one bit less than it is asked for; SMLAWB, SMLAWT and QADD end
# the run as instructions that there are not.
#
# Guess before the run: the emulator takes its instructions from Ghidra's description of Arm, which decompiles
# firmware every day: SSAT to 8 bits leaves 127 as it is, as USAT does with 255.
# Seen: `ssat r0, #8, r1` makes 63 of 127 and -64 of -128, `ssat #16` 16383 of 32767; `usat #8` is right.
# The description counts the field, which holds the bits less one, as the bits. An int8 network's outputs are
# then all within -64 and 63, which looks like weights that are too small. SMLAD, SMMLAR and the others that
# int8 kernels use are right.
#
# Exits non-zero if that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check icicle-emu==0.0.11
cat > "$folder/ssat.py" <<'PY'
import icicle

ENCODED = {  # Armv7-M Architecture Reference Manual, encoding T1 of each
    "ssat r0, #8, r1": "01f30700",
    "ssat r0, #16, r1": "01f30f00",
    "usat r0, #8, r1": "81f30800",
    "smlad r0, r1, r2, r3": "21fb0230",
    "smlawb r0, r1, r2, r3": "31fb0230",
    "qadd r0, r1, r2": "82fa81f0",
}


def run(text, r1):
    machine = icicle.Icicle("thumbv7m")
    machine.mem_map(0x1000, 0x1000, icicle.MemoryProtection.ExecuteReadWrite)
    machine.mem_write(0x1000, bytes.fromhex(ENCODED[text]) + b"\x00\xbf" * 4)
    for name, value in {"r1": r1 & 0xFFFFFFFF, "r2": 3, "r3": 1, "TB": 1}.items():
        machine.reg_write(name, value)
    machine.pc = 0x1000
    if machine.step(1) != icicle.RunStatus.InstructionLimit:
        return str(machine.exception_code).rpartition(".")[2]
    found = machine.reg_read("r0")
    return found - (found >> 31 << 32)


print("icicle-emu 0.0.11")
asked = [("ssat r0, #8, r1", value) for value in (63, 64, 127, -128, 5000)]
asked += [("ssat r0, #16, r1", 32767), ("usat r0, #8, r1", 255)]
asked += [(text, 5) for text in list(ENCODED)[3:]]
found = [run(*one) for one in asked]
for (text, r1), value in zip(asked, found):
    print(f"{text}, r1 = {r1}: {value}")
wanted = [63, 63, 63, -64, 63, 16383, 255, 16, "InvalidInstruction", "InvalidOpSize"]
raise SystemExit(found != wanted and f"no longer as found: {found}")
PY
"$folder/venv/bin/python" "$folder/ssat.py" 2>/dev/null
