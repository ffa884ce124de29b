#include "sim_completions.h"

#include "sim_answer.h"
#include "sim_openai.h"

#include <inttypes.h>

#define ADD sim_answer_add

static const struct sim_note_param params[] = {
    {"max_tokens", "max_tokens"},
    {"temperature", "temperature"},
    {"top_p", "top_p"},
    {"n", "n"},
    {"seed", "seed"},
    {"echo", "echo"},
    {"suffix", "suffix"},
    {"best_of", "best_of"},
    {"logprobs", "logprobs"},
    {"logit_bias", "logit_bias"},
    {"frequency_penalty", "frequency_penalty"},
    {"presence_penalty", "presence_penalty"},
    {"user", "user"},
};
#define N_PARAMS (sizeof(params) / sizeof(params[0]))

static bool read(struct sim_note *n)
{
    static const char *const known[] = {"model",          "prompt", "stream",
                                        "stream_options", "stop",   NULL};
    const struct json_value *prompt;

    if (!sim_note_body(n))
        return false;
    prompt = json_get(n->root, "prompt");
    if (!json_string(json_get(n->root, "model"), n->arena, &n->chat->model) || !prompt)
        return sim_note_refuse(n, "a completion has a model and a prompt");
    n->chat->is_stream = json_is(json_get(n->root, "stream"), JSON_TRUE);
    n->chat->wants_usage =
        json_is(json_at(n->root, "stream_options.include_usage"), JSON_TRUE) || !n->chat->is_stream;
    sim_note_head(n);
    sim_note_messages(n);
    sim_note_message(n, "user");
    if (json_is(prompt, JSON_ARRAY))
        for (const struct json_value *p = prompt->child; p; p = p->next)
            sim_note_text(n, p);
    else
        sim_note_text(n, prompt);
    sim_note_message_end(n);
    sim_note_messages_end(n);
    sim_note_stops(n, json_get(n->root, "stop"));
    sim_note_params(n, params, N_PARAMS);
    (void)!sim_note_unknown(n, known, params, N_PARAMS);
    return true;
}

static void begin(struct sim_answer *a, struct buf *json)
{
    ADD(json,
        "{\"id\":\"cmpl-%s\",\"object\":\"text_completion\",\"created\":1700000000,\"model\":\"",
        a->id);
    sim_content_escape(json, str_from(a->model));
    ADD(json, "\",\"choices\":[");
}

static void add_finish(const struct sim_answer *a, struct buf *json)
{
    bool is_length = sim_answer_finish(a) == SIM_SCRIPT_FINISH_LENGTH;

    if (!a->script.no_finish)
        ADD(json, ",\"finish_reason\":\"%s\"", is_length ? "length" : "stop");
    ADD(json, "}]");
}

static void add_usage(const struct sim_answer *a, struct buf *json)
{
    struct sim_answer_usage u = sim_answer_usage(a);

    ADD(json,
        ",\"usage\":{\"prompt_tokens\":%" PRIu64 ",\"completion_tokens\":%" PRIu64
        ",\"total_tokens\":%" PRIu64 "}",
        u.input, u.output, u.input + u.output);
}

/* Thoughts and calls are unknown here: only text is shown. */
static void add_text(struct sim_answer *a, const struct sim_content_piece *p, struct buf *json)
{
    size_t before = json->len;

    sim_content_write(&a->content, a->now, json);
    if (p->block->kind != SIM_CONTENT_TEXT)
        json->len = before;
}

static void write_piece(struct sim_answer *a, const struct sim_content_piece *p, struct buf *out)
{
    begin(a, &a->scratch);
    ADD(&a->scratch, "{\"text\":\"");
    add_text(a, p, &a->scratch);
    ADD(&a->scratch, "\",\"index\":0,\"logprobs\":null,\"finish_reason\":null}]}");
    sim_answer_event(a, NULL, out);
}

static void write_end(struct sim_answer *a, struct buf *out)
{
    int times = a->wants_usage ? sim_answer_usage_times(a) : 0;

    if (!a->script.no_finish) {
        begin(a, &a->scratch);
        ADD(&a->scratch, "{\"text\":\"\",\"index\":0,\"logprobs\":null");
        add_finish(a, &a->scratch);
        ADD(&a->scratch, "}");
        sim_answer_event(a, NULL, out);
    }
    for (int i = 0; i < times; i++) {
        begin(a, &a->scratch);
        ADD(&a->scratch, "]");
        add_usage(a, &a->scratch);
        ADD(&a->scratch, "}");
        sim_answer_event(a, NULL, out);
    }
    if (!a->script.no_done)
        sim_answer_send(a, STR("data: [DONE]\n\n"), out);
}

static void write_break(struct sim_answer *a, const struct sim_error *e, struct buf *out)
{
    sim_openai_write_error(e, &a->scratch);
    sim_answer_event(a, NULL, out);
}

static void write_whole(struct sim_answer *a, struct buf *json)
{
    struct sim_content_piece p;

    begin(a, json);
    ADD(json, "{\"text\":\"");
    while (sim_content_next(&a->content, &p))
        add_text(a, &p, json);
    ADD(json, "\",\"index\":0,\"logprobs\":null");
    add_finish(a, json);
    for (int i = 0; i < sim_answer_usage_times(a); i++)
        add_usage(a, json);
    ADD(json, "}");
}

const struct sim_dialect sim_completions = {
    .name = "openai completions",
    .frame = SIM_FRAME_SSE,
    .stream_type = "text/event-stream",
    .id_header = "x-request-id",
    .errors = sim_openai_errors,
    .read = read,
    .write_error = sim_openai_write_error,
    .write_piece = write_piece,
    .write_end = write_end,
    .write_break = write_break,
    .write_whole = write_whole,
};
