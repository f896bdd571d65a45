/* The firmware: boot, self-test, hello, then serve the host.
 *
 * The self-test runs before a byte from the host is looked at, so what it measures is the same at
 * every boot of an emulator that counts instructions.
 */
#include <stdbool.h>
#include <string.h>

#include "hal.h"
#ifdef MLFORGE_MLPERF
#include "mlperf.h"
#endif
#include "model.h"
#include "model_data.h"
#ifdef MLFORGE_PROFILE
#include "profile.h"
#endif
#include "protocol.h"
#ifdef MLFORGE_SCHEDULER
#include "scheduler.h"
#endif
#include "spread.h"
#if __has_include("model_rows.h") /* the model asks for its input, a few rows at a time */
#include "model_rows.h"
#define MODEL_IS_STREAMED 1
#endif

#define PROTOCOL_VERSION 3

/* Where the input lies is the same at every boot, but for a process of a computer. */
#if !defined(MODEL_IS_STREAMED) && UINTPTR_MAX == UINT32_MAX
#define INPUT_HAS_A_PLACE 1
#endif

/* The self-test repeats the inference for half a second, by what the first one took: often enough
 * for a p99 where the model is small, not for long where it is large. */
#if defined(MLFORGE_PROFILE) || defined(MLFORGE_SCHEDULER) /* whose figures are others */
#define REPETITIONS_LEAST 1u
#define REPETITIONS_MOST 1u
#else
#define REPETITIONS_LEAST 5u
#ifndef REPETITIONS_MOST
#define REPETITIONS_MOST 500u
#endif
#endif
#define SELF_TESTS_A_SECOND 2u

/* Device time that one inference may take before it counts as hung. */
#ifndef MLFORGE_WATCHDOG_SECONDS
#define MLFORGE_WATCHDOG_SECONDS 60
#endif

static uint64_t first_ticks; /* of the self-test */
static struct spread self_test; /* all of it, relative to the first */
static uint64_t empty_ticks; /* what reading the clock twice costs */
#ifdef MLFORGE_SCHEDULER
static uint64_t start_up_ticks; /* from when the clock starts to the first result */
#endif

#ifdef MODEL_IS_ANOMALY
static int8_t compared[MODEL_INPUT_BYTES]; /* the input; the model may overwrite its own */
static uint64_t score;

static int invoke(void)
{
    memcpy(compared, model_input(), sizeof compared);
    int status = model_invoke();
    score = model_score(compared, model_output());
    return status;
}
#else
static int invoke(void)
{
    return model_invoke();
}
#endif

static void text_field(const char *name, const char *value)
{
    protocol_text(name);
    protocol_text(value);
    protocol_text("\n");
}

static void number_field(const char *name, uint64_t value)
{
    protocol_text(name);
    protocol_hex(value);
    protocol_text("\n");
}

#ifdef MODEL_IS_STREAMED
static struct protocol_receiver receiver; /* of requests, which have no payload, and of rows */
static struct {
    bool from_host; /* or else the self-test's input */
    bool abandoned; /* something else than rows came, which is in `receiver` */
    uint32_t seq; /* of the inference */
    uint32_t pieces; /* that the self-test asked for in an inference */
    uint64_t ticks; /* that it took to get rows */
} feed;

static void ask_for_rows(const int8_t *rows, uint32_t first, uint32_t size)
{
    protocol_begin(feed.seq, FRAME_WANTED);
    number_field("first=", first);
    number_field("size=", size);
    number_field("at=", (uintptr_t)rows);
    protocol_end();
}

/* Asks the host and waits until the rows are there. It sends nothing that was not asked for, so no
 * byte comes while the model computes, when nobody would read it. */
static void rows_from_host(int8_t *rows, uint32_t first, uint32_t size)
{
    bool asked = false;
    receiver.payload = (uint8_t *)rows;
    receiver.capacity = size;
    while (!feed.abandoned) {
        if (!asked) {
            ask_for_rows(rows, first, size);
            asked = true;
        }
        enum protocol_event event = protocol_feed(&receiver, hal_get());
        if (event == PROTOCOL_BAD) {
            asked = false;
        } else if (event == PROTOCOL_FRAME) {
            feed.abandoned = receiver.type != FRAME_ROWS && receiver.type != FRAME_PLACED;
            if (!feed.abandoned && receiver.seq == first && receiver.size == size) {
                break;
            }
        }
    }
    receiver.capacity = 0;
    if (feed.abandoned) {
        memset(rows, 0, size);
    }
}

