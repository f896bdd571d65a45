#!/usr/bin/env bash
# GCC 12.2 for Arm (Debian's gcc-arm-none-eabi): `-fstack-usage` leaves out up to 16 bytes of a function that
# takes `...`, or a struct by value, and still calls its figure "static".
#
# Guess before the run: the figure of a function without alloca is by how much it lowers the stack
# pointer.
# Seen: a variadic function stores the registers r0 to r3 beside its caller's other arguments, by a `push` of
# its own; the figure is 8, the function takes 24. The same for a struct of 80 bytes by value, whose first
# 16 come in registers. Whoever adds the figures up along a chain of calls that logs something comes out
# too low. Functions that take neither are right.
#
# Exits non-zero if that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
apt-get download -qq "gcc-arm-none-eabi=15:12.2.rel1-1" "binutils-arm-none-eabi=2.40-2+18+b1" 2>/dev/null
for package in ./*.deb; do dpkg -x "$package" tree; done
export PATH=$folder/tree/usr/bin:$PATH
arm-none-eabi-gcc --version | sed -n 1p
cat > stack.c <<'C'
#include <stdarg.h>

struct frame { int samples[20]; };
void use(void *);

int variadic(const char *text, ...) {
    va_list list;
    va_start(list, text);
    int sum = va_arg(list, int) + va_arg(list, int);
    va_end(list);
    return sum;
}

int by_value(struct frame frame) {
    use(&frame);
    return frame.samples[3];
}

int by_pointer(struct frame *frame) {
    use(frame);
    return frame->samples[3];
}
C
arm-none-eabi-gcc -mcpu=cortex-m3 -mthumb -O2 -fstack-usage -c stack.c
found=
for function in variadic by_value by_pointer; do
    told=$(awk -F'[:\t]' -v name="$function" '$4 == name { print $5, $6 }' stack.su)
    # Until the stack pointer is raised again: `push` lowers it by 4 for each register, `sub` by a number.
    taken=$(arm-none-eabi-objdump -d --no-show-raw-insn "--disassemble=$function" stack.o | awk '
        /\tpop\t/ || /\tadd\tsp, #/ { exit }
        /\tpush\t/ { sum += 4 * gsub(",", "") + 4 }
        /\tsub\tsp, #/ { sub(/.*#/, ""); sum += $1 }
        END { print sum + 0 }')
    echo "$function: told $told, taken $taken"
    found+="$function $told $taken;"
done
wanted="variadic 8 static 24;by_value 8 static 24;by_pointer 8 static 8;"
[ "$found" = "$wanted" ] || { echo "no longer as found" >&2; exit 1; }
