#!/usr/bin/env bash
# picolibc 1.8 (Debian's, for Arm): `printf("%.0f", 0.49)` prints 1, and `printf("%.2f", 0.0049)` 0.01.
#
# Guess before the run: the text of `%.Nf` is the nearest decimal, as the C library of the host prints
# it; if it differs, then only at exact halves (0.5).
# Seen: whatever is above 0.45 and below 0.5 of the last place prints as 1 of it: the value is rounded to
# one digit first (0.49 to 0.5), and that digit is rounded again. Values with a digit before that place
# are right (1.49 prints 1). So an error of 0.0046 printed by `%.2f` reads 0.01 on the
# device, 0.00 on the host.
# Upstream mended it in 2024 (pull request 770 of picolibc); Debian 12 has 1.8.
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
cat > text.c <<'C'
#include <stdio.h>

static const double values[] = {0.44, 0.46, 0.49, 0.51, 1.49, -0.49};

int main(void) {
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
        double v = values[i];
        printf("%g: %.0f %.1f %.2f\n", v, v, v / 10, v / 100);
    }
    return 0;
}
C
arm-none-eabi-gcc -mcpu=cortex-m3 -mthumb -O1 text.c -o device "--specs=$specs" \
    "--picolibc-prefix=$folder/tree/usr" --oslib=semihost --crt0=hosted \
    -Wl,--defsym=__flash=0,--defsym=__flash_size=0x400000 \
    -Wl,--defsym=__ram=0x20000000,--defsym=__ram_size=0x400000 2>log || { cat log; exit 1; }
gcc -O1 text.c -o host
./host > host.txt
timeout 60 qemu-system-arm -M mps2-an385 -semihosting-config enable=on,target=native \
    -display none -monitor none -serial none -kernel device > device.txt 2>&1
echo "value: as %.0f, a tenth as %.1f, a hundredth as %.2f"
paste -d '|' host.txt device.txt | sed 's/^/host /; s/|/ | device /'
wanted='0.44: 0 0.0 0.00
0.46: 1 0.1 0.01
0.49: 1 0.1 0.01
0.51: 1 0.1 0.01
1.49: 1 0.1 0.01
-0.49: -1 -0.1 -0.01'
[ "$(cat device.txt)" = "$wanted" ] || { echo "no longer as found" >&2; exit 1; }
grep -q '^0.49: 0 0.0 0.00' host.txt
