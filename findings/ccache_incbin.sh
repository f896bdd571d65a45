#!/usr/bin/env bash
# ccache 4.7.5 (Debian's 4.8+really4.7.5-1): a C file that takes in a model with `.incbin` is answered from
# the cache with the OLD model's bytes, where a tab or two spaces stand between `.incbin` and the file.
#
# Guess before the run: ccache cannot know what the assembler reads, so it does not cache a source with
# `.incbin`, however that line is spaced.
# Seen: with one space the call is "uncacheable" and the object has the new bytes. With a tab, written
# `\t` in the string or as it is in a raw string, or with two spaces, it is a hit, and the object has the
# bytes of the file as it was. In a .S file a tab is recognised. No word, exit code 0: a firmware with
# weights of yesterday. `.include` in an assembler string is never recognised.
#
# Exits non-zero if that is no longer so. Needs any gcc.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
apt-get download -qq "ccache=4.8+really4.7.5-1" "libhiredis0.14=0.14.1-3" 2>/dev/null
for package in ./*.deb; do dpkg -x "$package" tree; done
export LD_LIBRARY_PATH=$folder/tree/usr/lib/x86_64-linux-gnu
export CCACHE_DIR=$folder/cache CCACHE_CONFIGPATH=$folder/none
ccache=tree/usr/bin/ccache
"$ccache" --version | head -1

# The source, then the bytes in the object that is made after the model was replaced.
again() {
    local name=$1
    cat > "$name"
    for model in old new; do
        printf '%s' "$model" > model.bin
        printf '.ascii "%s"\n' "$model" > model.inc
        "$ccache" gcc -std=gnu11 -c "$name" -o out.o
    done
    objcopy -O binary -j .model out.o out.bin
    printf '%s %s\n' "$name" "$(cat out.bin)"
}
start='__asm__(".section .model, \"a\"\n'
end='\n.text\n");'
found=$(
    echo "$start.incbin \\\"model.bin\\\"$end" | again space.c
    echo "$start.incbin\\t\\\"model.bin\\\"$end" | again tab.c
    echo "$start.incbin  \\\"model.bin\\\"$end" | again two_spaces.c
    printf '__asm__(R"(\n.section .model, "a"\n.incbin\t"model.bin"\n.text\n)");\n' | again raw.c
    echo "$start.include \\\"model.inc\\\"$end" | again include.c
    printf '.section .model, "a"\n.incbin\t"model.bin"\n' | again tab.S
)
echo "$found"
wanted='space.c new
tab.c old
two_spaces.c old
raw.c old
include.c old
tab.S new'
[ "$found" = "$wanted" ] || { echo "no longer as found" >&2; exit 1; }
