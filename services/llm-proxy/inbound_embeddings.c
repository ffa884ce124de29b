#include "inbound_embeddings.h"

#include "base/json_write.h"
#include "request_field.h"
#include "tokens/estimate.h"
#include "variant.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DIMENSIONS 65536

/* ---- the request ---- */

static bool read_request(struct arena *a, struct chat_request *ret, struct inbound_fault *reterr)
{
    struct request_field f = {.arena = a, .fault = reterr};
    const struct json_value *input = chat_request_field(ret->root, "input");

    if (!json_is(input, JSON_STRING) && !json_is(input, JSON_ARRAY))
        return request_field_fail(&f, "input", "'input' must be a text or a list.");
    if (ret->is_stream)
        return request_field_fail(&f, "stream", "Embeddings have no stream.");
    ret->max_tokens = 1; /* nothing is generated: as little as can be is set aside for it */
    ret->prompt_tokens = estimate_request_sampled(ret->root);
    return true;
}

static bool are_tokens(const struct json_value *v)
{
    int64_t n;

    if (!json_is(v, JSON_ARRAY) || v->n_children == 0)
        return false;
    for (const struct json_value *t = v->child; t; t = t->next)
        if (!json_int(t, &n) || n < 0)
            return false;
    return true;
}

static bool add_input(const struct request_field *f, const struct json_value *v,
                      struct embed_input **last, struct embed *ret)
{
    struct embed_input *input = arena_alloc(f->arena, sizeof(*input));

    if (!input) {
        f->fault->message = NULL;
        return false;
    }
    if (are_tokens(v))
        input->tokens = v;
    else if (!json_is(v, JSON_STRING))
        return request_field_fail(f, "input", "'input' must hold texts or lists of tokens.");
    else if (!json_string(v, f->arena, &input->text)) {
        f->fault->message = NULL;
        return false;
    }
    if (*last)
        (*last)->next = input;
    else
        ret->inputs = input;
    *last = input;
    ret->n_inputs++;
    return true;
}

static bool read_inputs(const struct request_field *f, const struct json_value *root,
                        struct embed *ret)
{
    const struct json_value *input = chat_request_field(root, "input");
    struct embed_input *last = NULL;

    if (json_is(input, JSON_STRING) || are_tokens(input))
        return add_input(f, input, &last, ret);
    if (!json_is(input, JSON_ARRAY) || input->n_children == 0 ||
        input->n_children > EMBED_MAX_INPUTS)
        return request_field_fail(f, "input", "'input' must be a text or up to %d of them.",
                                  EMBED_MAX_INPUTS);
    for (const struct json_value *v = input->child; v; v = v->next)
        if (!add_input(f, v, &last, ret))
            return false;
    return true;
}

bool inbound_embeddings_read(struct arena *a, const struct json_value *root, struct embed *ret,
                             struct inbound_fault *reterr)
{
    static const char *const known[] = {"model",           "input", "dimensions",
                                        "encoding_format", "user",  "stream"};
    struct request_field f = {.arena = a, .fault = reterr};
    struct str encoding = STR("float");

    *ret = (struct embed){.n_inputs = 0};
    if (!request_field_all_known(&f, root, known, sizeof(known) / sizeof(known[0])) ||
        !read_inputs(&f, root, ret) ||
        !request_field_count(&f, root, "dimensions", MAX_DIMENSIONS, &ret->dimensions) ||
        !request_field_text(&f, root, "encoding_format", &encoding) ||
        !request_field_text(&f, root, "user", &ret->user))
        return false;
    ret->wants_base64 = str_is(encoding, "base64");
    return ret->wants_base64 || str_is(encoding, "float") ||
           request_field_fail(&f, "encoding_format", "'encoding_format' must be float or base64.");
}

static const char *field_of(enum chat_feature f)
{
    static const char *const names[CHAT_FEATURES] = {
        [CHAT_FEATURE_DIMENSIONS] = "dimensions",
        [CHAT_FEATURE_TOKENS] = "input",
        [CHAT_FEATURE_EMBEDDINGS] = "model",
    };

    return names[f];
}

/* ---- the answer ---- */

struct base64 {
    struct buf *out;
    uint32_t bits; /* not yet written */
    unsigned n_bits;
};

