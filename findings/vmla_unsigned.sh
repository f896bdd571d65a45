#!/usr/bin/env bash
# `vmla.u16 q3, q1, r7` (Arm's M-profile vectors): GNU as 2.40 sets the bit for unsigned, LLVM 22.1.8
# does not, and its disassembler cannot read what GNU as wrote.
#
# Guess before the run: two assemblers write the same bytes for one line, and each reads the other's.
# Seen: GNU as writes `13 fe 47 6e` for .u16 and `13 ee 47 6e` for .s16; LLVM writes `13 ee 47 6e` for
# both and says of the other "invalid instruction encoding". GCC 12 generates the unsigned form for a
# Cortex-M55, so a tool that reads its code with LLVM has to expect holes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
version=1:22.1.8-1~deb12u1
apt-get download -qq "llvm-22=$version" "libllvm22=$version" \
    "binutils-arm-none-eabi=2.40-2+18+b1" 2>/dev/null
for package in ./*.deb; do dpkg -x "$package" tree; done
mc=tree/usr/lib/llvm-22/bin/llvm-mc
export LD_LIBRARY_PATH=$folder/tree/usr/lib/x86_64-linux-gnu:$folder/tree/usr/lib/llvm-22/lib
export PATH=$folder/tree/usr/bin:$PATH
llvm=(-triple=thumb-none-eabi -mcpu=cortex-m55)
arm-none-eabi-as --version | head -1
"$mc" --version | head -1
found=
for type in u16 s16; do
    printf '.syntax unified\nvmla.%s q3, q1, r7\n' "$type" > line.s
    arm-none-eabi-as -march=armv8.1-m.main+mve -mthumb -o line.o line.s
    arm-none-eabi-objcopy -O binary line.o line.bin
    gnu=$(od -An -tx1 line.bin | xargs)
    other=$("$mc" "${llvm[@]}" --show-encoding line.s | sed -n 's/.*encoding: \[\(.*\)\]/\1/p' |
        sed 's/0x//g; s/,/ /g')
    read_back=$(sed 's/\([0-9a-f]\{2\}\)/0x\1/g' <<< "$gnu" | "$mc" "${llvm[@]}" --disassemble 2>&1 |
        grep -o 'invalid instruction encoding\|vmla.*' | head -1)
    line="vmla.$type: GNU as $gnu, LLVM $other, LLVM reads the first as: $(echo $read_back)"
    echo "$line"
    found+="$line;"
done
wanted="vmla.u16: GNU as 13 fe 47 6e, LLVM 13 ee 47 6e, LLVM reads the first as: "
wanted+="invalid instruction encoding;"
wanted+="vmla.s16: GNU as 13 ee 47 6e, LLVM 13 ee 47 6e, LLVM reads the first as: "
wanted+="vmla.i16 q3, q1, r7;"
[ "$found" = "$wanted" ] || { echo "no longer as found" >&2; exit 1; }
