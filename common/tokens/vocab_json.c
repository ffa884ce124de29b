#include "vocab_json.h"

#include "base/json.h"
#include "vocab_json_steps.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct arena *a;
    const struct json_value *model;
    struct vocab_source *source;
    struct str *what;
    uint8_t *is_added; /* bit an id */
    uint32_t *slots;   /* of entries, by their bytes; 0 is free, else the entry's number and one */
    uint32_t mask;
    struct vocab_entry *tokens; /* as the vocabulary has them */
    uint32_t n_tokens;
};

static void *room(size_t n, size_t size)
{
    void *p = calloc(n + 1, size);

    if (!p)
        abort();
    return p;
}

static void done(struct reading *r)
{
    free(r->is_added);
    free(r->slots);
    free(r->tokens);
}

/* The letter that stands for a byte is itself where it can be seen, else the next from U+0100. */
static int byte_of(uint32_t letter)
{
    static const struct {
        uint32_t first, last;
    } seen[] = {{33, 126}, {161, 172}, {174, 255}};
    uint32_t byte = 0;

    for (size_t i = 0; i < 3; i++) {
        if (letter >= seen[i].first && letter <= seen[i].last)
            return (int)letter;
    }
    if (letter < 256 || letter > 323)
        return -1;
    for (letter -= 256;; byte++) {
        for (size_t i = 0; i < 3; i++) {
            if (byte == seen[i].first)
                byte = seen[i].last + 1;
        }
        if (letter-- == 0)
            return (int)byte;
    }
}

/* Number of bytes, which go behind those that the source has; 0 when it is no token of bytes. */
static uint32_t decode(struct reading *r, struct str text)
{
    unsigned char *to = r->source->bytes + r->source->n_bytes;
    uint32_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint32_t letter = (unsigned char)text.data[i];
        if (letter >= 0xc2 && letter <= 0xc5 && i + 1 < text.len)
            letter = (letter & 0x1f) << 6 | ((unsigned char)text.data[++i] & 0x3f);
        else if (letter >= 0x80)
            return 0;
        int byte = byte_of(letter);
        if (byte < 0)
            return 0;
        to[n++] = (unsigned char)byte;
    }
    return n;
}

/* The slot of these bytes, or the free one where they would be. */
static uint32_t *slot_of(const struct reading *r, struct str bytes)
{
    uint32_t at = (uint32_t)vocab_hash((const unsigned char *)bytes.data, bytes.len) & r->mask;

    for (;; at = (at + 1) & r->mask) {
        if (r->slots[at] == 0)
            return &r->slots[at];
        const struct vocab_entry *e = &r->tokens[r->slots[at] - 1];
        if (str_equal(bytes, (struct str){(const char *)r->source->bytes + e->at, e->length}))
            return &r->slots[at];
    }
}

static enum vocab_json_result add_token(struct reading *r, const struct json_value *token)
{
    struct vocab_source *s = r->source;
    uint32_t n, *slot;
    int64_t id;

    *r->what = token->key;
    if (!json_int(token, &id) || id < 0 || id >= 1 << VOCAB_ID_BITS)
        return VOCAB_JSON_TOKENS;
    if (r->is_added[id / 8] >> id % 8 & 1)
        return VOCAB_JSON_OK;
    n = decode(r, token->key);
    if (n == 0 || n > VOCAB_MAX_TOKEN)
        return VOCAB_JSON_TOKENS;
    slot = slot_of(r, (struct str){(const char *)s->bytes + s->n_bytes, n});
    if (*slot != 0)
        return VOCAB_JSON_TOKENS;
    r->tokens[r->n_tokens] =
        (struct vocab_entry){.at = s->n_bytes, .length = (uint8_t)n, .kind = VOCAB_ENTRY_WHOLE};
    *slot = ++r->n_tokens;
    s->n_bytes += n;
    return VOCAB_JSON_OK;
}

static void note_added(struct reading *r, const struct json_value *added)
{
    int64_t id;

    r->is_added = room(1U << (VOCAB_ID_BITS - 3), 1);
    for (const struct json_value *t = added ? added->child : NULL; t; t = t->next) {
        if (json_int(json_get(t, "id"), &id) && id >= 0 && id < 1 << VOCAB_ID_BITS)
            r->is_added[id / 8] |= (uint8_t)(1U << id % 8);
    }
}

static enum vocab_json_result read_tokens(struct reading *r)
{
    const struct json_value *vocab = json_get(r->model, "vocab");

    if (!json_is(vocab, JSON_OBJECT) || vocab->n_children > 1U << VOCAB_ID_BITS)
        return VOCAB_JSON_FOREIGN;
    for (r->mask = 1024; r->mask < vocab->n_children * 2;)
        r->mask *= 2;
    r->slots = room(r->mask--, sizeof(*r->slots));
    r->tokens = room(vocab->n_children, sizeof(*r->tokens));
    /* Each letter of a key is at least a byte of the file. */
    r->source->bytes = room(r->source->file.len, 1);
    for (const struct json_value *t = vocab->child; t; t = t->next) {
        enum vocab_json_result result = add_token(r, t);
        if (result != VOCAB_JSON_OK)
            return result;
    }
    return VOCAB_JSON_OK;
}

static enum vocab_json_result add_bytes(struct reading *r)
{
    for (int i = 0; i < 256; i++) {
        const char byte = (char)i;
        uint32_t found = *slot_of(r, (struct str){&byte, 1});
        *r->what = STR("a single byte");
        if (found == 0)
            return VOCAB_JSON_TOKENS;
        r->source->entries[r->source->n_entries] = r->tokens[found - 1];
        r->source->entries[r->source->n_entries++].kind = VOCAB_ENTRY_RANKED;
    }
    return VOCAB_JSON_OK;
}