static enum buf_result put_byte(struct base64 *b, unsigned byte)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    b->bits = b->bits << 8 | byte;
    for (b->n_bits += 8; b->n_bits >= 6; b->n_bits -= 6)
        if (buf_add(b->out, &digits[b->bits >> (b->n_bits - 6) & 63], 1) != BUF_OK)
            return BUF_FULL;
    return BUF_OK;
}

static enum buf_result put_float(struct base64 *b, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    for (unsigned i = 0; i < 4; i++, bits >>= 8) /* little end first, as the API has it */
        if (put_byte(b, bits & 255) != BUF_OK)
            return BUF_FULL;
    return BUF_OK;
}

static enum buf_result end_base64(struct base64 *b)
{
    unsigned n_missing = b->n_bits == 4 ? 1 : b->n_bits; /* 0 or 2 */

    for (unsigned i = 0; i < n_missing; i++)
        if (put_byte(b, 0) != BUF_OK)
            return BUF_FULL;
    b->out->len -= n_missing;
    return buf_add(b->out, "==", n_missing);
}

/* Numbers are spelled in at most so many bytes by anybody; longer is no number. */
#define MAX_NUMBER 64

static bool read_number(struct str text, float *ret)
{
    char copy[MAX_NUMBER];
    char *end;

    if (!str_copy(copy, sizeof(copy), text) || text.len == 0)
        return false;
    *ret = strtof(copy, &end);
    return *end == '\0';
}

static struct str trim(struct str s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.data[0]))
        s = (struct str){s.data + 1, s.len - 1};
    while (s.len > 0 && strchr(" \t\r\n", s.data[s.len - 1]))
        s.len--;
    return s;
}

static enum buf_result write_base64(struct str values, struct buf *out)
{
    struct base64 b = {.out = out};
    struct str rest, part;
    float number;

    if (values.len < 2 || values.data[0] != '[' || values.data[values.len - 1] != ']')
        return BUF_FULL;
    rest = trim((struct str){values.data + 1, values.len - 2});
    if (buf_add(out, "\"", 1) != BUF_OK)
        return BUF_FULL;
    while (rest.len > 0 && str_cut(&rest, ',', &part))
        if (!read_number(trim(part), &number) || put_float(&b, number) != BUF_OK)
            return BUF_FULL;
    return end_base64(&b) == BUF_OK ? buf_add(out, "\"", 1) : BUF_FULL;
}

static enum buf_result write_vector(struct str values, size_t i, bool is_base64, struct buf *out)
{
    if (buf_printf(out, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", i ? "," : "",
                   i) != BUF_OK)
        return BUF_FULL;
    if ((is_base64 ? write_base64(values, out) : buf_add_str(out, values)) != BUF_OK)
        return BUF_FULL;
    return buf_add(out, "}", 1);
}

static enum buf_result write_rest(const struct inbound_answer *answer, const struct chat_usage *u,
                                  struct buf *out)
{
    struct json_write w;

    if (buf_add_str(out, STR("],\"model\":")) != BUF_OK)
        return BUF_FULL;
    json_write_init(&w, out);
    json_write_text(&w, answer->model);
    if (json_write_finish(&w) != BUF_OK)
        return BUF_FULL;
    return buf_printf(out, ",\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld%s}}",
                      (long long)u->input, (long long)u->input,
                      u->is_local ? ",\"source\":\"local\"" : "");
}

enum buf_result inbound_embeddings_write(const struct inbound_answer *answer,
                                         const struct embed *asked,
                                         const struct embed_answer *vectors, struct buf *out)
{
    size_t i = 0;

    if (buf_add_str(out, STR("{\"object\":\"list\",\"data\":[")) != BUF_OK)
        return BUF_FULL;
    for (const struct embed_vector *v = vectors->first; v; v = v->next)
        if (write_vector(v->values, i++, asked->wants_base64, out) != BUF_OK)
            return BUF_FULL;
    return write_rest(answer, &vectors->usage, out);
}

static enum buf_result write_error(enum refusal r, const char *message, const char *param,
                                   const char *request_id, struct buf *out)
{
    (void)request_id;
    return refusal_write(r, message, param, out);
}

const struct inbound inbound_embeddings = {
    .route = "/v1/embeddings",
    .api = "embeddings",
    .dialect = DIALECT_OPENAI,
    .native = &dialect_embeddings,
    .needs = VARIANT_HAS_EMBEDDINGS,
    .read_request = read_request,
    .read_embed = inbound_embeddings_read,
    .field_of = field_of,
    .write_error = write_error,
};
