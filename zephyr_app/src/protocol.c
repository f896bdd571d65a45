#include "protocol.h"

#include <stdbool.h>
#include <string.h>

#include "hal.h"

enum { IDLE, SEQUENCE, TYPE, AFTER_TYPE, PAYLOAD, CHECKSUM, BROKEN };

#define CRC_START 0xFFFFFFFFu
#define CRC_DIGITS 8
#define NOT_BASE64 0xFFu

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_digits[] = "0123456789abcdef";

/* CRC-32 of IEEE 802.3, reflected, a nibble at a time: 64 bytes of table instead of 1 KiB. */
static uint32_t crc_add(uint32_t crc, uint8_t byte)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
        0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
        0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };
    crc ^= byte;
    crc = (crc >> 4) ^ table[crc & 15u];
    return (crc >> 4) ^ table[crc & 15u];
}

/* ---- Sender ---- */

static struct {
    uint32_t crc;
    uint32_t bits; /* bytes of a base64 group that is not full yet */
    uint8_t count;
} sender;

static void put(char character)
{
    sender.crc = crc_add(sender.crc, (uint8_t)character);
    hal_put((uint8_t)character);
}

/* The first `digits` base64 digits of the group in `bits`. */
static void put_group(int digits)
{
    for (int i = 0; i < digits; i++) {
        put(base64_digits[(sender.bits >> (18 - 6 * i)) & 63u]);
    }
}

void protocol_begin(uint32_t seq, char type)
{
    char decimal[10];
    size_t length = 0;
    sender.bits = 0;
    sender.count = 0;
    hal_put('$');
    sender.crc = CRC_START;
    do {
        decimal[length++] = (char)('0' + seq % 10);
        seq /= 10;
    } while (seq);
    while (length) {
        put(decimal[--length]);
    }
    put(',');
    put(type);
    put(',');
}

void protocol_bytes(const void *data, size_t size)
{
    const uint8_t *byte = data;
    for (size_t i = 0; i < size; i++) {
        sender.bits |= (uint32_t)byte[i] << (16 - 8 * sender.count);
        if (++sender.count == 3) {
            put_group(4);
            sender.bits = 0;
            sender.count = 0;
        }
    }
}

void protocol_text(const char *text)
{
    protocol_bytes(text, strlen(text));
}

void protocol_hex(uint64_t value)
{
    char digits[16];
    size_t start = sizeof digits;
    do {
        digits[--start] = hex_digits[value & 15u];
        value >>= 4;
    } while (value);
    protocol_bytes(digits + start, sizeof digits - start);
}

void protocol_end(void)
{
    if (sender.count) {
        put_group(sender.count + 1);
        for (int i = sender.count; i < 3; i++) {
            put('=');
        }
    }
    uint32_t crc = ~sender.crc;
    hal_put('*');
    for (int shift = 28; shift >= 0; shift -= 4) {
        hal_put((uint8_t)hex_digits[(crc >> shift) & 15u]);
    }
    hal_put('\n');
}

void protocol_reply(uint32_t seq, char type, const char *text)
{
    protocol_begin(seq, type);
    protocol_text(text);
    protocol_end();
}

/* ---- Receiver ---- */

static uint32_t base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26u;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52u;
    }
    return c == '+' ? 62u : c == '/' ? 63u : NOT_BASE64;
}

static void store(struct protocol_receiver *r, uint32_t byte)
{
    if (r->size < r->capacity) {
        r->payload[r->size] = (uint8_t)byte;
    }
    r->size++;
}

/* Stores what a group of `digits` base64 digits holds; `bits` has them right-aligned. */
static void store_group(struct protocol_receiver *r, int digits)
{
    uint32_t group = r->bits << (6 * (4 - digits));
    for (int i = 0; i < digits - 1; i++) {
        store(r, group >> (16 - 8 * i));
    }
    r->bits = 0;
    r->digits = 0;
}

/* Takes what lies where the payload belongs. */
static void take_placed(struct protocol_receiver *r)
{
    for (r->size = 0; r->size < r->capacity; r->size++) {
        r->crc = crc_add(r->crc, r->payload[r->size]);
    }
}

/* Ends the payload at `*`: a group is full or padded to four. */
static bool payload_end(struct protocol_receiver *r)
{
    if (r->padding ? r->digits + r->padding != 4 || r->padding > 2 : r->digits != 0) {
        return false;
    }
    if (r->padding) {
        store_group(r, r->digits);
    }
    if (r->type == FRAME_PLACED) {
        take_placed(r);
    }
    r->wanted_crc = 0;
    return true;
}

static uint8_t payload_digit(struct protocol_receiver *r, uint8_t c)
{
    uint32_t value = base64_value(c);
    if (c == '=') {
        r->padding++;
        return PAYLOAD;
    }
    if (value == NOT_BASE64 || r->padding) {
        return BROKEN;
    }
    r->bits = r->bits << 6 | value;
    if (++r->digits == 4) {
        store_group(r, 4);
    }
    return PAYLOAD;
}

static uint8_t sequence_digit(struct protocol_receiver *r, uint8_t c)
{
    if (c == ',') {
        return TYPE;
    }
    if (c < '0' || c > '9') {
        return BROKEN;
    }
    r->seq = r->seq * 10 + (c - '0'); /* one that wraps does not match any request: harmless */
    return SEQUENCE;
}

static uint8_t checksum_digit(struct protocol_receiver *r, uint8_t c)
{
    const char *digit = c ? strchr(hex_digits, c) : NULL;
    if (!digit || r->digits == CRC_DIGITS) {
        return BROKEN;
    }
    r->wanted_crc = r->wanted_crc << 4 | (uint32_t)(digit - hex_digits);
    r->digits++;
    return CHECKSUM;
}

static uint8_t next_state(struct protocol_receiver *r, uint8_t c)
{
    switch (r->state) {
    case SEQUENCE:
        return sequence_digit(r, c);
    case TYPE:
        r->type = (char)c;
        return AFTER_TYPE;
    case AFTER_TYPE:
        return c == ',' ? PAYLOAD : BROKEN;
    case PAYLOAD:
        if (c == '*') {
            return payload_end(r) ? CHECKSUM : BROKEN;
        }
        return payload_digit(r, c);
    case CHECKSUM:
        return checksum_digit(r, c);
    default:
        return r->state;
    }
}

static enum protocol_event line_end(struct protocol_receiver *r)
{
    uint8_t state = r->state;
    r->state = IDLE;
    if (state == IDLE) {
        return PROTOCOL_NOTHING;
    }
    bool good = state == CHECKSUM && r->digits == CRC_DIGITS && r->wanted_crc == ~r->crc;
    return good ? PROTOCOL_FRAME : PROTOCOL_BAD;
}

enum protocol_event protocol_feed(struct protocol_receiver *r, uint8_t byte)
{
    if (byte == '$') {
        r->state = SEQUENCE;
        r->seq = 0;
        r->size = 0;
        r->digits = 0;
        r->padding = 0;
        r->bits = 0;
        r->crc = CRC_START;
        return PROTOCOL_NOTHING;
    }
    if (byte == '\n') {
        return line_end(r);
    }
    uint8_t before = r->state;
    r->state = next_state(r, byte);
    if (before < CHECKSUM && r->state != CHECKSUM) {
        r->crc = crc_add(r->crc, byte);
    }
    return PROTOCOL_NOTHING;
}
