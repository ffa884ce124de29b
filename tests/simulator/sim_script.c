#include "sim_script.h"

#include "base/parse.h"
#include "sim_error.h"

#include <stdio.h>
#include <string.h>

enum kind { DURATION, NUMBER, SIZE, TEXT, FLAG, FINISH, ERROR, QUIRK };

static const char *const finish_names[] = {"true",     "stop",   "length", "tools",
                                           "sequence", "filter", "refusal"};
static const char *const quirk_names[] = {"openai", "azure", "groq", "openrouter"};

static const struct {
    const char *key, *help;
    enum kind kind;
    size_t offset;
} table[] = {
#define ROW(key, kind, field, help)                                                                \
    {                                                                                              \
        key, help, kind, offsetof(struct sim_script, field)                                        \
    }
    ROW("delay", DURATION, delay, "before the head"),
    ROW("first", DURATION, first, "between the head and the first chunk"),
    ROW("interval", DURATION, interval, "between chunks"),
    ROW("chunks", NUMBER, chunks,
        "the text is w1 w2 … wN, a chunk each; default: the echo, a word each"),
    ROW("split", NUMBER, split, "no HTTP chunk of a stream is larger"),
    ROW("size", SIZE, size, "the text is so many x"),
    ROW("stall", NUMBER, stall, "fall silent after so many chunks"),
    ROW("status", NUMBER, status, "from 400 on with an error in the dialect's shape"),
    ROW("fin", NUMBER, fin, "close after so many bytes, head and framing included"),
    ROW("rst", NUMBER, rst, "reset after so many bytes"),
    ROW("body", TEXT, body, "the answer's body"),
    ROW("type", TEXT, type, "its Content-Type"),
    ROW("location", TEXT, location, "a Location header"),
    ROW("retry-after", TEXT, retry_after, "a Retry-After header; Gemini's RetryInfo too"),
    ROW("garbage", FLAG, garbage, "no HTTP at all"),
    ROW("html", FLAG, html, "a web page with status 200"),
    ROW("empty", FLAG, empty, "no body"),
    ROW("bad-json", FLAG, bad_json, "JSON cut in the middle; in a stream each event"),
    ROW("silence", FLAG, silence, "accept and never answer"),
    ROW("no-done", FLAG, no_done, "without the stream's end mark"),
    ROW("no-finish", FLAG, no_finish, "without finish reason"),
    ROW("no-usage", FLAG, no_usage, "without usage"),
    ROW("zero-usage", FLAG, zero_usage, "usage of zeros"),
    ROW("double-usage", FLAG, double_usage, "usage twice"),
    ROW("stamp", FLAG, stamp, "each chunk's text is the microsecond it was made"),
    ROW("stream", FLAG, stream, "stream whatever is asked"),
    ROW("think", NUMBER, think, "so many words of thinking first, signed where the dialect signs"),
    ROW("redacted", FLAG, redacted, "then a block of redacted thinking"),
    ROW("tools", NUMBER, tools, "calls of so many of the offered tools, instead of text"),
    ROW("cached", NUMBER, cached, "tokens that came from the cache"),
    ROW("reasoning", NUMBER, reasoning, "tokens of thinking"),
    ROW("finish", FINISH, finish, "the end that is told"),
    ROW("error", ERROR, error, "a typed error, in the dialect's shape and words"),
    ROW("error-after", NUMBER, error_after, "that error in the stream, after so many chunks"),
    ROW("quirk", QUIRK, quirk, "whose habits, of those who speak OpenAI's dialect"),
    ROW("comments", FLAG, comments, "an SSE comment before each chunk"),
    ROW("header", TEXT, header, "one more, as Name: value"),
#undef ROW
};

#define N_KEYS (sizeof(table) / sizeof(table[0]))

void sim_script_init(struct sim_script *s)
{
    memset(s, 0, sizeof(*s));
    s->status = 200;
    s->stall = s->fin = s->rst = s->error_after = SIM_SCRIPT_NEVER;
}

