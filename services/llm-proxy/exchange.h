/* exchange.h -- what has become of one request, from its arrival to its row in the books?
 *
 * One struct a request, one arena, one state, one function that changes it. The parts:
 * exchange.c decides what comes next, attempt.c tries one target, relay.c carries a stream to the
 * client, settle.c writes the books. All on the worker's thread.
 */
#pragma once

#include "attempt.h"
#include "base/arena.h"
#include "chat_request.h"
#include "exchange_errand.h"
#include "exchange_route.h"
#include "fitting.h"
#include "inbound.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "keyring.h"
#include "ledger_entry.h"
#include "lookup.h"
#include "plan.h"
#include "preflight.h"
#include "refusal.h"
#include "relay.h"
#include "reserve.h"
#include "snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker;

enum exchange_state {
    EXCHANGE_ADMITTING, /* key, request, limits */
    EXCHANGE_LOOKING,   /* a layer of the cache is asked, or somebody else's answer awaited */
    EXCHANGE_FITTING,   /* context-service is asked */
    EXCHANGE_ROUTING,
    EXCHANGE_QUEUED, /* for a place at the chosen provider */
    EXCHANGE_ATTEMPTING,
    EXCHANGE_BACKING_OFF,
    EXCHANGE_RELAYING, /* bytes of an answer went to the client: no way back, but on: recall.h */
    EXCHANGE_SETTLED,  /* in the books; the upstream may still be finishing */
    EXCHANGE_STATES,
};

struct exchange {
    struct worker *worker;
    struct exchange *next, *previous; /* of the worker's live ones */
    enum exchange_state state;
    struct arena arena;
    struct http_request *client; /* NULL once answered or gone */
    struct snapshot *snapshot;
    struct keyring *keyring; /* keeps `key` alive */
    const struct keyring_key *key;
    bool holds_slot;         /* one of the parallel requests of the key and its team */
    uint64_t tokens_charged; /* to the key's tpm, ahead of the true count */
    struct reserve reserve;  /* set aside from budgets */
    usec_t retry_after;      /* for a refusal that passes with time */

    char request_id[40];
    struct ledger_entry entry;
    struct ledger_attempt last_attempt;
    bool holds_attempt; /* the last one went well: it is written with what comes next */
    struct str tags;
    usec_t accepted_at, started_wall;
    const struct inbound *inbound; /* the API that the caller speaks */
    struct exchange_errand errand;
    struct chat_request chat;
    enum chat_request_result read;
    struct inbound_fault fault; /* when it could not be read */
    const struct settings_model *asked;
    struct preflight preflight;
    struct fitting fitting;

    struct plan plan;
    struct lookup lookup;
    struct exchange_route route;
    const struct snapshot_provider *provider; /* of the current or last attempt; NULL: none yet */
    struct upstream_target *target;           /* likewise; its model: */
    const char *target_model;
    const struct dialect *dialect; /* that it is spoken to in */
    bool is_translated;            /* the caller's API is another */
    const struct chat *full;       /* taken apart for it; NULL: not yet needed */
    const struct embed *embed;     /* likewise, of an API of embeddings */
    struct str full_of;            /* with these condensed messages */
    struct dialect_call call;
    enum dialect_result prepared; /* the call */
    struct inbound_fault cannot;  /* why no target took it so far; message NULL: nothing */
    struct upstream_waiter *waiter;
    usec_t queued_at;
    struct loop_timer timer; /* of the state: queue, back-off, overdue end mark, grace */
    struct loop_timer deadline;
    usec_t deadline_at; /* USEC_INFINITY: none */

    struct attempt attempt;
    unsigned attempts;
    struct relay relay;
    usec_t upstream_time; /* spent waiting for providers, for llm_overhead_seconds */
    struct loop_task reap;

    enum refusal last_refusal; /* what to answer when nothing is left to try */
    int http_status;
    const char *error_code;
};

/* Memory kept for reuse. */
void exchange_free(struct exchange **x);

/* A complete request on a route of `inbound`. */
void exchange_start(struct worker *w, struct http_request *r, const struct inbound *inbound);
/* The client left: whatever goes on upstream is cancelled before this returns. */
void exchange_client_gone(struct exchange *x);
/* The client can take more. */
void exchange_client_writable(struct exchange *x);
/* The proxy is going down and the time to drain is over. */
void exchange_abandon(struct exchange *x);

/* The key was revoked, and what is under way is to end. */
void exchange_revoke(struct exchange *x);

/* The one door to `state`. */
void exchange_set_state(struct exchange *x, enum exchange_state state);

/* Answer with an error and settle; in a stream that has begun, as its one in-band error. */
void exchange_refuse(struct exchange *x, enum refusal refusal, const char *message,
                     const char *param);

/* What an answer that we write ourselves says of itself. */
struct inbound_answer exchange_describe_answer(struct exchange *x);

/* For preflight.c: the prompt is counted. */
void exchange_admit(struct exchange *x);

/* For lookup.c: nobody has the answer: open the books and find one who gives it. */
void exchange_dispatch(struct exchange *x);
/* For lookup.c: the answer that was found is the client's. */
void exchange_give(struct exchange *x);

/* For fitting.c: the conversation fits now (or goes as it is): find a target. */
void exchange_route(struct exchange *x);
/* Make the conversation fit the model in turn, then route. */
void exchange_fit(struct exchange *x);

/* For dispatch.c: the provider blames the request; its words and status are the answer. */
void exchange_relay_refusal(struct exchange *x, const struct attempt_end *end);
/* For attempt.c: the answer is complete. */
void exchange_succeed(struct exchange *x);
/* For attempt.c: a provider's connection that outlived the answer is finished too. */
void exchange_upstream_closed(struct exchange *x);
