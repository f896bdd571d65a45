#include "mlperf.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "hal.h"
#include "mlperf_values.h"
#include "model.h"
#include "model_data.h"

#ifndef MLPERF_MODEL
#define MLPERF_MODEL MODEL_NAME
#endif

#define COMMAND_BYTES 128 /* the benchmark's runner sends up to 80 */
#define END_OF_COMMAND '%'
#define DEFAULT_WARMUPS 10
#define PRINT_COLUMNS 8
#define NOT_HEX 16u

static char command[COMMAND_BYTES];
static size_t command_length;

static size_t load_size;
static size_t load_position;
static bool prepared; /* and not loaded anew since */

/* ---- Output ---- */

static void say(const char *text)
{
    while (*text) {
        hal_put((uint8_t)*text++);
    }
}

static void say_number(uint64_t value)
{
    char digits[21];
    char *digit = &digits[sizeof digits - 1];
    *digit = 0;
    do {
        *--digit = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    say(digit);
}

static void say_hex(uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    hal_put((uint8_t)digits[byte >> 4]);
    hal_put((uint8_t)digits[byte & 15u]);
}

static void say_line(const char *text)
{
    say(text);
    say("\r\n");
}

static void say_counted(const char *text, uint64_t value, const char *end)
{
    say(text);
    say_number(value);
    say_line(end);
}

/* Three decimals, rounded half away from zero; in 32 bits, since a conversion to 64 would bring
 * double precision into the image. */
static void say_real(float value)
{
    if (value < 0) {
        say("-");
        value = -value;
    }
    uint32_t whole = (uint32_t)value;
    uint32_t thousandths = (uint32_t)((value - (float)whole) * 1000.0f + 0.5f);
    if (thousandths == 1000) {
        whole++;
        thousandths = 0;
    }
    say_number(whole);
    say(thousandths < 10 ? ".00" : thousandths < 100 ? ".0" : ".");
    say_number(thousandths);
}

/* ---- Input ---- */

/* Cuts the next word off; NULL where there is none. */
static char *next_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \r\n");
    if (*word == 0) {
        return NULL;
    }
    *rest = word + strcspn(word, " \r\n");
    if (**rest) {
        *(*rest)++ = 0;
    }
    return word;
}

/* A decimal number, or `otherwise` where there is no word; false where the word is no number. */
static bool next_number(char **rest, uint32_t otherwise, uint32_t *value)
{
    const char *word = next_word(rest);
    *value = otherwise;
    if (word == NULL) {
        return true;
    }
    for (*value = 0; *word >= '0' && *word <= '9'; word++) {
        *value = *value * 10 + (uint32_t)(*word - '0');
    }
    return *word == 0;
}

static uint32_t hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return (uint32_t)(digit - '0');
    }
    digit = (char)(digit | 0x20);
    return digit >= 'a' && digit <= 'f' ? (uint32_t)(digit - 'a') + 10u : NOT_HEX;
}

/* ---- Commands ---- */

static void timestamp(void)
{
    say_counted("m-lap-us-", hal_ticks() * 1000000u / hal_tick_hz(), "");
}

static void results(void)
{
    say("m-results-[");
#ifdef MODEL_IS_ANOMALY
    say_real(mlperf_error());
#else
    for (uint32_t i = 0; i < MODEL_OUTPUT_BYTES; i++) {
        say(i ? "," : "");
        say_real(mlperf_output(i));
    }
#endif
    say_line("]");
}

/* The input is set anew each time: an engine may use its place for something else. */
static bool invoke(uint32_t times)
{
    while (times--) {
        memcpy(model_input(), mlperf_input(), MODEL_INPUT_BYTES);
        if (model_invoke() != 0) {
            say_line("e-[The model failed]");
            return false;
        }
    }
    return true;
}

static void infer(char *rest)
{
    uint32_t times;
    uint32_t warmups;
    if (!next_number(&rest, 1, &times) || !next_number(&rest, DEFAULT_WARMUPS, &warmups) ||
        times == 0) {
        say_line("e-[Inference iterations must be >0]");
        return;
    }
    if (load_position < sizeof mlperf_loaded) {
        say_counted("e-[The model takes ", sizeof mlperf_loaded, " bytes: 'db load' them first]");
        return;
    }
    if (!prepared) {
        mlperf_prepare();
        prepared = true;
    }
    say_counted("m-warmup-start-", warmups, "");
    if (!invoke(warmups)) {
        return;
    }
    say_line("m-warmup-done");
    say_counted("m-infer-start-", times, "");
    timestamp();
    bool worked = invoke(times);
    timestamp();
    say_line("m-infer-done");
    if (worked) {
        results();
    }
}

static void db_load(char *rest)
{
    uint32_t size;
    if (!next_number(&rest, 0, &size) || size != sizeof mlperf_loaded) {
        say_counted("e-[Command 'db load' takes ", sizeof mlperf_loaded, " bytes]");
        return;
    }
    load_size = size;
    load_position = 0;
    prepared = false;
    say_counted("m-[Expecting ", size, " bytes]");
}

static void db_print(void)
{
    for (size_t i = 0; i < load_position; i++) {
        say(i % PRINT_COLUMNS ? "-" : "m-buffer-");
        say_hex(mlperf_loaded[i]);
        if (i % PRINT_COLUMNS == PRINT_COLUMNS - 1 || i + 1 == load_position) {
            say_line("");
        }
    }
}

static void db_bytes(const char *digits)
{
    if (strlen(digits) % 2) {
        say_line("e-[Insufficient number of hex digits]");
        return;
    }
    for (; *digits && load_position < load_size; digits += 2) {
        uint32_t high = hex_value(digits[0]);
        uint32_t low = hex_value(digits[1]);
        if (high == NOT_HEX || low == NOT_HEX) {
            say_line("e-[Invalid hex digit]");
            return;
        }
        mlperf_loaded[load_position++] = (uint8_t)(high << 4 | low);
        if (load_position == load_size) {
            say_line("m-load-done");
        }
    }
}

static void db(char *rest)
{
    const char *word = next_word(&rest);
    if (word == NULL) {
        say_line("e-[Command 'db' requires a subcommand]");
    } else if (strcmp(word, "load") == 0) {
        db_load(rest);
    } else if (strcmp(word, "print") == 0) {
        db_print();
    } else {
        db_bytes(word);
    }
}

static void run(char *text)
{
    const char *word = next_word(&text);
    if (word == NULL) {
        say_line("e-[Unknown command: ]");
    } else if (strcmp(word, "name") == 0) {
        say_line("m-name-dut-[mlforge]");
    } else if (strcmp(word, "timestamp") == 0) {
        timestamp();
    } else if (strcmp(word, "profile") == 0) {
        say_line("m-profile-[MLForge firmware " MLFORGE_FIRMWARE_ID "]");
        say_line("m-model-[" MLPERF_MODEL "]");
    } else if (strcmp(word, "db") == 0) {
        db(text);
    } else if (strcmp(word, "infer") == 0) {
        infer(text);
    } else if (strcmp(word, "results") == 0) {
        results();
    } else {
        say("e-[Unknown command: ");
        say(word);
        say_line("]");
    }
}

void mlperf_start(void)
{
    say_line("m-init-done");
}

void mlperf_feed(uint8_t byte)
{
    if (byte != END_OF_COMMAND) {
        /* One that is too long loses its end, and with it its meaning. */
        if (command_length < sizeof command - 1) {
            command[command_length++] = (char)byte;
        }
        return;
    }
    command[command_length] = 0;
    command_length = 0;
    run(command);
    say_line("m-ready");
}