static bool set_text(char *field, struct str value)
{
    size_t n = 0;

    for (size_t i = 0; i < value.len; i++, n++) {
        uint64_t code = (unsigned char)value.data[i];
        if (code == '%') {
            if (i + 2 >= value.len || !parse_hex((struct str){value.data + i + 1, 2}, &code))
                return false;
            i += 2;
        }
        if (n + 1 >= SIM_SCRIPT_TEXT)
            return false;
        field[n] = (char)code;
    }
    field[n] = '\0';
    return true;
}

static bool set_name(unsigned *field, struct str value, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(value, names[i])) {
            *field = (unsigned)i;
            return true;
        }
    return false;
}

#define N_NAMES(names) (sizeof(names) / sizeof((names)[0]))

static bool set_field(struct sim_script *s, size_t row, struct str value, bool has_value)
{
    void *field = (char *)s + table[row].offset;

    if (has_value == (table[row].kind == FLAG))
        return false;
    switch (table[row].kind) {
    case DURATION:
        return parse_duration(value, field);
    case NUMBER:
        return parse_u64(value, field);
    case SIZE:
        return parse_size(value, field);
    case TEXT:
        return set_text(field, value);
    case FLAG:
        *(bool *)field = true;
        return true;
    case FINISH:
        return set_name(field, value, finish_names, N_NAMES(finish_names));
    case ERROR:
        return set_name(field, value, sim_error_names, SIM_ERROR_KINDS);
    case QUIRK:
        return set_name(field, value, quirk_names, N_NAMES(quirk_names));
    }
    return false;
}

static bool set_item(struct sim_script *s, struct str item)
{
    struct str rest = item, key;
    bool has_value = memchr(item.data, '=', item.len) != NULL;

    if (!str_cut(&rest, '=', &key))
        return false;
    for (size_t row = 0; row < N_KEYS; row++)
        if (str_is(key, table[row].key))
            return set_field(s, row, rest, has_value);
    return false;
}

enum sim_script_result sim_script_parse(struct sim_script *s, struct str text, struct str *reterr)
{
    struct str item;

    while (str_cut(&text, ',', &item)) {
        item = str_trim(item);
        if (item.len > 0 && !set_item(s, item)) {
            *reterr = item;
            return SIM_SCRIPT_BAD;
        }
    }
    if (s->status < 100 || s->status > 999) {
        *reterr = STR("status");
        return SIM_SCRIPT_BAD;
    }
    return SIM_SCRIPT_OK;
}

/* "=stop|length", in `ret`. */
static void write_names(char *ret, size_t size, const char *const *names, size_t n)
{
    size_t len = 0;

    for (size_t i = 0; i < n && len < size; i++)
        len += (size_t)snprintf(ret + len, size - len, "%c%s", i == 0 ? '=' : '|', names[i]);
}

void sim_script_print_keys(void)
{
    static const char *const kinds[] = {"=DURATION", "=N", "=BYTES", "=TEXT", "", "", "", ""};
    char value[256];

    for (size_t row = 0; row < N_KEYS; row++) {
        snprintf(value, sizeof(value), "%s", kinds[table[row].kind]);
        if (table[row].kind == FINISH)
            write_names(value, sizeof(value), finish_names, N_NAMES(finish_names));
        if (table[row].kind == ERROR)
            write_names(value, sizeof(value), sim_error_names, SIM_ERROR_KINDS);
        if (table[row].kind == QUIRK)
            write_names(value, sizeof(value), quirk_names, N_NAMES(quirk_names));
        int width = (int)(strlen(table[row].key) + strlen(value));
        printf("  %s%s", table[row].key, value);
        if (width >= 19)
            printf("\n");
        printf("%*s", width < 19 ? 20 - width : 22, "");
        printf("%s\n", table[row].help);
    }
}
