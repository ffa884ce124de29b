#include "admin.h"
#include "base/parse.h"
#include "proxy.h"

#include <stdlib.h>
#include <string.h>

struct question {
    struct admin_call *call;
    struct usage_query query;
};

static void on_answer(struct usage_query *q)
{
    struct question *question = q->arg;

    switch (q->result) {
    case USAGE_OK:
        admin_call_answer(question->call, 200, buf_str(&q->json));
        break;
    case USAGE_BUSY:
        admin_call_refuse(question->call, REFUSAL_OVERLOADED, "The ledger is busy; try again.");
        break;
    case USAGE_TOO_LARGE:
        admin_call_refuse(
            question->call, REFUSAL_INVALID_REQUEST,
            "The answer would be too large: ask for fewer columns or a shorter time.");
        break;
    case USAGE_UNAVAILABLE:
        admin_call_refuse(question->call, REFUSAL_LEDGER_UNAVAILABLE, NULL);
        break;
    }
    buf_done(&q->json);
    free(question);
}

static struct str parameter(struct str query, const char *name)
{
    struct str part;

    while (str_cut(&query, '&', &part)) {
        struct str value = part, key;
        if (str_cut(&value, '=', &key) && str_is(key, name) && value.data)
            return value;
    }
    return STR_EMPTY;
}

/* "24h": that long ago; "1700000000": seconds since 1970. */
static bool parse_since(struct str text, usec_t *ret)
{
    usec_t ago;
    uint64_t at;

    *ret = 0;
    if (text.len == 0)
        return true;
    if (parse_u64(text, &at)) {
        *ret = at * USEC_PER_SEC;
        return true;
    }
    if (!parse_duration(text, &ago))
        return false;
    usec_t now = clock_wall();
    *ret = ago < now ? now - ago : 0;
    return true;
}

void admin_usage_query(void *arg, struct http_request *r, struct str tail)
{
    struct proxy *p = arg;
    struct str query = http_request_query(r);
    struct question *q = calloc(1, sizeof(*q));

    (void)tail;
    if (!q)
        abort();
    q->query = (struct usage_query){.loop = p->loop, .done = on_answer, .arg = q};
    if (!usage_parse_by(parameter(query, "by"), &q->query.by) ||
        !parse_since(parameter(query, "since"), &q->query.since)) {
        admin_refuse(r, REFUSAL_INVALID_REQUEST,
                     "'by' is a list of key, model, provider, day; 'since' a duration such as 24h "
                     "or seconds since 1970.");
        free(q);
        return;
    }
    q->call = admin_call_new(p, r);
    if (usage_submit(p->usage, &q->query) != USAGE_OK) {
        admin_call_refuse(q->call, REFUSAL_OVERLOADED, "The ledger is busy; try again.");
        free(q);
    }
}
