/* Framed lines between device and host: `$<seq>,<type>,<base64 payload>*<crc32, 8 hex digits>\n`.
 *
 * The CRC (IEEE 802.3, as in zlib) covers everything between `$` and `*`. A `$` always starts a
 * new frame; text outside a frame is a log. Payload goes straight to and from its place, so no
 * line buffer takes RAM.
 */
#ifndef MLFORGE_PROTOCOL_H
#define MLFORGE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Host to device. */
#define FRAME_HELLO 'H' /* both ways; from the device at boot with sequence number 0 */
#define FRAME_INFER 'I' /* payload: the model's input; none of a model that asks for rows of it */
#define FRAME_ROWS 'R'  /* payload: what was asked for; in place of a number the place in the input */
#define FRAME_PLACED 'P' /* the same of a host that has written the payload where it belongs: none
                          * comes, and behind the rest the CRC goes on over what lies there */
#define FRAME_BEGIN 'B' /* both ways, of a model that keeps a state: the next input begins a stream */
#define FRAME_MARKED 'M' /* both ways, of an image for a meter: windows of inferences, with the marker
                          * high; the answer's payload: `name=hex` lines */
/* Device to host; replies carry the sequence number of their request. */
#define FRAME_OUTPUT 'O' /* payload: ticks (8 bytes, little-endian), the model's output, of a model
                          * of what is normal the score (8 bytes, little-endian), decisions */
#define FRAME_WANTED 'W' /* an inference needs a piece of its input; payload: `name=hex` lines */
#define FRAME_NAK 'N'    /* a frame with a wrong CRC or form came; sequence number 0 */
#define FRAME_ERROR 'E'  /* payload: text */
#define FRAME_FAULT 'F'  /* payload: `name=hex` lines */

void protocol_begin(uint32_t seq, char type);
void protocol_bytes(const void *data, size_t size);
void protocol_text(const char *text);
void protocol_hex(uint64_t value);
void protocol_end(void);

/* A whole frame with a text payload. */
void protocol_reply(uint32_t seq, char type, const char *text);

enum protocol_event {
    PROTOCOL_NOTHING, /* more bytes are needed */
    PROTOCOL_FRAME,   /* a good frame is there */
    PROTOCOL_BAD,     /* a frame with a wrong CRC or form ended */
};

/* Receiver. Set `payload` and `capacity`, zero the rest. A payload longer than `capacity` is
 * counted in `size` but not stored past it. */
struct protocol_receiver {
    uint8_t *payload;
    size_t capacity;
    size_t size;
    uint32_t seq;
    char type;

    uint8_t state;
    uint8_t digits;
    uint8_t padding;
    uint32_t bits;
    uint32_t crc;
    uint32_t wanted_crc;
};

/* Whether the next byte belongs to a frame that has begun. */
static inline bool protocol_in_frame(const struct protocol_receiver *receiver)
{
    return receiver->state != 0;
}

enum protocol_event protocol_feed(struct protocol_receiver *receiver, uint8_t byte);

#endif