/* The self-test's rows are part of what it measures: any fixed input does, and one that costs next
 * to nothing.
 */
void model_read_rows(int8_t *rows, int32_t first, int32_t count)
{
    uint32_t size = (uint32_t)count * MODEL_ROW_BYTES;
    if (!feed.from_host) {
        feed.pieces++;
        memset(rows, first * 7, size);
        return;
    }
    uint64_t start = hal_ticks();
    hal_watchdog(0); /* it is the model that may hang: a host takes the time it likes */
    rows_from_host(rows, (uint32_t)first * MODEL_ROW_BYTES, size);
    hal_watchdog(MLFORGE_WATCHDOG_SECONDS);
    feed.ticks += hal_ticks() - start + empty_ticks;
}
#endif

/* Runs the model and measures it, without the cost of measuring, or of getting rows. */
static int timed_invoke(uint64_t *ticks)
{
    hal_watchdog(MLFORGE_WATCHDOG_SECONDS);
#ifdef MODEL_IS_STREAMED
    feed.ticks = 0;
    if (!feed.from_host) {
        feed.pieces = 0;
    }
#endif
    uint64_t start = hal_ticks();
    int status = invoke();
    uint64_t elapsed = hal_ticks() - start;
    hal_watchdog(0);
#ifdef MODEL_IS_STREAMED
    elapsed -= feed.ticks;
#endif
    *ticks = elapsed > empty_ticks ? elapsed - empty_ticks : 0;
    return status;
}

static void calibrate(void)
{
    uint64_t start = hal_ticks();
    empty_ticks = hal_ticks() - start;
#ifdef __linux__ /* where another process may come in between */
    for (int i = 0; i < 1000; i++) {
        start = hal_ticks();
        uint64_t ticks = hal_ticks() - start;
        empty_ticks = ticks < empty_ticks ? ticks : empty_ticks;
    }
#endif
}

/* Any fixed input does: the kernels' work does not depend on values. This one has all of them. */
static void fill_input(void)
{
#ifndef MODEL_IS_STREAMED
    int8_t *input = model_input();
    for (size_t i = 0; i < MODEL_INPUT_BYTES; i++) {
        input[i] = (int8_t)(uint8_t)(i * 7);
    }
#endif
}

static uint32_t repetitions(void)
{
    uint32_t budget = hal_tick_hz() / SELF_TESTS_A_SECOND; /* 32 bits: dividing 64 takes much code */
    uint32_t fitting = first_ticks < budget ? budget / ((uint32_t)first_ticks + 1u) : 0;
    return fitting < REPETITIONS_LEAST  ? REPETITIONS_LEAST
           : fitting > REPETITIONS_MOST ? REPETITIONS_MOST
                                        : fitting;
}

static int run_self_test(void)
{
    uint32_t wanted = 1;
    calibrate();
    for (uint32_t done = 0; done < wanted; done++) {
        uint64_t ticks;
        fill_input();
        int status = timed_invoke(&ticks);
        if (status != 0) {
            return status;
        }
        if (done == 0) {
#ifdef MLFORGE_SCHEDULER
            start_up_ticks = hal_ticks();
#endif
            first_ticks = ticks;
            wanted = repetitions();
        }
        spread_add(&self_test, (int32_t)(ticks - first_ticks));
    }
#ifdef MLFORGE_SCHEDULER
    return scheduler_test(invoke);
#else
    return 0;
#endif
}

static void stack_field(const char *name, uint32_t used, uint32_t size)
{
    protocol_text("stack=");
    protocol_hex(used);
    protocol_text("/");
    protocol_hex(size);
    text_field(" ", name);
}

static void send_hello(uint32_t seq)
{
    protocol_begin(seq, FRAME_HELLO);
    number_field("protocol=", PROTOCOL_VERSION);
    text_field("model=", MODEL_DIGEST);
    text_field("firmware=", MLFORGE_FIRMWARE_ID);
    text_field("engine=", MLFORGE_ENGINE);
    number_field("input_bytes=", MODEL_INPUT_BYTES);
    number_field("output_bytes=", MODEL_OUTPUT_BYTES);
#ifdef INPUT_HAS_A_PLACE
    number_field("input_at=", (uintptr_t)model_input());
#endif
#ifdef MODEL_IS_STREAMED
    number_field("pieces=", feed.pieces);
#endif
#ifdef MLFORGE_MARKER
    number_field("marker=", 1);
#endif
    number_field("arena_bytes=", model_arena_bytes());
    number_field("tick_hz=", hal_tick_hz());
#ifdef MLFORGE_LINUX
    number_field("peak_memory=", hal_peak_memory_bytes());
#endif
    hal_stacks(stack_field);
    number_field("least_ticks=", first_ticks + (uint64_t)self_test.least);
    for (uint32_t i = 0; i < self_test.used; i++) {
        protocol_text("ticks=");
        protocol_hex(first_ticks + (uint64_t)self_test.values[i].value);
        number_field("*", self_test.values[i].count);
    }
#ifdef MLFORGE_PROFILE
    fill_input();
    profile_model();
#endif
#ifdef MLFORGE_SCHEDULER
    number_field("start_up=", start_up_ticks);
    scheduler_show();
#endif
    protocol_end();
}

