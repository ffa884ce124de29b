#include "sim_responses_read.h"

static const struct sim_note_param params[] = {
    {"max_output_tokens", "max_tokens"},
    {"temperature", "temperature"},
    {"top_p", "top_p"},
    {"top_logprobs", "top_logprobs"},
    {"reasoning.effort", "effort"},
    {"reasoning.summary", "summary"},
    {"text.verbosity", "verbosity"},
    {"parallel_tool_calls", "parallel_tool_calls"},
    {"previous_response_id", "previous_response_id"},
    {"store", "store"},
    {"truncation", "truncation"},
    {"include", "include"},
    {"metadata", "metadata"},
    {"service_tier", "service_tier"},
    {"user", "user"},
};
#define N_PARAMS (sizeof(params) / sizeof(params[0]))

static void read_content(struct sim_note *n, const struct json_value *content)
{
    sim_note_text(n, content);
    if (!json_is(content, JSON_ARRAY))
        return;
    for (const struct json_value *p = content->child; p; p = p->next) {
        struct str type = sim_note_spelled(json_get(p, "type"));
        if (str_is(type, "input_image"))
            sim_note_data_url(n, json_get(p, "image_url"));
        else if (str_is(type, "input_file"))
            sim_note_data_url(n, json_get(p, "file_data"));
        else if (str_is(type, "refusal"))
            sim_note_words(n, "refusal", json_get(p, "refusal"), NULL);
        else
            sim_note_text(n, json_get(p, "text"));
    }
}

static void read_item(struct sim_note *n, const struct json_value *item)
{
    static const char *const roles[] = {"system", "developer", "user", "assistant"};
    struct str type = sim_note_spelled(json_get(item, "type"));
    struct str role = sim_note_spelled(json_get(item, "role"));
    const char *name = "assistant";

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (str_is(role, roles[i]))
            name = roles[i];
    if (str_is(type, "function_call_output"))
        name = "tool";
    sim_note_message(n, name);
    if (str_is(type, "function_call"))
        sim_note_call(n, json_get(item, "call_id"), json_get(item, "name"),
                      json_get(item, "arguments"), NULL);
    else if (str_is(type, "function_call_output")) {
        sim_note_result(n, json_get(item, "call_id"), NULL, false);
        read_content(n, json_get(item, "output"));
        sim_note_result_end(n);
    } else if (str_is(type, "reasoning"))
        sim_note_words(n, "thinking", json_at(item, "summary.0.text"),
                       json_get(item, "encrypted_content"));
    else
        read_content(n, json_get(item, "content"));
    sim_note_message_end(n);
}

static void read_input(struct sim_note *n)
{
    const struct json_value *instructions = json_get(n->root, "instructions");
    const struct json_value *input = json_get(n->root, "input");

    if (json_is(instructions, JSON_STRING)) {
        sim_note_message(n, "system");
        sim_note_text(n, instructions);
        sim_note_message_end(n);
    }
    if (json_is(input, JSON_ARRAY)) {
        for (const struct json_value *item = input->child; item; item = item->next)
            read_item(n, item);
        return;
    }
    sim_note_message(n, "user");
    sim_note_text(n, input);
    sim_note_message_end(n);
}

static void read_tools(struct sim_note *n)
{
    const struct json_value *tools = json_get(n->root, "tools");
    const struct json_value *choice = json_get(n->root, "tool_choice");
    struct str word = sim_note_spelled(choice);

    sim_note_tools(n);
    if (json_is(tools, JSON_ARRAY))
        for (const struct json_value *t = tools->child; t; t = t->next)
            sim_note_tool(n, json_get(t, "name"), json_get(t, "description"),
                          json_get(t, "parameters"));
    sim_note_tools_end(n,
                       json_is(choice, JSON_OBJECT) ? "named"
                       : str_is(word, "required")   ? "required"
                       : str_is(word, "none")       ? "none"
                       : word.len > 0               ? "auto"
                                                    : NULL,
                       json_get(choice, "name"));
}

bool sim_responses_read(struct sim_note *n)
{
    static const char *const known[] = {"model",       "input", "instructions",   "stream", "tools",
                                        "tool_choice", "text",  "stream_options", NULL};
    const struct json_value *format;

    if (!sim_note_body(n))
        return false;
    if (!json_string(json_get(n->root, "model"), n->arena, &n->chat->model) ||
        !json_get(n->root, "input"))
        return sim_note_refuse(n, "a response has a model and an input");
    n->chat->is_stream = json_is(json_get(n->root, "stream"), JSON_TRUE);
    n->chat->wants_usage = true;
    sim_note_head(n);
    sim_note_messages(n);
    read_input(n);
    sim_note_messages_end(n);
    read_tools(n);
    format = json_at(n->root, "text.format");
    if (str_is(sim_note_spelled(json_get(format, "type")), "json_schema"))
        sim_note_format(n, "schema", json_get(format, "name"), json_get(format, "schema"));
    else if (str_is(sim_note_spelled(json_get(format, "type")), "json_object"))
        sim_note_format(n, "json", NULL, NULL);
    sim_note_params(n, params, N_PARAMS);
    (void)!sim_note_unknown(n, known, params, N_PARAMS);
    return true;
}
