#include "base/json_edit.h"

#include <assert.h>
#include <string.h>

static const char comma[] = ",";

void json_edit_init(struct json_edit *e, struct str text)
{
    *e = (struct json_edit){.text = text};
}

static size_t offset_of(const struct json_edit *e, const char *p)
{
    assert(p >= e->text.data && p <= e->text.data + e->text.len);
    return (size_t)(p - e->text.data);
}

static size_t start_of(const struct json_edit *e, const struct json_value *member)
{
    return offset_of(e, member->key_raw.data);
}

static size_t end_of(const struct json_edit *e, const struct json_value *v)
{
    return offset_of(e, v->raw.data + v->raw.len);
}

static size_t end_of_splice(const struct json_edit_splice *s)
{
    return s->at + s->removed;
}

static void put_splice(struct json_edit *e, size_t i, struct json_edit_splice s)
{
    assert(e->n < JSON_EDIT_MAX);
    memmove(&e->splice[i + 1], &e->splice[i], (e->n - i) * sizeof(s));
    e->splice[i] = s;
    e->n++;
}

static void drop_splice(struct json_edit *e, size_t i)
{
    e->n--;
    memmove(&e->splice[i], &e->splice[i + 1], (e->n - i) * sizeof(e->splice[0]));
}

/* What is inserted at `at` comes before what replaces the text there. */
static size_t find_place(const struct json_edit *e, size_t at)
{
    size_t i = 0;

    while (i < e->n &&
           (e->splice[i].at < at || (e->splice[i].at == at && e->splice[i].removed == 0)))
        i++;
    assert(i == 0 || end_of_splice(&e->splice[i - 1]) <= at);
    return i;
}

/* Replaces what was edited within the same bytes before. */
static void cut(struct json_edit *e, size_t from, size_t to, struct str text)
{
    for (size_t i = e->n; i-- > 0;) {
        const struct json_edit_splice *s = &e->splice[i];
        bool is_insertion_before = s->at == from && s->removed == 0;
        if (s->at >= from && end_of_splice(s) <= to && !is_insertion_before)
            drop_splice(e, i);
    }
    size_t i = find_place(e, from);
    assert(i == e->n || to <= e->splice[i].at);
    put_splice(e, i, (struct json_edit_splice){from, to - from, text});
}

void json_edit_replace(struct json_edit *e, const struct json_value *v, struct str json)
{
    cut(e, offset_of(e, v->raw.data), end_of(e, v), json);
}

static bool is_removed(const struct json_edit *e, const struct json_value *member)
{
    size_t at = start_of(e, member);

    for (size_t i = 0; i < e->n; i++) {
        if (e->splice[i].at <= at && at < end_of_splice(&e->splice[i]))
            return true;
    }
    return false;
}

static bool has_insertion(const struct json_edit *e, size_t at)
{
    for (size_t i = 0; i < e->n; i++) {
        if (e->splice[i].at == at && e->splice[i].removed == 0)
            return true;
    }
    return false;
}

static bool has_members(const struct json_edit *e, const struct json_value *object)
{
    for (const struct json_value *m = object->child; m; m = m->next) {
        if (!is_removed(e, m))
            return true;
    }
    return false;
}

void json_edit_set(struct json_edit *e, const struct json_value *object, const char *key,
                   struct str value, struct str member)
{
    const struct json_value *present = json_get(object, key);
    size_t at = offset_of(e, object->raw.data) + 1;

    assert(json_is(object, JSON_OBJECT));
    if (present && !is_removed(e, present)) {
        json_edit_replace(e, present, value);
        return;
    }
    bool comma_is_due = has_members(e, object) || has_insertion(e, at);
    size_t i = 0;
    while (i < e->n && e->splice[i].at < at)
        i++;
    if (comma_is_due)
        put_splice(e, i, (struct json_edit_splice){at, 0, {comma, 1}});
    put_splice(e, i, (struct json_edit_splice){at, 0, member});
}

/* Members that were inserted end in a comma, which nothing follows any more. */
static void drop_last_comma(struct json_edit *e, size_t at)
{
    for (size_t i = e->n; i-- > 0;) {
        if (e->splice[i].at == at && e->splice[i].text.data == comma) {
            drop_splice(e, i);
            return;
        }
    }
}

void json_edit_remove(struct json_edit *e, const struct json_value *object,
                      const struct json_value *member)
{
    const struct json_value *before = NULL, *after = NULL;
    bool is_behind = false;

    if (is_removed(e, member))
        return;
    for (const struct json_value *m = object->child; m && !after; m = m->next) {
        if (m == member)
            is_behind = true;
        else if (!is_removed(e, m))
            *(is_behind ? &after : &before) = m;
    }
    size_t from = before && !after ? end_of(e, before) : start_of(e, member);
    size_t to = after ? start_of(e, after) : end_of(e, member);
    cut(e, from, to, STR_EMPTY);
    if (!before && !after)
        drop_last_comma(e, offset_of(e, object->raw.data) + 1);
}

size_t json_edit_length(const struct json_edit *e)
{
    size_t len = e->text.len;

    for (size_t i = 0; i < e->n; i++)
        len += e->splice[i].text.len - e->splice[i].removed;
    return len;
}

size_t json_edit_pieces(const struct json_edit *e, struct str *ret_pieces)
{
    size_t at = 0, n = 0;

    for (size_t i = 0; i < e->n; i++) {
        const struct json_edit_splice *s = &e->splice[i];
        ret_pieces[n++] = (struct str){e->text.data + at, s->at - at};
        ret_pieces[n++] = s->text;
        at = end_of_splice(s);
    }
    ret_pieces[n++] = (struct str){e->text.data + at, e->text.len - at};
    return n;
}

enum buf_result json_edit_apply(const struct json_edit *e, struct buf *out)
{
    struct str piece[2 * JSON_EDIT_MAX + 1];
    size_t n = json_edit_pieces(e, piece);

    if (!buf_reserve(out, json_edit_length(e)))
        return BUF_FULL;
    for (size_t i = 0; i < n; i++) {
        if (buf_add_str(out, piece[i]) != BUF_OK)
            return BUF_FULL;
    }
    return BUF_OK;
}
