#!/usr/bin/env bash
# llvm-mca of LLVM 22.1.8 (Debian's package), Cortex-M4, M33 and M55: a store or load of nine
# registers takes as many cycles as one of a single register, and a division one.
#
# Guess before the run: `push {r4-r11, lr}` takes about a cycle a register more than `push {r4}`, as
# the Cortex-M4's reference manual says (1 + N cycles for N registers; SDIV 2 to 12), and the M33 has
# a model of its own.
# Seen: `push` of one and of nine registers 1 cycle each, `sdiv` 1, whatever the number: the models
# give LDM, STM, PUSH and POP the latency and the one micro-operation of a single access. For
# `-mcpu=cortex-m33` all figures are those of the M4, whose model it uses. Only the Cortex-M7's tells
# `sdiv` (6) from an addition. A count of cycles has to add the registers, and the division's, itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
version=1:22.1.8-1~deb12u1
apt-get download -qq "llvm-22=$version" "libllvm22=$version" 2>/dev/null
for package in ./*.deb; do dpkg -x "$package" tree; done
mca=$(echo tree/usr/lib/llvm-22/bin/llvm-mca)
export LD_LIBRARY_PATH=$folder/tree/usr/lib/x86_64-linux-gnu:$folder/tree/usr/lib/llvm-22/lib
"$mca" --version | head -1

# The cycles of one more iteration, out of 101 and 1.
cycles() {
    local once many
    once=$(echo "$2" | "$mca" -mtriple=thumb-none-eabi "-mcpu=$1" -iterations=1 2>/dev/null |
        sed -n 's/^Total Cycles: *//p')
    many=$(echo "$2" | "$mca" -mtriple=thumb-none-eabi "-mcpu=$1" -iterations=101 2>/dev/null |
        sed -n 's/^Total Cycles: *//p')
    echo $(((many - once) / 100))
}
found=
for cpu in cortex-m4 cortex-m33 cortex-m55 cortex-m7; do
    line="$cpu: push {r4} $(cycles "$cpu" 'push {r4}')"
    line+=", push {r4-r11, lr} $(cycles "$cpu" 'push.w {r4, r5, r6, r7, r8, r9, r10, r11, lr}')"
    line+=", sdiv $(cycles "$cpu" 'sdiv r0, r1, r2')"
    echo "$line"
    found+="$line;"
done
wanted="cortex-m4: push {r4} 1, push {r4-r11, lr} 1, sdiv 1;"
wanted+="cortex-m33: push {r4} 1, push {r4-r11, lr} 1, sdiv 1;"
wanted+="cortex-m55: push {r4} 1, push {r4-r11, lr} 1, sdiv 1;"
[ "${found%cortex-m7*}" = "$wanted" ] || { echo "no longer as found" >&2; exit 1; }
