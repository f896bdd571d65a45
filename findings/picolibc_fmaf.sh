#!/usr/bin/env bash
# picolibc 1.8 (Debian's, for Arm): on a core without that precision in hardware `fmaf(x, y, z)`, and `fma`
# of doubles, round twice: they are x * y + z, nothing fused.
#
# Guess before the run: C says that fma rounds once, so a core without an FPU is slower, not different.
# Seen: (1 + 2^-12)^2 - 1 - 2^-11 is 2^-24. On a Cortex-M4F (VFMA) and on the host fmaf gives that; on a
# Cortex-M3 it gives 0. fma of doubles gives 0 for the like case on both. One source, compiled without
# -ffast-math, computes other numbers on two boards; what relies on fma for the error of a product
# (compensated sums, double-float arithmetic) gets none, silently.
#
# Exits non-zero if that is no longer so. Needs a qemu-system-arm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
apt-get download -qq "picolibc-arm-none-eabi=1.8-1" "gcc-arm-none-eabi=15:12.2.rel1-1" \
    "binutils-arm-none-eabi=2.40-2+18+b1" 2>/dev/null
for package in ./*.deb; do dpkg -x "$package" tree; done
export PATH=$folder/tree/usr/bin:$PATH
specs=$(find tree -name picolibc.specs | head -1)
cat > fused.c <<'C'
#include <math.h>
#include <stdio.h>

/* volatile: or the compiler computes it */
static volatile float x = 1 + 0x1p-12f, z = -1 - 0x1p-11f;
static volatile double X = 1 + 0x1p-27, Z = -1 - 0x1p-26;

int main(void) {
    printf("fmaf %d * 2^-24, fma %d * 2^-54\n", (int)(fmaf(x, x, z) * 0x1p24f), (int)(fma(X, X, Z) * 0x1p54));
    return 0;
}
C
run() {
    local machine=$1
    shift
    arm-none-eabi-gcc "$@" -mthumb -O2 fused.c -o device "--specs=$specs" \
        "--picolibc-prefix=$folder/tree/usr" --oslib=semihost --crt0=hosted \
        -Wl,--defsym=__flash=0,--defsym=__flash_size=0x400000 \
        -Wl,--defsym=__ram=0x20000000,--defsym=__ram_size=0x400000 -lm 2>log || { cat log; exit 1; }
    timeout 60 qemu-system-arm -M "$machine" -semihosting-config enable=on,target=native \
        -display none -monitor none -serial none -kernel device 2>&1
}
gcc -O2 fused.c -o host -lm
found="host: $(./host)
Cortex-M3: $(run mps2-an385 -mcpu=cortex-m3)
Cortex-M4F: $(run mps2-an386 -mcpu=cortex-m4 -mfloat-abi=hard)"
echo "$found"
wanted='host: fmaf 1 * 2^-24, fma 1 * 2^-54
Cortex-M3: fmaf 0 * 2^-24, fma 0 * 2^-54
Cortex-M4F: fmaf 1 * 2^-24, fma 0 * 2^-54'
[ "$found" = "$wanted" ] || { echo "no longer as found" >&2; exit 1; }
