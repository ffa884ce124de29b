/* dialect.h -- how does a provider's API spell a chat, and what does its answer say?
 *
 * One file per dialect exports one const table. Pure: text in, text and events out. A caller who
 * speaks the same API is forwarded byte for byte but for the edits of `forward`; any other's chat
 * is written anew by `write`.
 */
#pragma once

#include "base/arena.h"
#include "base/macro.h"
#include "base/str.h"
#include "chat.h"
#include "chat_event.h"
#include "chat_request.h"
#include "embed.h"
#include "settings/catalogue.h"

#include <stdbool.h>
#include <stdint.h>

#define DIALECT_MAX_PIECES  8 /* as many as a fetch can send */
#define DIALECT_MAX_HEADERS 8

enum dialect_result {
    DIALECT_OK = 0,
    DIALECT_FULL,   /* the arena's ceiling */
    DIALECT_CANNOT, /* something asked for cannot be said: `cannot` names it */
};

/* How a stream is cut into frames. */
enum dialect_framing { DIALECT_SSE, DIALECT_NDJSON, DIALECT_EVENTSTREAM };

struct dialect_request {
    const struct chat_request *asked; /* the caller's bytes, for `forward` */
    const struct chat *chat;          /* for `write` */
    const struct embed *embed;        /* for `write_embed` */
    const char *model;                /* what the provider calls it */
    uint64_t max_output;              /* of the model; 0: unknown */
    struct str messages;              /* condensed, for `forward`; empty: the caller's own */
    const struct settings_provider *provider;
    uint64_t context_window; /* tokens, of the entry asked for; 0: unknown */
};

/* What goes to the provider; all of it lives as long as the arena and the caller's body. */
struct dialect_call {
    const char *path;        /* after base_url */
    struct str content_type; /* empty: JSON */
    struct {
        struct str name, value;
    } headers[DIALECT_MAX_HEADERS]; /* beside content-type, accept, user-agent, authorization */
    size_t n_headers;
    struct str body[DIALECT_MAX_PIECES]; /* in order */
    size_t n_body;
    enum chat_feature cannot; /* of DIALECT_CANNOT */
};

/* What the events of one stream so far say, for a reader that needs to know. */
struct dialect_stream {
    bool has_started;
    uint32_t n_tools;
    uint32_t n_blocks;
    uint16_t tool_of[CHAT_MAX_TOOLS]; /* by the provider's own index; meaning is the dialect's */
    struct chat_usage usage;          /* collected from several frames */
    bool has_finish;                  /* said, but not yet passed on: the end mark is still due */
    enum chat_finish finish;
    char stop_sequence[128];
};

struct dialect {
    const char *name;
    enum dialect_framing framing;
    size_t max_frame;                      /* bytes; 0: 1 MiB */
    const char *auth_header, *auth_prefix; /* NULL: `sign` or nothing */
    const char *probe_path;

    enum dialect_result (*forward)(struct arena *a, const struct dialect_request *r,
                                   struct dialect_call *ret);
    enum dialect_result (*write)(struct arena *a, const struct dialect_request *r,
                                 struct dialect_call *ret);

    /* Appends what the answer says; false when it is no answer of this dialect. A whole answer ends
     * with DONE. */
    bool (*read_answer)(struct str body, struct chat_events *ret);
    bool (*read_event)(struct dialect_stream *s, struct str name, struct str data,
                       struct chat_events *ret);
    /* The provider's own words in a refusal; empty when it has none. */
    struct str (*read_error)(struct arena *a, struct str body);

    /* Embeddings asked for in another API; NULL: there are none. The answer has a vector for each
     * input in their order, else false. */
    enum dialect_result (*write_embed)(struct arena *a, const struct dialect_request *r,
                                       struct dialect_call *ret);
    bool (*read_embed)(struct arena *a, struct str body, struct embed_answer *ret);
};

extern const struct dialect dialect_openai;
extern const struct dialect dialect_completions; /* /completions of the same providers */
extern const struct dialect dialect_responses;   /* … and /responses */
extern const struct dialect dialect_embeddings;  /* … and /embeddings */
extern const struct dialect dialect_opaque;      /* … and what is passed through */
extern const struct dialect dialect_anthropic;
extern const struct dialect dialect_gemini;
extern const struct dialect dialect_bedrock;
extern const struct dialect dialect_ollama;
