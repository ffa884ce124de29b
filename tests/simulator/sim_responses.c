#include "sim_responses.h"

#include "sim_answer.h"
#include "sim_openai.h"
#include "sim_responses_read.h"

#include <inttypes.h>

#define ADD sim_answer_add

static void add(struct buf *b, struct str s)
{
    (void)!buf_add_str(b, s);
}

static void begin(struct sim_answer *a, const char *type)
{
    ADD(&a->scratch, "{\"type\":\"%s\",\"sequence_number\":%" PRIu64, type, a->sequence++);
}

static void send(struct sim_answer *a, const char *type, struct buf *out)
{
    ADD(&a->scratch, "}");
    sim_answer_event(a, type, out);
}

static void add_usage(const struct sim_answer *a, struct buf *json)
{
    struct sim_answer_usage u = sim_answer_usage(a);

    ADD(json,
        "\"usage\":{\"input_tokens\":%" PRIu64
        ",\"input_tokens_details\":{\"cached_tokens\":%" PRIu64 "},\"output_tokens\":%" PRIu64
        ",\"output_tokens_details\":{\"reasoning_tokens\":%" PRIu64 "},\"total_tokens\":%" PRIu64
        "}",
        u.input, u.cached, u.output, u.reasoning, u.input + u.output);
}

static const char *reason(const struct sim_answer *a)
{
    return sim_answer_finish(a) == SIM_SCRIPT_FINISH_LENGTH ? "{\"reason\":\"max_output_tokens\"}"
                                                            : "{\"reason\":\"content_filter\"}";
}

/* The response object around these items. */
static void add_response(const struct sim_answer *a, struct buf *json, const char *status,
                         struct str items)
{
    bool is_done = status[0] != 'i' || status[2] == 'c'; /* not in_progress */
    bool is_cut = status[0] == 'i' && status[2] == 'c';  /* incomplete */

    ADD(json,
        "{\"id\":\"resp_%s\",\"object\":\"response\",\"created_at\":1700000000,\"status\":\"%s\","
        "\"error\":null,\"incomplete_details\":%s,\"instructions\":null,\"max_output_tokens\":null,"
        "\"model\":\"",
        a->id, status, is_cut ? reason(a) : "null");
    sim_content_escape(json, str_from(a->model));
    ADD(json, "\",\"output\":[");
    add(json, items);
    ADD(json, "],\"parallel_tool_calls\":true,\"previous_response_id\":null,\"reasoning\":{"
              "\"effort\":null,\"summary\":null},\"store\":false,\"temperature\":1.0,\"text\":{"
              "\"format\":{\"type\":\"text\"}},\"tool_choice\":\"auto\",\"tools\":[],\"top_p\":1.0,"
              "\"truncation\":\"disabled\",\"metadata\":{},\"user\":null,");
    if (is_done && !a->script.no_usage)
        add_usage(a, json);
    else
        ADD(json, "\"usage\":null");
    ADD(json, "}");
}

static const char *id_prefix(enum sim_content_kind kind)
{
    return kind == SIM_CONTENT_CALL ? "fc" : kind == SIM_CONTENT_TEXT ? "msg" : "rs";
}

/* The item of a block with this text, as it begins (empty, in_progress) and as it ends. */
static void add_item(const struct sim_answer *a, const struct sim_content_piece *p,
                     struct buf *json, struct str text, bool is_done)
{
    const char *status = is_done ? "completed" : "in_progress";

