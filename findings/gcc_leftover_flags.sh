#!/usr/bin/env bash
# GCC 12.2 for Arm (Debian's gcc-arm-none-eabi), Cortex-M55, `-Os`: what is left over by a loop that counts down
# by two is taken to be one, always.
#
# Guess before the run: `count == 1` behind `for (; count > 1; count -= 2)` is true for odd counts only.
# Seen: the test has the flags of the loop's own comparison; then the loop gets a counter of its own, as
# Armv8.1-M's low-overhead loops want one, with flags of its own, and the test goes by those. The code
# for a Cortex-M55 has one conditional branch and nothing that looks at the count behind the loop; that for
# a Cortex-M4, and with `-fno-branch-count-reg`, has a branch and a conditional instruction.
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
cat > left.c <<'C'
int left_over(const unsigned char *bytes, int count) {
    int pairs = 0;
    for (; count > 1; count -= 2) {
        pairs += bytes[0] * bytes[1];
        bytes += 2;
    }
    return count == 1 ? -pairs : pairs;
}
C
found=
for flags in "cortex-m55" "cortex-m55 -fno-branch-count-reg" "cortex-m4"; do
    read -ra options <<< "$flags"
    arm-none-eabi-gcc "-mcpu=${options[0]}" "${options[@]:1}" -mthumb -Os -S left.c
    negation=$(sed -n 's/^\t\(rsb[a-z]*\)\t.*/\1/p' left.s)
    echo "$flags: the sum is negated by $negation"
    found+="$flags $negation;"
done
wanted="cortex-m55 rsbs;cortex-m55 -fno-branch-count-reg rsbeq;cortex-m4 rsbeq;"
[ "$found" = "$wanted" ] || { echo "no longer as found" >&2; exit 1; }
