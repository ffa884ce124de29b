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
    const char *key;
    enum kind kind;
    size_t offset;
} table[] = {
#define ROW(key, kind, field)                                                                      \
    {                                                                                              \
        key, kind, offsetof(struct sim_script, field)                                              \
    }
    ROW("delay", DURATION, delay),
    ROW("first", DURATION, first),
    ROW("interval", DURATION, interval),
    ROW("chunks", NUMBER, chunks),
    ROW("split", NUMBER, split),
    ROW("size", SIZE, size),
    ROW("stall", NUMBER, stall),
    ROW("status", NUMBER, status),
    ROW("fin", NUMBER, fin),
    ROW("rst", NUMBER, rst),
    ROW("body", TEXT, body),
    ROW("type", TEXT, type),
    ROW("location", TEXT, location),
    ROW("retry-after", TEXT, retry_after),
    ROW("garbage", FLAG, garbage),
    ROW("html", FLAG, html),
    ROW("empty", FLAG, empty),
    ROW("bad-json", FLAG, bad_json),
    ROW("silence", FLAG, silence),
    ROW("no-done", FLAG, no_done),
    ROW("no-finish", FLAG, no_finish),
    ROW("no-usage", FLAG, no_usage),
    ROW("zero-usage", FLAG, zero_usage),
    ROW("double-usage", FLAG, double_usage),
    ROW("stamp", FLAG, stamp),
    ROW("stream", FLAG, stream),
    ROW("think", NUMBER, think),
    ROW("redacted", FLAG, redacted),
    ROW("tools", NUMBER, tools),
    ROW("cached", NUMBER, cached),
    ROW("reasoning", NUMBER, reasoning),
    ROW("finish", FINISH, finish),
    ROW("error", ERROR, error),
    ROW("error-after", NUMBER, error_after),
    ROW("quirk", QUIRK, quirk),
    ROW("comments", FLAG, comments),
    ROW("header", TEXT, header),
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

static void print_names(const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%c%s", i == 0 ? '=' : '|', names[i]);
}

void sim_script_print_keys(void)
{
    static const char *const kinds[] = {"=DURATION", "=N", "=BYTES", "=TEXT", "", "", "", ""};

    for (size_t row = 0; row < N_KEYS; row++) {
        printf(" %s%s", table[row].key, kinds[table[row].kind]);
        if (table[row].kind == FINISH)
            print_names(finish_names, N_NAMES(finish_names));
        if (table[row].kind == ERROR)
            print_names(sim_error_names, SIM_ERROR_KINDS);
        if (table[row].kind == QUIRK)
            print_names(quirk_names, N_NAMES(quirk_names));
    }
    printf("\n");
}
