#include "inbound_frame.h"

#include <stdio.h>
#include <string.h>

void inbound_frame_write_id(struct json_write *w, const char *prefix,
                            const struct inbound_answer *answer)
{
    const char *id = answer->id;
    char text[128];

    if (strncmp(id, "req_", 4) == 0)
        id += 4;
    snprintf(text, sizeof(text), "%s%s", prefix, id);
    json_write_member(w, "id", text);
}

void inbound_frame_write_usage(struct json_write *w, const struct chat_usage *u)
{
    json_write_key(w, "usage");
    json_write_begin(w, '{');
    json_write_member_int(w, "prompt_tokens", u->input);
    json_write_member_int(w, "completion_tokens", u->output);
    json_write_member_int(w, "total_tokens", u->input + u->output);
    json_write_key(w, "prompt_tokens_details");
    json_write_begin(w, '{');
    json_write_member_int(w, "cached_tokens", u->cached);
    if (u->cache_write > 0)
        json_write_member_int(w, "cache_write_tokens", u->cache_write);
    json_write_end(w, '}');
    json_write_key(w, "completion_tokens_details");
    json_write_begin(w, '{');
    json_write_member_int(w, "reasoning_tokens", u->reasoning);
    json_write_end(w, '}');
    if (u->is_local)
        json_write_member(w, "source", "local");
    json_write_end(w, '}');
}

enum buf_result inbound_frame_begin(const char *event, struct buf *out)
{
    return event ? buf_printf(out, "event: %s\ndata: ", event) : buf_add_str(out, STR("data: "));
}

enum buf_result inbound_frame_end(enum buf_result begun, struct json_write *w, struct buf *out)
{
    if (begun != BUF_OK || json_write_finish(w) != BUF_OK)
        return BUF_FULL;
    return buf_add_str(out, STR("\n\n"));
}
