/* What does condensing make of these conversations?
 *
 *   condense_lines [TABLE] <QUESTIONS
 *
 * A question is a line of JSON: {messages, budget, target?, dialect?, mode?, keep_last?, query?,
 * pin?, secret?}; so is each answer: {outcome, before, after, stages, ns, messages, omitted}. TABLE
 * is a table of tokens to count by, else they are estimated.
 */
#include "condense.h"
#include "timing.h"

#include "base/clock.h"
#include "base/json_write.h"
#include "io/map_file.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_BYTES (1U << 30)

struct counting {
    struct str file;
    struct vocab vocab;
    struct encode *encode;
    struct counter counter;
};

static struct str text_at(const struct json_value *o, const char *key, struct arena *a)
{
    struct str text;

    return json_string(json_get(o, key), a, &text) ? text : STR_EMPTY;
}

static uint64_t number_at(const struct json_value *o, const char *key, uint64_t otherwise)
{
    int64_t n;

    return json_int(json_get(o, key), &n) ? (uint64_t)n : otherwise;
}

static void write_answer(enum condense_outcome outcome, const struct condense_report *r,
                         uint64_t ns, struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member(&w, "outcome", condense_outcome_text(outcome));
    json_write_member_u64(&w, "before", r->tokens_before);
    json_write_member_u64(&w, "after", r->tokens_after);
    json_write_member_u64(&w, "ns", ns);
    json_write_key(&w, "stages");
    json_write_begin(&w, '[');
    for (size_t i = 0; i < r->n_stages; i++)
        json_write_text(&w, r->stage[i]);
    json_write_end(&w, ']');
    json_write_key(&w, "messages");
    json_write_raw(&w, r->messages.len ? r->messages : STR("[]"));
    json_write_key(&w, "omitted");
    json_write_begin(&w, '[');
    for (size_t i = 0; i < r->n_omitted; i++) {
        json_write_begin(&w, '{');
        json_write_member(&w, "key", r->omitted[i].key);
        json_write_member_u64(&w, "tokens", r->omitted[i].tokens);
        json_write_member_str(&w, "bytes", r->omitted[i].bytes);
        json_write_end(&w, '}');
    }
    json_write_end(&w, ']');
    json_write_end(&w, '}');
    if (json_write_finish(&w) != BUF_OK)
        abort();
}

static void answer(struct str line, struct counter *counter)
{
    struct arena a;
    const struct json_value *q;
    struct condense_report report;
    struct buf out;
    size_t at;

    arena_init(&a, MAX_BYTES);
    if (json_parse(&a, line, &q, &at) != JSON_OK) {
        fprintf(stderr, "not JSON at byte %zu\n", at);
        exit(1);
    }
    struct condense_options o = {.dialect = text_at(q, "dialect", &a),
                                 .mode = CONDENSE_EXTRACT,
                                 .budget_tokens = number_at(q, "budget", 1000),
                                 .target_tokens = number_at(q, "target", 0),
                                 .keep_last = number_at(q, "keep_last", 4),
                                 .query = text_at(q, "query", &a),
                                 .pin = json_get(q, "pin"),
                                 .secret = text_at(q, "secret", &a),
                                 .counter = counter};
    if (o.dialect.len == 0)
        o.dialect = STR("openai");
    (void)!condense_mode_parse(text_at(q, "mode", &a), &o.mode);
    uint64_t from = timing_ns();
    enum condense_outcome outcome = condense_run(&a, json_get(q, "messages"), &o, &report);
    uint64_t ns = timing_ns() - from;
    buf_init(&out, MAX_BYTES);
    write_answer(outcome, &report, ns, &out);
    puts(out.data);
    fflush(stdout);
    buf_done(&out);
    arena_done(&a);
}

int main(int argc, char **argv)
{
    static struct counting k;
    char *line = NULL;
    size_t size = 0;
    ssize_t n;

    if (argc > 1) {
        if (map_file_open(argv[1], &k.file) != 0 || vocab_init(&k.vocab, k.file) != VOCAB_OK)
            return 1;
        k.encode = encode_new(&k.vocab);
        counter_init(&k.counter, counting_rule_find(STR("gpt-4o")), k.encode);
    }
    while ((n = getline(&line, &size, stdin)) > 0)
        answer((struct str){line, (size_t)n}, argc > 1 ? &k.counter : NULL);
    free(line);
    return 0;
}
