/* OpenAI's routes beside the chats: what they received is told in what they answer. */
#include "base/parse.h"
#include "sim_answer.h"
#include "sim_openai.h"
#include "sim_side.h"

#include <inttypes.h>
#include <string.h>

#define ADD            sim_answer_add
#define MAX_DIMENSIONS 4096

/* Little-endian floats in base64: zeros are enough for a reader that only decodes. */
static void add_base64_vector(struct buf *out, uint64_t dimensions)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = (size_t)dimensions * sizeof(float);
    uint8_t bytes[MAX_DIMENSIONS * sizeof(float) + 2] = {0};

    for (uint64_t i = 0; i < dimensions; i++) {
        float value = (float)(i % 8) / 8;
        memcpy(bytes + i * sizeof(float), &value, sizeof(value));
    }
    for (size_t i = 0; i < n; i += 3) {
        unsigned group = (unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | bytes[i + 2];
        ADD(out, "%c%c", digits[group >> 18], digits[group >> 12 & 63]);
        ADD(out, "%c%c", i + 1 < n ? digits[group >> 6 & 63] : '=',
            i + 2 < n ? digits[group & 63] : '=');
    }
}

static void write_embeddings(struct sim_side_answer *a)
{
    struct sim_side_texts texts = sim_side_count(json_get(a->root, "input"));
    struct str format = sim_note_spelled(json_get(a->root, "encoding_format"));
    int64_t dimensions = 8;

    if (!sim_side_read_model(a))
        return;
    if (!json_int(json_get(a->root, "dimensions"), &dimensions) || dimensions < 1 ||
        dimensions > MAX_DIMENSIONS)
        dimensions = 8;
    ADD(&a->body, "{\"object\":\"list\",\"data\":[");
    for (uint64_t i = 0; i < texts.n; i++) {
        bool is_base64 = str_is(format, "base64");
        ADD(&a->body, "%s{\"object\":\"embedding\",\"index\":%" PRIu64 ",\"embedding\":%s",
            i > 0 ? "," : "", i, is_base64 ? "\"" : "");
        if (is_base64)
            add_base64_vector(&a->body, (uint64_t)dimensions);
        else
            sim_side_add_vector(&a->body, (uint64_t)dimensions);
        ADD(&a->body, is_base64 ? "\"}" : "}");
    }
    ADD(&a->body,
        "],\"model\":\"sim\",\"usage\":{\"prompt_tokens\":%" PRIu64 ",\"total_tokens\":%" PRIu64
        "}}",
        sim_chat_tokens(texts.bytes), sim_chat_tokens(texts.bytes));
}

/* The content of a multipart field, by a search that is good enough for what clients send. */
static struct str form_field(const struct sim_http_request *request, const char *name)
{
    struct str type = sim_http_header(request, "content-type"), body = request->body;
    const char *at = type.data ? memmem(type.data, type.len, "boundary=", 9) : NULL;
    char boundary[128] = "--", label[64] = "name=\"";

    if (!at)
        return STR_EMPTY;
    struct str value = {at + 9, (size_t)(type.data + type.len - at - 9)};
    if (value.len > 1 && value.data[0] == '"')
        value = (struct str){value.data + 1, value.len - 2};
    if (!str_copy(boundary + 2, sizeof(boundary) - 2, value))
        return STR_EMPTY;
    strcat(strncat(label, name, 40), "\"");

    const char *field = memmem(body.data, body.len, label, strlen(label));
    const char *from =
        field ? memmem(field, (size_t)(body.data + body.len - field), "\r\n\r\n", 4) : NULL;
    const char *to =
        from ? memmem(from, (size_t)(body.data + body.len - from), boundary, strlen(boundary))
             : NULL;
    if (!to || to - from < 6)
        return STR_EMPTY;
    return (struct str){from + 4, (size_t)(to - from) - 6};
}

static void write_images(struct sim_side_answer *a)
{
    if (!json_string(json_get(a->root, "model"), a->arena, &a->model))
        a->model = form_field(a->request, "model");
    ADD(&a->body, "{\"created\":1700000000,\"data\":[{\"b64_json\":\"iVBORw0KGgo=\"}],\"usage\":{"
                  "\"input_tokens\":5,\"output_tokens\":272,\"total_tokens\":277}}");
}

/* An ID3 tag and the text's length in bytes: no sound, but bytes that are no text. */
static void write_speech(struct sim_side_answer *a)
{
    if (!sim_side_read_model(a))
        return;
    a->type = "audio/mpeg";
    (void)!buf_add(&a->body, "ID3\x04\x00\x00\xff\xfb", 8);
    ADD(&a->body, "%zu", sim_note_spelled(json_get(a->root, "input")).len);
}

static void write_transcription(struct sim_side_answer *a)
{
    struct str format = form_field(a->request, "response_format");

    a->model = form_field(a->request, "model");
    if (a->model.len == 0) {
        a->error = "the form names no model";
        return;
    }
    size_t size = form_field(a->request, "file").len;
    if (str_is(format, "text")) {
        a->type = "text/plain; charset=utf-8";
        ADD(&a->body, "heard %zu bytes\n", size);
        return;
    }
    ADD(&a->body, "{\"text\":\"heard %zu bytes\",\"usage\":{\"type\":\"duration\",\"seconds\":3}}",
        size);
}

static void write_moderation(struct sim_side_answer *a)
{
    struct sim_side_texts texts = sim_side_count(json_get(a->root, "input"));

    (void)!json_string(json_get(a->root, "model"), a->arena, &a->model);
    ADD(&a->body, "{\"id\":\"modr-sim\",\"model\":\"sim\",\"results\":[");
    for (uint64_t i = 0; i < texts.n; i++)
        ADD(&a->body,
            "%s{\"flagged\":false,\"categories\":{\"violence\":false},\"category_scores\":{"
            "\"violence\":0.001}}",
            i > 0 ? "," : "");
    ADD(&a->body, "]}");
}

static void write_rerank(struct sim_side_answer *a)
{
    uint64_t n = sim_side_count(json_get(a->root, "documents")).n;

    if (!sim_side_read_model(a))
        return;
    ADD(&a->body, "{\"id\":\"rerank-sim\",\"model\":\"sim\",\"results\":[");
    for (uint64_t i = 0; i < n; i++)
        ADD(&a->body, "%s{\"index\":%" PRIu64 ",\"relevance_score\":%.3f}", i > 0 ? "," : "",
            n - 1 - i, 1.0 / (double)(i + 1));
    ADD(&a->body, "],\"usage\":{\"total_tokens\":%" PRIu64 "}}", n);
}

const struct sim_side sim_side_openai[] = {
    {"POST", "/embeddings", &sim_openai, write_embeddings},
    {"POST", "/images/generations", &sim_openai, write_images},
    {"POST", "/images/edits", &sim_openai, write_images},
    {"POST", "/audio/speech", &sim_openai, write_speech},
    {"POST", "/audio/transcriptions", &sim_openai, write_transcription},
    {"POST", "/audio/translations", &sim_openai, write_transcription},
    {"POST", "/moderations", &sim_openai, write_moderation},
    {"POST", "/rerank", &sim_openai, write_rerank},
    {NULL, NULL, NULL, NULL},
};
