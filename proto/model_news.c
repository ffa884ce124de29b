#include "proto/model_news.h"

#include "base/json_write.h"
#include "proto/fields.h"

static const char *const kind_texts[] = {
    [MODEL_NEWS_ASKED] = "asked",
    [MODEL_NEWS_PULLED] = "pulled",
    [MODEL_NEWS_FAILED] = "failed",
    [MODEL_NEWS_CANCELLED] = "cancelled",
};

const char *model_news_kind_text(enum model_news_kind k)
{
    return kind_texts[k];
}

static bool parse_kind(struct str text, enum model_news_kind *ret)
{
    for (unsigned k = 0; k < sizeof(kind_texts) / sizeof(kind_texts[0]); k++) {
        if (str_is(text, kind_texts[k])) {
            *ret = (enum model_news_kind)k;
            return true;
        }
    }
    return false;
}

enum buf_result model_news_encode(const struct model_news *n, struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member_str(&w, "node", n->node);
    json_write_member(&w, "kind", model_news_kind_text(n->kind));
    json_write_member_str(&w, "model", n->model);
    json_write_member_str(&w, "source", n->source);
    json_write_member_str(&w, "sha256", n->sha256);
    json_write_member_str(&w, "reason", n->reason);
    json_write_member_u64(&w, "bytes", n->bytes);
    json_write_end(&w, '}');
    return json_write_finish(&w);
}

bool model_news_decode(struct arena *a, struct str json, struct model_news *ret)
{
    const struct json_value *o = fields_parse(a, json);
    struct model_news n = {.node = STR_EMPTY, .model = STR_EMPTY, .source = STR_EMPTY};
    struct str kind = STR_EMPTY;

    n.sha256 = n.reason = STR_EMPTY;
    if (!o || !fields_str(a, o, "node", &n.node) || !fields_str(a, o, "kind", &kind) ||
        !fields_str(a, o, "model", &n.model) || !fields_str(a, o, "source", &n.source) ||
        !fields_str(a, o, "sha256", &n.sha256) || !fields_str(a, o, "reason", &n.reason) ||
        !fields_u64(o, "bytes", &n.bytes) || n.model.len == 0 || !parse_kind(kind, &n.kind))
        return false;
    *ret = n;
    return true;
}
