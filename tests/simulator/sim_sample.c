#include "sim_sample.h"

#include "base/json_write.h"

#include <stdio.h>

#define MAX_DEPTH 8

static void write_value(struct json_write *w, const struct json_value *schema, struct str name,
                        int depth);

static void write_object(struct json_write *w, const struct json_value *schema, int depth)
{
    const struct json_value *properties = json_get(schema, "properties");
    char key[128];

    json_write_begin(w, '{');
    if (json_is(properties, JSON_OBJECT) && depth < MAX_DEPTH)
        for (const struct json_value *p = properties->child; p; p = p->next) {
            snprintf(key, sizeof(key), "%.*s", STR_ARG(p->key));
            json_write_key(w, key);
            write_value(w, p, p->key, depth + 1);
        }
    json_write_end(w, '}');
}

static void write_string(struct json_write *w, struct str name)
{
    char text[128];

    snprintf(text, sizeof(text), "%.*s \"\xc3\xa9\"", STR_ARG(name));
    json_write_text(w, text);
}

/* "string" or ["string", "null"]; gemini's are in capitals. */
static struct str type_of(const struct json_value *schema)
{
    const struct json_value *type = json_get(schema, "type");

    if (json_is(type, JSON_ARRAY))
        type = type->child;
    if (!json_is(type, JSON_STRING))
        return json_get(schema, "properties") ? STR("object") : STR_EMPTY;
    return (struct str){type->raw.data + 1, type->raw.len - 2};
}

static void write_value(struct json_write *w, const struct json_value *schema, struct str name,
                        int depth)
{
    const struct json_value *options = json_get(schema, "enum");
    struct str type = type_of(schema);

    if (json_is(options, JSON_ARRAY) && options->child)
        json_write_raw(w, options->child->raw);
    else if (str_is_nocase(type, "object"))
        write_object(w, schema, depth);
    else if (str_is_nocase(type, "array")) {
        json_write_begin(w, '[');
        if (depth < MAX_DEPTH)
            write_value(w, json_get(schema, "items"), name, depth + 1);
        json_write_end(w, ']');
    } else if (str_is_nocase(type, "integer"))
        json_write_int(w, 7);
    else if (str_is_nocase(type, "number"))
        json_write_raw(w, STR("1.5"));
    else if (str_is_nocase(type, "boolean"))
        json_write_bool(w, true);
    else if (str_is_nocase(type, "null"))
        json_write_null(w);
    else
        write_string(w, name);
}

void sim_sample_write(const struct json_value *schema, struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    if (json_is(schema, JSON_OBJECT))
        write_value(&w, schema, STR("value"), 0);
    else
        write_object(&w, NULL, 0);
    (void)!json_write_finish(&w);
}
