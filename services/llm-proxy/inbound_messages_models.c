#include "inbound_messages.h"

/* What is not known here is null; a model's age counts from the epoch, as the API allows. */
void inbound_messages_models_write_one(struct json_write *w, const struct settings_model *m)
{
    json_write_begin(w, '{');
    json_write_member(w, "type", "model");
    json_write_member(w, "id", m->name);
    json_write_member(w, "display_name", m->name);
    json_write_member(w, "created_at", "1970-01-01T00:00:00Z");
    json_write_key(w, "max_input_tokens");
    if (m->context_window > 0)
        json_write_u64(w, m->context_window);
    else
        json_write_null(w);
    json_write_key(w, "max_tokens");
    if (m->max_output > 0)
        json_write_u64(w, m->max_output);
    else
        json_write_null(w);
    json_write_end(w, '}');
}

/* All of them, as one page. */
void inbound_messages_models_write(struct json_write *w, const struct settings_model *models,
                                   size_t n)
{
    json_write_begin(w, '{');
    json_write_key(w, "data");
    json_write_begin(w, '[');
    for (size_t i = 0; i < n; i++)
        inbound_messages_models_write_one(w, &models[i]);
    json_write_end(w, ']');
    json_write_member_bool(w, "has_more", false);
    json_write_member(w, "first_id", n > 0 ? models[0].name : NULL);
    json_write_member(w, "last_id", n > 0 ? models[n - 1].name : NULL);
    json_write_end(w, '}');
}