    ADD(json, "{\"id\":\"%s_%s_%u\",", id_prefix(p->block->kind), a->id, p->index);
    switch (p->block->kind) {
    case SIM_CONTENT_THINKING:
        ADD(json, "\"type\":\"reasoning\",\"encrypted_content\":\"%s\",\"summary\":[",
            SIM_CONTENT_SIGNATURE);
        if (is_done) {
            ADD(json, "{\"type\":\"summary_text\",\"text\":\"");
            add(json, text);
            ADD(json, "\"}");
        }
        ADD(json, "]}");
        return;
    case SIM_CONTENT_REDACTED_THINKING:
        ADD(json, "\"type\":\"reasoning\",\"encrypted_content\":\"%s\",\"summary\":[]}",
            SIM_CONTENT_REDACTED);
        return;
    case SIM_CONTENT_TEXT:
        ADD(json, "\"type\":\"message\",\"status\":\"%s\",\"role\":\"assistant\",\"content\":[",
            status);
        if (is_done) {
            ADD(json, "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"");
            add(json, text);
            ADD(json, "\"}");
        }
        ADD(json, "]}");
        return;
    case SIM_CONTENT_CALL:
        ADD(json,
            "\"type\":\"function_call\",\"status\":\"%s\",\"call_id\":\"call_%s_%u\",\"name\":\"%"
            "s\","
            "\"arguments\":\"",
            status, a->id, p->block->call, p->block->name);
        add(json, text);
        ADD(json, "\"}");
        return;
    }
}

static void write_start(struct sim_answer *a, struct buf *out)
{
    static const char *const types[] = {"response.created", "response.in_progress"};

    buf_clear(&a->body);
    buf_clear(&a->kept);
    for (size_t i = 0; i < 2; i++) {
        begin(a, types[i]);
        ADD(&a->scratch, ",\"response\":");
        add_response(a, &a->scratch, "in_progress", STR_EMPTY);
        send(a, types[i], out);
    }
}

/* Which words the events of a block have. */
static const struct {
    const char *part, *part_done; /* NULL: the block has no parts */
    const char *part_key, *part_type;
    const char *delta, *done, *done_key;
} words[] = {
    [SIM_CONTENT_THINKING] = {"response.reasoning_summary_part.added",
                              "response.reasoning_summary_part.done", "summary_index",
                              "summary_text", "response.reasoning_summary_text.delta",
                              "response.reasoning_summary_text.done", "text"},
    [SIM_CONTENT_TEXT] = {"response.content_part.added", "response.content_part.done",
                          "content_index", "output_text", "response.output_text.delta",
                          "response.output_text.done", "text"},
    [SIM_CONTENT_CALL] = {NULL, NULL, NULL, NULL, "response.function_call_arguments.delta",
                          "response.function_call_arguments.done", "arguments"},
};

static void add_place(struct sim_answer *a, const struct sim_content_piece *p)
{
    ADD(&a->scratch, ",\"item_id\":\"%s_%s_%u\",\"output_index\":%u", id_prefix(p->block->kind),
        a->id, p->index, p->index);
    if (words[p->block->kind].part_key)
        ADD(&a->scratch, ",\"%s\":0", words[p->block->kind].part_key);
}

static void send_item(struct sim_answer *a, const struct sim_content_piece *p, bool is_done,
                      struct buf *out)
{
    const char *type = is_done ? "response.output_item.done" : "response.output_item.added";

    begin(a, type);
    ADD(&a->scratch, ",\"output_index\":%u,\"item\":", p->index);
    add_item(a, p, &a->scratch, buf_str(&a->kept), is_done);
    send(a, type, out);
}

static void send_part(struct sim_answer *a, const struct sim_content_piece *p, bool is_done,
                      struct buf *out)
{
    const char *type = is_done ? words[p->block->kind].part_done : words[p->block->kind].part;

