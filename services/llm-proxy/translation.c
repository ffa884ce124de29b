#include "translation.h"

#include "base/json_edit.h"
#include "exchange.h"
#include "variant.h"

/* The request with the condensed messages in place, parsed. NULL when memory is short. */
static const struct json_value *condensed_root(struct exchange *x)
{
    struct json_edit edit;
    CLEANUP(buf_done) struct buf whole;
    const struct json_value *root;
    size_t offset;

    json_edit_init(&edit, x->chat.body);
    json_edit_replace(&edit, x->chat.messages, x->fitting.condensed);
    buf_init(&whole, json_edit_length(&edit));
    const char *copy =
        json_edit_apply(&edit, &whole) == BUF_OK ? arena_copy(&x->arena, buf_str(&whole)) : NULL;
    if (!copy || json_parse(&x->arena, (struct str){copy, whole.len}, &root, &offset) != JSON_OK)
        return NULL;
    return root;
}

static enum dialect_result blame(struct exchange *x, const char *message, const char *param)
{
    x->cannot = (struct inbound_fault){message, param};
    return DIALECT_CANNOT;
}

/* Taken apart once; again only for other messages. */
enum dialect_result translation_read_chat(struct exchange *x)
{
    struct inbound_fault fault = {NULL, NULL};

    const struct recall *recall = &x->fitting.recall;
    struct str messages = recall->is_offered ? recall->messages : x->fitting.condensed;

    if (x->full && x->full_of.data == messages.data)
        return DIALECT_OK;
    const struct json_value *root = recall->is_offered ? recall->asked.root
                                    : messages.len > 0 ? condensed_root(x)
                                                       : x->chat.root;
    struct chat *full = arena_alloc(&x->arena, sizeof(*full));
    if (!root || !full)
        return DIALECT_FULL;
    if (!x->inbound->read_chat(&x->arena, root, full, &fault))
        return fault.message ? blame(x, fault.message, fault.param) : DIALECT_FULL;
    x->full = full;
    x->full_of = messages;
    return DIALECT_OK;
}

static enum dialect_result blame_feature(struct exchange *x, const struct snapshot_provider *p)
{
    const char *field = x->inbound->field_of(x->call.cannot);

    return blame(x,
                 arena_printf(&x->arena,
                              "'%s' as asked for cannot be carried over to provider '%s'.",
                              field ? field : "the request", p->settings->name),
                 field);
}

static enum dialect_result read_embed(struct exchange *x)
{
    struct inbound_fault fault = {NULL, NULL};
    struct embed *embed;

    if (x->embed)
        return DIALECT_OK;
    embed = arena_alloc(&x->arena, sizeof(*embed));
    if (!embed)
        return DIALECT_FULL;
    if (!x->inbound->read_embed(&x->arena, x->chat.root, embed, &fault))
        return fault.message ? blame(x, fault.message, fault.param) : DIALECT_FULL;
    x->embed = embed;
    return DIALECT_OK;
}

static enum dialect_result translate_embed(struct exchange *x, const struct snapshot_provider *p,
                                           struct dialect_request *wanted)
{
    enum dialect_result r;

    if (!x->dialect->write_embed)
        return blame(x,
                     arena_printf(&x->arena, "Provider '%s' has no embeddings.", p->settings->name),
                     "model");
    r = read_embed(x);
    if (r != DIALECT_OK)
        return r;
    wanted->embed = x->embed;
    r = x->dialect->write_embed(&x->arena, wanted, &x->call);
    return r == DIALECT_CANNOT ? blame_feature(x, p) : r;
}

static enum dialect_result translate_chat(struct exchange *x, const struct snapshot_provider *p,
                                          struct dialect_request *wanted)
{
    enum dialect_result r = translation_read_chat(x);

    if (r != DIALECT_OK)
        return r;
    wanted->chat = x->full;
    r = x->dialect->write(&x->arena, wanted, &x->call);
    return r == DIALECT_CANNOT ? blame_feature(x, p) : r;
}

/* In place of the dialect's own of that name. */
static bool set_header(struct dialect_call *c, struct str name, struct str value)
{
    size_t i = 0;

    while (i < c->n_headers && !str_equal_nocase(c->headers[i].name, name))
        i++;
    if (i == DIALECT_MAX_HEADERS || !value.data)
        return false;
    c->headers[i].name = name;
    c->headers[i].value = value;
    if (i == c->n_headers)
        c->n_headers++;
    return true;
}

static enum dialect_result pass_headers(struct exchange *x)
{
    for (const char *const *name = x->inbound->passes_on; name && *name; name++) {
        struct str value = http_request_header(x->client, *name);
        struct str copy = {value.data ? arena_copy(&x->arena, value) : NULL, value.len};
        if (value.data && !set_header(&x->call, str_from(*name), copy))
            return DIALECT_FULL;
    }
    return DIALECT_OK;
}

static enum dialect_result forward(struct exchange *x, const struct dialect_request *wanted)
{
    enum dialect_result r = x->dialect->forward(&x->arena, wanted, &x->call);

    return r == DIALECT_OK ? pass_headers(x) : r;
}

bool translation_is_due(const struct exchange *x, const struct snapshot_provider *p)
{
    return p->settings->dialect != x->inbound->dialect ||
           !variant_serves(p->settings, x->inbound->needs);
}

enum dialect_result translation_prepare(struct exchange *x, const struct snapshot_provider *p,
                                        const char *model)
{
    bool is_composed = recall_compose(x);
    const struct recall *recall = &x->fitting.recall;
    struct dialect_request wanted = {
        .asked = recall->is_offered ? &recall->asked : &x->chat,
        .model = model,
        .max_output = x->plan.models[x->route.at_model]->max_output,
        .messages = recall->is_offered ? STR_EMPTY : x->fitting.condensed,
        .provider = p->settings,
        .context_window = x->plan.models[x->route.at_model]->context_window,
    };

    x->is_translated = translation_is_due(x, p);
    x->dialect = x->is_translated ? p->dialect : x->inbound->native;
    x->call = (struct dialect_call){.path = NULL};
    if (!is_composed)
        return DIALECT_FULL;
    if (!x->is_translated)
        return forward(x, &wanted);
    if (x->inbound->is_opaque)
        return blame(x,
                     arena_printf(&x->arena,
                                  "Provider '%s' has no %s: only those of dialect openai do.",
                                  p->settings->name, x->inbound->api),
                     "model");
    if (x->inbound->read_embed)
        return translate_embed(x, p, &wanted);
    return translate_chat(x, p, &wanted);
}
