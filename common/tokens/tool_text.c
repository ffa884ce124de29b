#include "tool_text.h"

#include <string.h>

#define INDENT 2

struct writer {
    struct arena *arena;
    struct buf *out;
    bool is_full, is_plain;
};

static void add(struct writer *w, struct str text)
{
    w->is_full |= buf_add_str(w->out, text) != BUF_OK;
}

static void add_indent(struct writer *w, unsigned indent)
{
    while (indent-- > 0)
        add(w, STR(" "));
}

static bool add_string(struct writer *w, const struct json_value *v)
{
    struct str text;

    if (!json_string(v, w->arena, &text))
        return false;
    add(w, text);
    return true;
}

static void add_comment(struct writer *w, const struct json_value *description)
{
    if (!json_is(description, JSON_STRING) || description->raw.len == 2)
        return;
    add(w, STR("// "));
    add_string(w, description);
    add(w, STR("\n"));
}

static bool is_type(const struct json_value *schema, const char *type)
{
    const struct json_value *v = json_get(schema, "type");

    return json_is(v, JSON_STRING) && v->raw.len == strlen(type) + 2 &&
           memcmp(v->raw.data + 1, type, v->raw.len - 2) == 0;
}

static void add_schema(struct writer *w, const struct json_value *schema, unsigned indent);

static bool is_required(const struct json_value *schema, struct str name)
{
    const struct json_value *required = json_get(schema, "required");

    for (const struct json_value *e = json_is(required, JSON_ARRAY) ? required->child : NULL; e;
         e = e->next)
        if (json_is(e, JSON_STRING) && e->raw.len == name.len + 2 &&
            memcmp(e->raw.data + 1, name.data, name.len) == 0)
            return true;
    return false;
}

/* One a line; what a nested one is for is not said. */
static void add_properties(struct writer *w, const struct json_value *schema, unsigned indent)
{
    const struct json_value *properties = json_get(schema, "properties");

    if (!json_is(properties, JSON_OBJECT))
        return;
    for (const struct json_value *p = properties->child; p; p = p->next) {
        if (p != properties->child)
            add(w, STR("\n"));
        if (indent == 0)
            add_comment(w, json_get(p, "description"));
        add_indent(w, indent);
        add(w, p->key);
        add(w, is_required(schema, p->key) ? STR(": ") : STR("?: "));
        add_schema(w, p, indent);
        add(w, STR(","));
    }
}

static bool add_choices(struct writer *w, const struct json_value *schema)
{
    const struct json_value *choices = json_get(schema, "enum");

    if (!json_is(choices, JSON_ARRAY))
        return false;
    for (const struct json_value *e = choices->child; e; e = e->next) {
        if (e != choices->child)
            add(w, STR(" | "));
        add(w, e->raw);
    }
    return true;
}

static void add_object(struct writer *w, const struct json_value *schema, unsigned indent)
{
    add(w, STR("{\n"));
    add_properties(w, schema, indent + INDENT);
    add(w, STR("\n"));
    add_indent(w, indent);
    add(w, STR("}"));
}

static void add_schema(struct writer *w, const struct json_value *schema, unsigned indent)
{
    const struct json_value *items = json_get(schema, "items");

    if (is_type(schema, "string")) {
        if (!add_choices(w, schema))
            add(w, STR("string"));
    } else if (is_type(schema, "integer") || is_type(schema, "number")) {
        if (!add_choices(w, schema))
            add(w, STR("number"));
    } else if (is_type(schema, "boolean")) {
        add(w, STR("boolean"));
    } else if (is_type(schema, "null")) {
        add(w, STR("null"));
    } else if (is_type(schema, "array")) {
        if (items)
            add_schema(w, items, indent);
        else
            add(w, STR("any"));
        add(w, STR("[]"));
    } else if (is_type(schema, "object")) {
        add_object(w, schema, indent);
    } else {
        w->is_plain = false; /* a list of types, anyOf, $ref */
        add(w, STR("any"));
    }
}

static void add_function(struct writer *w, const struct json_value *f)
{
    const struct json_value *schema = json_get(f, "parameters");
    const struct json_value *properties;

    if (!schema)
        schema = json_get(f, "input_schema");
    properties = json_get(schema, "properties");
    add_comment(w, json_get(f, "description"));
    add(w, STR("type "));
    if (!add_string(w, json_get(f, "name")))
        w->is_plain = false; /* a tool that the provider brings along */
    if (!json_is(properties, JSON_OBJECT) || !properties->child) {
        add(w, STR(" = () => any;\n\n"));
        return;
    }
    add(w, STR(" = (_: {\n"));
    add_properties(w, schema, 0);
    add(w, STR("\n}) => any;\n\n"));
}

enum buf_result tool_text_write(const struct json_value *tools, struct arena *a, struct buf *out,
                                bool *ret_is_plain)
{
    struct writer w = {.arena = a, .out = out, .is_plain = true};

    add(&w, STR("namespace functions {\n\n"));
    for (const struct json_value *t = tools->child; t; t = t->next) {
        const struct json_value *f = json_get(t, "function");
        add_function(&w, f ? f : t);
    }
    add(&w, STR("} // namespace functions"));
    *ret_is_plain = w.is_plain;
    return w.is_full ? BUF_FULL : BUF_OK;
}