    if (!type)
        return;
    begin(a, type);
    add_place(a, p);
    ADD(&a->scratch, ",\"part\":{\"type\":\"%s\",", words[p->block->kind].part_type);
    if (p->block->kind == SIM_CONTENT_TEXT)
        ADD(&a->scratch, "\"annotations\":[],\"logprobs\":[],");
    ADD(&a->scratch, "\"text\":\"");
    add(&a->scratch, buf_str(&a->kept));
    ADD(&a->scratch, "\"}");
    send(a, type, out);
}

static void send_delta(struct sim_answer *a, const struct sim_content_piece *p, struct buf *out)
{
    begin(a, words[p->block->kind].delta);
    add_place(a, p);
    ADD(&a->scratch, ",\"delta\":\"");
    size_t at = a->scratch.len;
    sim_content_write(&a->content, a->now, &a->scratch);
    add(&a->kept, (struct str){a->scratch.data + at, a->scratch.len - at});
    ADD(&a->scratch, "\"");
    if (p->block->kind == SIM_CONTENT_TEXT)
        ADD(&a->scratch, ",\"logprobs\":[]");
    send(a, words[p->block->kind].delta, out);
}

static void close_block(struct sim_answer *a, const struct sim_content_piece *p, struct buf *out)
{
    if (words[p->block->kind].done) {
        begin(a, words[p->block->kind].done);
        add_place(a, p);
        ADD(&a->scratch, ",\"%s\":\"", words[p->block->kind].done_key);
        add(&a->scratch, buf_str(&a->kept));
        ADD(&a->scratch, "\"");
        send(a, words[p->block->kind].done, out);
        send_part(a, p, true, out);
    }
    send_item(a, p, true, out);
    ADD(&a->body, "%s", a->body.len > 0 ? "," : "");
    add_item(a, p, &a->body, buf_str(&a->kept), true);
    buf_clear(&a->kept);
}

static void write_piece(struct sim_answer *a, const struct sim_content_piece *p, struct buf *out)
{
    if (p->is_first) {
        send_item(a, p, false, out);
        send_part(a, p, false, out);
    }
    if (words[p->block->kind].delta) {
        send_delta(a, p, out);
    } else {
        sim_content_write(&a->content, a->now, &a->scratch);
        buf_clear(&a->scratch);
    }
    if (p->is_last)
        close_block(a, p, out);
}

static bool is_cut(const struct sim_answer *a)
{
    return sim_answer_finish(a) == SIM_SCRIPT_FINISH_LENGTH ||
           sim_answer_finish(a) == SIM_SCRIPT_FINISH_FILTER;
}

static void write_end(struct sim_answer *a, struct buf *out)
{
    const char *type = is_cut(a) ? "response.incomplete" : "response.completed";

    if (a->script.no_finish)
        return;
    begin(a, type);
    ADD(&a->scratch, ",\"response\":");
    add_response(a, &a->scratch, is_cut(a) ? "incomplete" : "completed", buf_str(&a->body));
    send(a, type, out);
}

static void write_break(struct sim_answer *a, const struct sim_error *e, struct buf *out)
{
    begin(a, "error");
    ADD(&a->scratch, ",\"code\":\"%s\",\"message\":\"",
        e->words.code ? e->words.code : e->words.type);
    sim_content_escape(&a->scratch, e->message);
    ADD(&a->scratch, "\",\"param\":null");
    send(a, "error", out);
}

static void write_whole(struct sim_answer *a, struct buf *json)
{
    struct sim_content_piece p;

    buf_clear(&a->body);
    while (sim_content_next(&a->content, &p)) {
        buf_clear(&a->kept);
        sim_content_write_block(&a->content, a->now, &a->kept);
        ADD(&a->body, "%s", p.index > 0 ? "," : "");
        add_item(a, &p, &a->body, buf_str(&a->kept), true);
    }
    add_response(a, json, is_cut(a) ? "incomplete" : "completed", buf_str(&a->body));
}

const struct sim_dialect sim_responses = {
    .name = "openai responses",
    .frame = SIM_FRAME_SSE_NAMED,
    .stream_type = "text/event-stream; charset=utf-8",
    .id_header = "x-request-id",
    .errors = sim_openai_errors,
    .read = sim_responses_read,
    .write_error = sim_openai_write_error,
    .write_start = write_start,
    .write_piece = write_piece,
    .write_end = write_end,
    .write_break = write_break,
    .write_whole = write_whole,
};
