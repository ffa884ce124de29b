#include "base/buf.h"
#include "base/json_skim.h"
#include "dialect_gemini.h"

#include <string.h>

#define MAX_BODY (64u << 20)

static void write_input(struct json_write *w, const char *model, const struct embed *e,
                        const struct embed_input *input)
{
    json_write_begin(w, '{');
    json_write_member(w, "model", model);
    json_write_key(w, "content");
    json_write_begin(w, '{');
    json_write_key(w, "parts");
    json_write_begin(w, '[');
    json_write_begin(w, '{');
    json_write_member_str(w, "text", input->text);
    json_write_end(w, '}');
    json_write_end(w, ']');
    json_write_end(w, '}');
    if (e->dimensions > 0)
        json_write_member_int(w, "outputDimensionality", e->dimensions);
    json_write_end(w, '}');
}

/* As the path has it, each input names its model with the collection. */
static const char *full_name(struct arena *a, const char *model)
{
    return strchr(model, '/') ? model : arena_printf(a, "models/%s", model);
}

enum dialect_result dialect_gemini_embed_write(struct arena *a, const struct dialect_request *r,
                                               struct dialect_call *ret)
{
    CLEANUP(buf_done) struct buf body;
    struct json_write w;
    const char *model = full_name(a, r->model);

    buf_init(&body, MAX_BODY);
    json_write_init(&w, &body);
    json_write_begin(&w, '{');
    json_write_key(&w, "requests");
    json_write_begin(&w, '[');
    for (const struct embed_input *i = r->embed->inputs; i; i = i->next) {
        if (i->tokens)
            ret->cannot = CHAT_FEATURE_TOKENS;
        write_input(&w, model, r->embed, i);
    }
    json_write_end(&w, ']');
    json_write_end(&w, '}');
    if (ret->cannot != CHAT_FEATURE_NONE)
        return DIALECT_CANNOT;
    if (!model || json_write_finish(&w) != BUF_OK)
        return DIALECT_FULL;
    ret->path = dialect_gemini_write_path(a, r->model, "batchEmbedContents");
    ret->body[0] = (struct str){arena_copy(a, buf_str(&body)), body.len};
    ret->n_body = 1;
    return ret->path && ret->body[0].data ? DIALECT_OK : DIALECT_FULL;
}

/* Older versions of the API do not count. */
static void read_usage(struct arena *a, struct str body, struct embed_answer *ret)
{
    struct str usage;
    const struct json_value *root;
    size_t offset;

    if (json_skim_member(body, "usageMetadata", &usage) &&
        json_parse(a, usage, &root, &offset) == JSON_OK)
        ret->has_usage = json_int(json_get(root, "promptTokenCount"), &ret->usage.input) &&
                         ret->usage.input >= 0;
}

bool dialect_gemini_embed_read(struct arena *a, struct str body, struct embed_answer *ret)
{
    struct str list, item, values;
    size_t cursor = 0;

    if (!json_skim_member(body, "embeddings", &list))
        return false;
    while (json_skim_element(list, &cursor, &item))
        if (!json_skim_member(item, "values", &values) || !embed_is_vector(values) ||
            !embed_add_vector(a, ret, values))
            return false;
    read_usage(a, body, ret);
    return true;
}