static void send_status(uint32_t seq, const char *what, int status)
{
    protocol_begin(seq, FRAME_ERROR);
    protocol_text(what);
    protocol_hex((uint32_t)status);
    protocol_end();
}

static void little_endian(uint64_t value)
{
    for (int shift = 0; shift < 64; shift += 8) {
        protocol_bytes(&(uint8_t){(uint8_t)(value >> shift)}, 1);
    }
}

static void send_result(uint32_t seq, int status, uint64_t ticks)
{
    if (status != 0) {
        send_status(seq, "model_invoke returned ", status);
        return;
    }
    protocol_begin(seq, FRAME_OUTPUT);
    little_endian(ticks);
    protocol_bytes(model_output(), MODEL_OUTPUT_BYTES);
#ifdef MODEL_IS_ANOMALY
    little_endian(score);
#endif
#ifdef MODEL_DECISION_BYTES
    uint8_t decision[MODEL_DECISION_BYTES];
#ifdef MODEL_IS_ANOMALY
    model_decide(score, decision);
#else
    model_decide((const void *)model_output(), decision);
#endif
    protocol_bytes(decision, sizeof decision);
#endif
    protocol_end();
}

#ifdef MODEL_IS_STREAMED
#define REQUEST_BYTES 0u /* its rows are asked for */
#else
#define REQUEST_BYTES MODEL_INPUT_BYTES
#endif

#ifdef MODEL_KEEPS_STATE
/* A request that comes again, since its answer was lost, is answered again: run twice, the model
 * would be one inference ahead. */
static struct {
    bool begun; /* by the host, so that it knows what the model keeps */
    uint32_t seq;
    int status;
    uint64_t ticks;
    int8_t output[MODEL_OUTPUT_BYTES];
} stream;

static void begin(uint32_t seq)
{
    int status = model_init();
    if (status != 0) {
        send_status(seq, "model_init returned ", status);
        return;
    }
    stream.begun = true;
    stream.seq = seq;
    protocol_reply(seq, FRAME_BEGIN, "");
}

static void infer_next(uint32_t seq)
{
    if (!stream.begun) { /* such as after a reset */
        protocol_reply(seq, FRAME_ERROR, "no stream has begun");
        return;
    }
    if (seq == stream.seq) {
        memcpy((void *)model_output(), stream.output, sizeof stream.output);
    } else {
        stream.status = timed_invoke(&stream.ticks);
        stream.seq = seq;
        memcpy(stream.output, model_output(), sizeof stream.output);
    }
    send_result(seq, stream.status, stream.ticks);
}
#endif

static void infer(const struct protocol_receiver *request)
{
    uint64_t ticks;
    uint32_t seq = request->seq;
    if (request->size != REQUEST_BYTES) {
        protocol_reply(seq, FRAME_ERROR, "wrong input size");
        return;
    }
#ifdef MODEL_KEEPS_STATE
    infer_next(seq);
    return;
#endif
#ifdef MODEL_IS_STREAMED
    feed.from_host = true;
    feed.seq = seq;
#endif
    int status = timed_invoke(&ticks);
#ifdef MODEL_IS_STREAMED
    feed.from_host = false;
    if (feed.abandoned) {
        return;
    }
#endif
    send_result(seq, status, ticks);
}

#ifdef MLFORGE_MARKER
/* For a meter: windows of inferences, one behind the other, while the marker is high, each with a
 * pause as long. A tenth of a second has enough samples of any meter that is fast enough. */
#define MARKED_WINDOWS 12u
#define MARKED_WINDOWS_A_SECOND 10u

/* A request that comes again, since its answer was lost, is answered again and not done again: the
 * meter would see more windows than the host knows of. */
