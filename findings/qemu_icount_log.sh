#!/usr/bin/env bash
# QEMU 7.2 (Debian's qemu-system-arm): with `-icount` the log of executed blocks (`-d exec,nochain`) has far
# more instructions than were executed, wherever a block reads or writes a device.
#
# Guess before the run: `-icount` makes QEMU count instructions exactly, so the logged blocks times the
# instructions that they have is exact under it too.
# Seen: 100 turns of six instructions, one of which reads a register of a UART, are 605 instructions with
# what is around them, and 605 by the log without icount. With it 1005: the block is logged, stops at the
# access, and is logged again from there, as a block of that one and a block of the rest. Even with
# `-singlestep`, a line per instruction, the log has 705. Only its lines "cpu_io_recompile" tell what to
# take off. The same loop around plain memory is right in all four ways.
#
# Exits non-zero if that is no longer so. Needs a qemu-system-arm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
apt-get download -qq "binutils-arm-none-eabi=2.40-2+18+b1" 2>/dev/null
dpkg -x ./*.deb tree
export PATH=$folder/tree/usr/bin:$PATH
qemu-system-arm --version | head -1
cat > loop.s <<'S'
    .syntax unified
    .cpu cortex-m3
    .thumb
    .word 0x20001000, start + 1
    .thumb_func
start:
    ldr r0, =PLACE      @ the UART's state, or plain memory
    movs r4, #100
again:
    eors r3, r2
    adds r3, #1
    ldr r1, [r0]
    adds r2, r2, r1
    subs r4, #1
    bne again
    movs r0, #0x18      @ asks QEMU to end
    ldr r1, =0x20026
    bkpt 0xab
S

# The instructions of all blocks in the log.
logged() {
    timeout 60 qemu-system-arm -M mps2-an385 -semihosting-config enable=on,target=native -display none \
        -monitor none -serial null -kernel loop -d exec,in_asm,nochain -D log "$@"
    awk '/^IN:/ { first = 1 }
        /^0x/ { sub(":", "", $1); if (first) { block = substr($1, 3); first = size[block] = 0 } size[block]++ }
        /^Trace/ { split($0, part, "/"); sum += size[part[2]] }
        END { print sum }' log
}
found=
for place in 0x40004004 0x20000000; do
    arm-none-eabi-as loop.s -o loop.o --defsym "PLACE=$place"
    arm-none-eabi-ld -Ttext=0 loop.o -o loop 2>/dev/null
    line="$place: $(logged), -icount $(logged -icount shift=0), "
    line+="-singlestep $(logged -singlestep), both $(logged -singlestep -icount shift=0)"
    echo "$line"
    found+="$line;"
done
wanted="0x40004004: 605, -icount 1005, -singlestep 605, both 705;"
wanted+="0x20000000: 605, -icount 605, -singlestep 605, both 605;"
[ "$found" = "$wanted" ] || { echo "no longer as found" >&2; exit 1; }