/* "left right" or ["left","right"]: no token of bytes has a space in it. */
static bool read_pair(struct reading *r, const struct json_value *merge, struct str pair[2])
{
    if (json_is(merge, JSON_ARRAY) && merge->n_children == 2)
        return json_string(merge->child, r->a, &pair[0]) &&
               json_string(merge->child->next, r->a, &pair[1]);
    return json_string(merge, r->a, &pair[1]) && str_cut(&pair[1], ' ', &pair[0]);
}

static enum vocab_json_result add_merge(struct reading *r, const struct json_value *merge)
{
    struct vocab_source *s = r->source;
    struct str pair[2], made = {(const char *)s->bytes + s->n_bytes, 0};
    uint32_t end = s->n_bytes, lengths[2], found;

    *r->what = merge->raw;
    if (!read_pair(r, merge, pair))
        return VOCAB_JSON_MERGES;
    for (int i = 0; i < 2; i++) {
        lengths[i] = decode(r, pair[i]);
        s->n_bytes += lengths[i];
        if (lengths[i] == 0 || *slot_of(r, (struct str){made.data + made.len, lengths[i]}) == 0)
            return VOCAB_JSON_MERGES;
        made.len += lengths[i];
    }
    s->n_bytes = end;
    found = *slot_of(r, made);
    if (found == 0)
        return VOCAB_JSON_MERGES;
    s->entries[s->n_entries] = r->tokens[found - 1];
    s->entries[s->n_entries].kind = VOCAB_ENTRY_MERGED;
    s->entries[s->n_entries++].cut = (uint8_t)lengths[0];
    return VOCAB_JSON_OK;
}

static enum vocab_json_result read_merges(struct reading *r)
{
    const struct json_value *merges = json_get(r->model, "merges");
    struct vocab_source *s = r->source;
    enum vocab_json_result result;

    if (!json_is(merges, JSON_ARRAY))
        return VOCAB_JSON_FOREIGN;
    s->entries = room(256 + (size_t)merges->n_children + r->n_tokens, sizeof(*s->entries));
    result = add_bytes(r);
    for (const struct json_value *m = merges->child; m && result == VOCAB_JSON_OK; m = m->next)
        result = add_merge(r, m);
    if (json_is(json_get(r->model, "ignore_merges"), JSON_TRUE)) {
        memcpy(s->entries + s->n_entries, r->tokens, r->n_tokens * sizeof(*r->tokens));
        s->n_entries += r->n_tokens;
    }
    s->n_tokens = r->n_tokens;
    return result;
}

/* What this does not do, and what some encodings would have it do. */
static bool is_plain(const struct json_value *model, struct str *reterr_what)
{
    static const char *const marks[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    const struct json_value *type = json_get(model, "type"), *v;

    *reterr_what = STR("model.type");
    if (!model || (type && !str_is(type->raw, "\"BPE\"")))
        return false;
    for (size_t i = 0; i < 2; i++) {
        *reterr_what = str_from(marks[i]);
        v = json_get(model, marks[i]);
        if (v && !json_is(v, JSON_NULL) && v->raw.len > 2)
            return false;
    }
    *reterr_what = STR("model.byte_fallback");
    return !json_is(json_get(model, "byte_fallback"), JSON_TRUE);
}

enum vocab_json_result vocab_json_read(struct arena *a, struct str file, struct vocab_source *ret,
                                       struct str *reterr_what)
{
    CLEANUP(done) struct reading r = {.a = a, .source = ret, .what = reterr_what};
    const struct json_value *root;
    enum vocab_json_result result;
    size_t offset;

    *ret = (struct vocab_source){.file = file};
    *reterr_what = STR_EMPTY;
    if (json_parse(a, file, &root, &offset) != JSON_OK)
        return VOCAB_JSON_SYNTAX;
    r.model = json_get(root, "model");
    if (!is_plain(r.model, reterr_what))
        return VOCAB_JSON_FOREIGN;
    if (!vocab_json_steps_normalizer(json_get(root, "normalizer"), &ret->needs_nfc, reterr_what))
        return VOCAB_JSON_NORMALIZER;
    if (!vocab_json_steps_family(a, json_get(root, "pre_tokenizer"), &ret->family, reterr_what))
        return VOCAB_JSON_PATTERN;
    note_added(&r, json_get(root, "added_tokens"));
    *reterr_what = STR("model.vocab");
    result = read_tokens(&r);
    if (result != VOCAB_JSON_OK)
        return result;
    *reterr_what = STR("model.merges");
    return read_merges(&r);
}

const char *vocab_json_result_text(enum vocab_json_result r)
{
    switch (r) {
    case VOCAB_JSON_OK:
        return "no fault";
    case VOCAB_JSON_SYNTAX:
        return "not a tokenizer.json, or too large";
    case VOCAB_JSON_FOREIGN:
        return "no byte-pair encoding of bytes";
    case VOCAB_JSON_NORMALIZER:
        return "text is changed first, in a way that is not known";
    case VOCAB_JSON_PATTERN:
        return "text is cut in a way that is not known";
    case VOCAB_JSON_TOKENS:
        return "a token that is missing, twice, too long or not of bytes";
    case VOCAB_JSON_MERGES:
        return "a merge of what are no tokens, or to what is none";
    }
    return "unknown";
}
