#include "image.h"

#include "marker.h"

#include <string.h>

struct taking {
    struct conversation *c;
    size_t group;
    const char *from; /* of the message, what is not written yet */
    char *out;        /* room for the message, or NULL: none was found so far */
    size_t len;
    const struct json_value *message;
};

static bool is_picture(const struct json_value *part)
{
    static const char *const types[] = {"\"image_url\"", "\"image\"", "\"input_image\""};
    const struct json_value *type = json_get(part, "type");

    for (size_t i = 0; type && i < sizeof(types) / sizeof(types[0]); i++)
        if (str_is(type->raw, types[i]))
            return true;
    return false;
}

/* A part of text, as the API spells them; one that is smaller than a marker stays. */
static struct str marker_for(struct taking *k, const struct json_value *part, const char *key)
{
    const struct json_value *cache = json_get(part, "cache_control");
    bool is_responses = str_is(json_get(part, "type")->raw, "\"input_image\"");
    const char *type = is_responses ? "input_text" : "text";
    char *text = arena_printf(
        k->c->arena, "{\"type\":\"%s\",\"text\":\"" MARKER_IMAGE "%s]\"%s%.*s}", type, key,
        cache ? ",\"cache_control\":" : "", STR_ARG(cache ? cache->raw : STR_EMPTY));

    k->c->is_full |= !text;
    return str_from(text);
}

static void take_picture(struct taking *k, const struct json_value *part)
{
    struct conversation_omitted omitted = {.bytes = part->raw, .group = k->group};

    marker_key(omitted.bytes, omitted.key);
    struct str marker = marker_for(k, part, omitted.key);
    if (k->c->is_full || marker.len >= part->raw.len)
        return;
    if (!k->out)
        k->out = arena_alloc(k->c->arena, k->message->raw.len);
    if (!k->out || !conversation_omit(k->c, &omitted)) {
        k->c->is_full = true;
        return;
    }
    size_t kept = (size_t)(part->raw.data - k->from);
    memcpy(k->out + k->len, k->from, kept);
    memcpy(k->out + k->len + kept, marker.data, marker.len);
    k->len += kept + marker.len;
    k->from = part->raw.data + part->raw.len;
}

/* Parts of a message, and those that a result in it consists of. */
static void take_pictures(struct taking *k, const struct json_value *content)
{
    if (!json_is(content, JSON_ARRAY))
        return;
    for (const struct json_value *part = content->child; part && !k->c->is_full; part = part->next)
        if (is_picture(part))
            take_picture(k, part);
        else
            take_pictures(k, json_get(part, "content"));
}

static bool take_from(struct conversation *c, struct conversation_group *g, size_t i)
{
    const struct json_value *message = c->message[i].json;
    struct taking k = {
        .c = c, .group = (size_t)(g - c->group), .from = message->raw.data, .message = message};
    size_t before = c->n_omitted;

    take_pictures(&k, json_get(message, "content"));
    take_pictures(&k, json_get(message, "output"));
    if (!k.out || c->is_full)
        return false;
    size_t rest = (size_t)(message->raw.data + message->raw.len - k.from);
    memcpy(k.out + k.len, k.from, rest);
    uint64_t tokens = c->message[i].tokens;
    if (!conversation_replace(c, g, i, (struct str){k.out, k.len + rest})) {
        c->n_omitted = before;
        return false;
    }
    for (size_t o = before; o < c->n_omitted; o++)
        c->omitted[o].tokens = (tokens - c->message[i].tokens) / (c->n_omitted - before);
    return true;
}

bool image_apply(struct conversation *c, size_t end, uint64_t budget_tokens)
{
    return conversation_change(c, end, budget_tokens, take_from);
}