static struct {
    bool done;
    uint32_t seq;
    int status;
    uint32_t inferences; /* in each window */
    uint32_t least; /* ticks of the shortest window, and of the longest */
    uint32_t most;
} marked;

static uint32_t marked_window(void)
{
    hal_watchdog(MLFORGE_WATCHDOG_SECONDS);
    hal_marker(true);
    uint64_t start = hal_ticks();
    for (uint32_t done = 0; done < marked.inferences && marked.status == 0; done++) {
        marked.status = invoke();
    }
    uint32_t ticks = (uint32_t)(hal_ticks() - start);
    hal_marker(false);
    hal_watchdog(0);
    return ticks;
}

static void mark(void)
{
    uint32_t wanted = hal_tick_hz() / MARKED_WINDOWS_A_SECOND;
    uint32_t each = first_ticks < wanted ? (uint32_t)first_ticks : wanted;
    marked.inferences = wanted / (each + 1u) + 1u;
    marked.least = UINT32_MAX;
    marked.most = 0;
    marked.status = 0;
    fill_input();
    for (uint32_t window = 0; window < MARKED_WINDOWS && marked.status == 0; window++) {
        uint32_t ticks = marked_window();
        marked.least = ticks < marked.least ? ticks : marked.least;
        marked.most = ticks > marked.most ? ticks : marked.most;
        hal_idle(ticks);
    }
}

static void marked_windows(uint32_t seq)
{
    if (!marked.done || marked.seq != seq) {
#ifdef MODEL_KEEPS_STATE
        stream.begun = false; /* what the model keeps is no longer the host's */
#endif
#ifdef MODEL_IS_STREAMED
        uint32_t pieces = feed.pieces;
        mark();
        feed.pieces = pieces;
#else
        mark();
#endif
        marked.done = true;
        marked.seq = seq;
    }
    if (marked.status != 0) {
        send_status(seq, "model_invoke returned ", marked.status);
        return;
    }
    protocol_begin(seq, FRAME_MARKED);
    number_field("windows=", MARKED_WINDOWS);
    number_field("inferences=", marked.inferences);
    number_field("least_ticks=", marked.least);
    number_field("most_ticks=", marked.most);
    protocol_end();
}
#endif

static void answer(const struct protocol_receiver *request)
{
    switch (request->type) {
    case FRAME_HELLO:
        send_hello(request->seq);
        break;
#ifdef MODEL_IS_STREAMED
    case FRAME_PLACED:
    case FRAME_ROWS: /* of an inference that was abandoned */
        break;
#else
    case FRAME_PLACED:
#endif
    case FRAME_INFER:
        infer(request);
        break;
#ifdef MODEL_KEEPS_STATE
    case FRAME_BEGIN:
        begin(request->seq);
        break;
#endif
#ifdef MLFORGE_MARKER
    case FRAME_MARKED:
        marked_windows(request->seq);
        break;
#endif
    default:
        protocol_reply(request->seq, FRAME_ERROR, "unknown frame type");
    }
}

static __attribute__((noreturn)) void serve(void)
{
#ifndef MODEL_IS_STREAMED
    struct protocol_receiver receiver = {.payload = (uint8_t *)model_input(),
                                         .capacity = MODEL_INPUT_BYTES};
#endif
#ifdef MLFORGE_MLPERF
    mlperf_start();
#endif
    for (;;) {
        uint8_t byte = hal_get();
#ifdef MLFORGE_MLPERF
        if (byte != '$' && !protocol_in_frame(&receiver)) {
            mlperf_feed(byte);
            continue;
        }
#endif
        switch (protocol_feed(&receiver, byte)) {
        case PROTOCOL_FRAME:
#ifdef MODEL_IS_STREAMED
            do {
                feed.abandoned = false;
                answer(&receiver);
            } while (feed.abandoned);
#else
            answer(&receiver);
#endif
            break;
        case PROTOCOL_BAD:
            protocol_reply(0, FRAME_NAK, "");
            break;
        case PROTOCOL_NOTHING:
            break;
        }
    }
}

int main(void)
{
#ifndef MLFORGE_SCHEDULER /* painting is no part of a start-up, and nobody reads its stacks */
    hal_stack_paint();
#endif
    int status = model_init();
    if (status != 0) {
        send_status(0, "model_init returned ", status);
        hal_halt();
    }
    status = run_self_test();
    if (status != 0) {
        send_status(0, "model_invoke returned ", status);
        hal_halt();
    }
    send_hello(0);
    serve();
}
