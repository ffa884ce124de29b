/* How long does it take to count a conversation, cold and when only its last message is new?
 *
 *   count_time DATA/tokens FILE [FILE …]   a conversation of 800 KB out of the files, 4 KB a
 *                                          message but the last, which has 1; then a request of 1
 * KB
 */
#include "base/json.h"
#include "base/json_write.h"
#include "counting/tables.h"
#include "timing.h"

#include <stdio.h>
#include <stdlib.h>

#define WHOLE   800000
#define MESSAGE 4000
#define SMALL   900
#define ROUNDS  200

static char *read_text(int n, char **paths, size_t size)
{
    char *text = malloc(size);
    size_t len = 0;

    timing_need(text != NULL, "memory");
    for (int i = 0; len < size; i = (i + 1) % n) {
        FILE *f = fopen(paths[i], "re");
        timing_need(f != NULL, paths[i]);
        for (int c; len < size && (c = fgetc(f)) != EOF;)
            if (c > 0 && c < 0x80)
                text[len++] = (char)c;
        fclose(f);
    }
    return text;
}

static const struct json_value *converse(struct arena *a, struct buf *text, const char *from,
                                         size_t size, size_t message)
{
    const struct json_value *body;
    struct json_write w;
    size_t at;

    buf_clear(text);
    json_write_init(&w, text);
    json_write_begin(&w, '{');
    json_write_key(&w, "messages");
    json_write_begin(&w, '[');
    for (size_t i = 0; i < size; i += message) {
        json_write_begin(&w, '{');
        json_write_member(&w, "role", i / message % 2 ? "assistant" : "user");
        json_write_member_str(
            &w, "content",
            (struct str){from + i, i + message < size || message < SMALL ? message : SMALL});
        json_write_end(&w, '}');
    }
    json_write_end(&w, ']');
    json_write_end(&w, '}');
    timing_need(json_write_finish(&w) == BUF_OK, "room");
    timing_need(json_parse(a, buf_str(text), &body, &at) == JSON_OK, "JSON");
    return body;
}

static void report(const char *what, double *times, size_t n)
{
    timing_sort(times, n);
    printf("%-32s best %9.1f us   median %9.1f us   worst %9.1f us\n", what, times[0], times[n / 2],
           times[n - 1]);
}

static double time_one(struct tables *t, struct str model, const struct json_value *body)
{
    struct counter *c = tables_lend(t, counting_rule_find(model));
    uint64_t begun = timing_ns();

    timing_need(counter_request(c, body, UINT64_MAX) > 0, "a count");
    double taken = timing_us_since(begun);
    tables_take_back(t, &c);
    return taken;
}

/* Other bytes at the beginning, so that nobody has seen it. */
static void vary(char *text, int n)
{
    for (int i = 0; i < 8; i++, n /= 10)
        text[i] = (char)('0' + n % 10);
}

static void time_all(struct tables *t, struct str model, char *text)
{
    struct arena a;
    struct buf json;
    double cold[ROUNDS / 10], grown[ROUNDS], small[ROUNDS];

    arena_init(&a, 256 << 20);
    buf_init(&json, 16 << 20);
    for (int i = 0; i < ROUNDS / 10; i++) {
        for (size_t m = 0; m < WHOLE; m += MESSAGE)
            vary(text + m, rand());
        arena_clear(&a);
        cold[i] = time_one(t, model, converse(&a, &json, text, WHOLE, MESSAGE));
    }
    for (int i = 0; i < ROUNDS; i++) {
        vary(text + WHOLE - MESSAGE, i);
        arena_clear(&a);
        grown[i] = time_one(t, model, converse(&a, &json, text, WHOLE, MESSAGE));
    }
    for (int i = 0; i < ROUNDS; i++) {
        arena_clear(&a);
        small[i] = time_one(t, model, converse(&a, &json, text + i * SMALL, SMALL, SMALL));
    }
    printf("%.*s\n", STR_ARG(model));
    report("800 KB cold", cold, ROUNDS / 10);
    report("800 KB, its last message new", grown, ROUNDS);
    report("1 KB, new", small, ROUNDS);
    buf_done(&json);
    arena_done(&a);
}

int main(int argc, char **argv)
{
    timing_need(argc >= 3, "usage: count_time DATA/tokens FILE [FILE …]");
    char *text = read_text(argc - 2, argv + 2, WHOLE);
    struct tables *t = tables_new(argv[1], 65536);

    time_all(t, STR("gpt-4o"), text);
    time_all(t, STR("gpt-4"), text);
    time_all(t, STR("unheard-of"), text);
    tables_free(&t);
    free(text);
    return 0;
}
