#include "base/buf.h"
#include "base/json_skim.h"
#include "base/json_write.h"
#include "dialect_ollama.h"

#define MAX_BODY (64u << 20)

static void write_body(struct json_write *w, const struct dialect_request *r)
{
    json_write_begin(w, '{');
    json_write_member(w, "model", r->model);
    json_write_key(w, "input");
    json_write_begin(w, '[');
    for (const struct embed_input *i = r->embed->inputs; i; i = i->next)
        json_write_str(w, i->text);
    json_write_end(w, ']');
    /* a text that is too long is to be refused, not cut without a word */
    json_write_member_bool(w, "truncate", false);
    if (r->embed->dimensions > 0)
        json_write_member_int(w, "dimensions", r->embed->dimensions);
    dialect_ollama_write_keep_alive(w, r);
    if (r->context_window > 0) {
        json_write_key(w, "options");
        json_write_begin(w, '{');
        json_write_member_u64(w, "num_ctx", r->context_window);
        json_write_end(w, '}');
    }
    json_write_end(w, '}');
}

enum dialect_result dialect_ollama_embed_write(struct arena *a, const struct dialect_request *r,
                                               struct dialect_call *ret)
{
    CLEANUP(buf_done) struct buf body;
    struct json_write w;

    buf_init(&body, MAX_BODY);
    json_write_init(&w, &body);
    write_body(&w, r);
    for (const struct embed_input *i = r->embed->inputs; i; i = i->next)
        if (i->tokens)
            ret->cannot = CHAT_FEATURE_TOKENS;
    if (ret->cannot != CHAT_FEATURE_NONE)
        return DIALECT_CANNOT;
    if (json_write_finish(&w) != BUF_OK)
        return DIALECT_FULL;
    ret->path = "/api/embed";
    ret->body[0] = (struct str){arena_copy(a, buf_str(&body)), body.len};
    ret->n_body = 1;
    return ret->body[0].data ? DIALECT_OK : DIALECT_FULL;
}

static void read_usage(struct arena *a, struct str body, struct embed_answer *ret)
{
    struct str count;
    const struct json_value *root;
    size_t offset;

    if (json_skim_member(body, "prompt_eval_count", &count) &&
        json_parse(a, count, &root, &offset) == JSON_OK)
        ret->has_usage = json_int(root, &ret->usage.input) && ret->usage.input >= 0;
}

bool dialect_ollama_embed_read(struct arena *a, struct str body, struct embed_answer *ret)
{
    struct str list, values;
    size_t cursor = 0;

    if (!json_skim_member(body, "embeddings", &list))
        return false;
    while (json_skim_element(list, &cursor, &values))
        if (!embed_is_vector(values) || !embed_add_vector(a, ret, values))
            return false;
    read_usage(a, body, ret);
    return true;
}
