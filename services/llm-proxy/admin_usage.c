#include "admin.h"
#include "base/http1_target.h"
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

/* "24h": that long ago; "1700000000": seconds since 1970. */
static bool parse_since(struct str text, usec_t *ret)
{
    usec_t ago;
    uint64_t at;

    *ret = 0;
    if (text.len == 0)
        return true;
    if (parse_u64(text, &at)) {
        *ret = at < USEC_INFINITY / USEC_PER_SEC ? at * USEC_PER_SEC : USEC_INFINITY;
        return true;
    }
    if (!parse_duration(text, &ago))
        return false;
    usec_t now = clock_wall();
    *ret = ago < now ? now - ago : 0;
    return true;
}

/* The parameter that is wrong, or NULL. */
static const char *read_question(struct str text, struct usage_query *q)
{
    char space[128];
    struct str value;

    if (!http1_target_parameter(text, "by", space, sizeof(space), &value) ||
        !usage_parse_by(value, &q->by))
        return "by";
    if (!http1_target_parameter(text, "since", space, sizeof(space), &value) ||
        !parse_since(value, &q->since))
        return "since";
    return NULL;
}

void admin_usage_query(void *arg, struct http_request *r, struct str tail)
{
    struct proxy *p = arg;
    struct question *q = calloc(1, sizeof(*q));

    (void)tail;
    if (!q)
        abort();
    q->query = (struct usage_query){.loop = p->loop, .done = on_answer, .arg = q};
    const char *wrong = read_question(http_request_query(r), &q->query);
    if (wrong) {
        admin_refuse_field(r, wrong,
                           strcmp(wrong, "by") == 0
                               ? "'by' is a list of key, model, provider, day."
                               : "'since' is a duration such as 24h, or seconds since 1970.");
        free(q);
        return;
    }
    q->call = admin_call_new(p, r);
    if (usage_submit(p->usage, &q->query) != USAGE_OK) {
        admin_call_refuse(q->call, REFUSAL_OVERLOADED, "The ledger is busy; try again.");
        free(q);
    }
}
