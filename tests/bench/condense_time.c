/* How much processor time does condensing take?
 *
 *   condense_time DATA/tokens ROUNDS <CONVERSATIONS
 *
 * A conversation is a line of JSON: {messages, budget}. For each way to condense and to count, a
 * line: its name, median and 99th percentile in microseconds, of ROUNDS times all conversations.
 * "known": each message has been counted before, as in a conversation that goes on.
 */
#include "condense.h"
#include "timing.h"

#include "counting/tables.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_BYTES    (1U << 30)
#define MAX_LINES    1000
#define MAX_MESSAGES 65536
#define MODEL        STR("gpt-4o")

struct way {
    const char *name;
    enum condense_mode mode;
    bool is_counted, is_known; /* by tables; before */
};

static const struct way ways[] = {
    {"extract, estimated", CONDENSE_EXTRACT, false, false},
    {"extract, counted", CONDENSE_EXTRACT, true, false},
    {"extract, known", CONDENSE_EXTRACT, true, true},
    {"mask, estimated", CONDENSE_MASK, false, false},
    {"mask, counted", CONDENSE_MASK, true, false},
    {"mask, known", CONDENSE_MASK, true, true},
};

struct asked {
    const struct json_value *messages;
    uint64_t budget;
};

static size_t read_asked(struct arena *a, struct asked *ret)
{
    char *line = NULL;
    size_t size = 0, n = 0, at;
    const struct json_value *v;
    int64_t budget;

    for (ssize_t len; n < MAX_LINES && (len = getline(&line, &size, stdin)) > 0; n++) {
        char *copy = arena_copy(a, (struct str){line, (size_t)len});
        timing_need(copy && json_parse(a, (struct str){copy, (size_t)len}, &v, &at) == JSON_OK,
                    "JSON");
        timing_need(json_int(json_get(v, "budget"), &budget), "a budget");
        ret[n] = (struct asked){json_get(v, "messages"), (uint64_t)budget};
    }
    free(line);
    return n;
}

static double time_one(struct counter *counter, const struct way *w, const struct asked *q)
{
    const struct condense_options options = {.dialect = STR("openai"),
                                             .mode = w->mode,
                                             .budget_tokens = q->budget,
                                             .keep_last = 4,
                                             .counter = counter};
    struct condense_report report;
    struct arena a;

    arena_init(&a, MAX_BYTES);
    uint64_t begun = timing_ns();
    timing_need(condense_run(&a, q->messages, &options, &report) == CONDENSE_CONDENSED, "room");
    arena_done(&a);
    return timing_us_since(begun);
}

static void time_way(const char *folder, const struct way *w, const struct asked *asked, size_t n)
{
    struct tables *tables = tables_new(folder, MAX_MESSAGES);
    struct counter *counter = tables_lend(tables, counting_rule_find(MODEL));
    struct counter_memory memory = counter->memory;
    double *times = calloc(n, sizeof(*times));

    timing_need(times && tables_can_count(tables, counter->rule), "a table");
    for (size_t i = 0; i < n; i++) {
        counter->memory = w->is_known ? memory : (struct counter_memory){.find = NULL};
        if (w->is_known)
            (void)counter_messages(counter, asked[i].messages);
        times[i] = time_one(w->is_counted ? counter : NULL, w, &asked[i]);
    }
    timing_sort(times, n);
    printf("%-20s %9.0f %9.0f\n", w->name, times[n / 2], times[n - 1 - n / 100]);
    free(times);
    tables_take_back(tables, &counter);
    tables_free(&tables);
}

int main(int argc, char **argv)
{
    static struct asked asked[MAX_LINES];
    struct arena a;

    timing_need(argc == 3, "usage: condense_time DATA/tokens ROUNDS <CONVERSATIONS");
    arena_init(&a, MAX_BYTES);
    size_t n = read_asked(&a, asked), rounds = (size_t)atoi(argv[2]);
    timing_need(n > 0 && rounds > 0 && n * rounds <= MAX_LINES, "conversations");
    for (size_t i = n; i < n * rounds; i++)
        asked[i] = asked[i - n];
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        time_way(argv[1], &ways[i], asked, n * rounds);
    arena_done(&a);
    return 0;
}
