#include "ctl_table.h"

#include "base/arena.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define MAX_COLUMNS 16
#define MAX_CELL    64

static void write_size(double bytes, char *to)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    unsigned u = 0;

    while (bytes >= 1024 && u + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1024;
        u++;
    }
    snprintf(to, MAX_CELL, "%.*f %s", u > 0, bytes, units[u]);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void write_date(time_t seconds, char *to)
{
    struct tm tm;

    if (!gmtime_r(&seconds, &tm) || strftime(to, MAX_CELL, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        to[0] = '\0';
}

static void write_number(const struct json_value *v, const char *name, char *to)
{
    bool is_measured = ends_with(name, "_ms") || ends_with(name, "_seconds") ||
                       ends_with(name, "_percent") || ends_with(name, "_watts");
    bool has_fraction = memchr(v->raw.data, '.', v->raw.len);
    double d;

    if (ends_with(name, "_bytes") && json_number(v, &d))
        write_size(d, to);
    else if ((ends_with(name, "_at") || ends_with(name, "_until")) && json_number(v, &d))
        write_date((time_t)d, to);
    else if (is_measured && has_fraction && json_number(v, &d))
        snprintf(to, MAX_CELL, "%.1f", d);
    else
        snprintf(to, MAX_CELL, "%.*s", STR_ARG(v->raw));
}

/* Text for one cell, at most MAX_CELL bytes. */
static void write_cell(const struct json_value *v, const char *name, char *to)
{
    struct arena a;
    struct str s;
    size_t n = 0;

    arena_init(&a, 1u << 20);
    if (json_is(v, JSON_ARRAY)) {
        for (const struct json_value *e = v->child; e && n + 1 < MAX_CELL; e = e->next) {
            if (!json_string(e, &a, &s))
                s = e->raw;
            n += (size_t)snprintf(to + n, MAX_CELL - n, "%s%.*s", n > 0 ? "," : "", STR_ARG(s));
        }
    } else if (json_string(v, &a, &s)) {
        snprintf(to, MAX_CELL, "%.*s", STR_ARG(s));
    } else if (json_is(v, JSON_NUMBER)) {
        write_number(v, name, to);
    } else if (v && v->type != JSON_NULL) {
        snprintf(to, MAX_CELL, "%.*s", STR_ARG(v->raw));
    }
    arena_done(&a);
    for (char *c = to; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
}

static void cell_at(const struct json_value *row, const char *path, char *to)
{
    to[0] = '\0';
    write_cell(json_at(row, path), path, to);
    if (to[0] == '\0')
        strcpy(to, "-");
}

/* Characters, of which a terminal shows most as one column. */
static size_t width_of(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void measure(const struct json_value *rows, const struct ctl_table_column *columns,
                    unsigned n, size_t *ret_widths)
{
    char cell[MAX_CELL];

    for (unsigned i = 0; i < n; i++) {
        ret_widths[i] = strlen(columns[i].title);
        for (const struct json_value *row = rows->child; row; row = row->next) {
            cell_at(row, columns[i].path, cell);
            if (width_of(cell) > ret_widths[i])
                ret_widths[i] = width_of(cell);
        }
    }
}

/* The last cell is not padded. */
static void write_padded(FILE *to, const char *text, size_t width, bool is_last)
{
    if (is_last)
        fprintf(to, "%s\n", text);
    else
        fprintf(to, "%s%*s  ", text, (int)(width - width_of(text)), "");
}

void ctl_table_write(FILE *to, const struct json_value *rows,
                     const struct ctl_table_column *columns, unsigned n_columns)
{
    size_t widths[MAX_COLUMNS];
    char cell[MAX_CELL];

    if (!json_is(rows, JSON_ARRAY))
        return;
    if (n_columns > MAX_COLUMNS)
        n_columns = MAX_COLUMNS;
    measure(rows, columns, n_columns, widths);
    for (unsigned i = 0; i < n_columns; i++)
        write_padded(to, columns[i].title, widths[i], i + 1 == n_columns);
    for (const struct json_value *row = rows->child; row; row = row->next)
        for (unsigned i = 0; i < n_columns; i++) {
            cell_at(row, columns[i].path, cell);
            write_padded(to, cell, widths[i], i + 1 == n_columns);
        }
}

void ctl_table_print(const struct json_value *rows, const struct ctl_table_column *columns,
                     unsigned n_columns)
{
    ctl_table_write(stdout, rows, columns, n_columns);
}

void ctl_table_print_object(const struct json_value *object)
{
    char cell[MAX_CELL], name[MAX_CELL];

    if (!json_is(object, JSON_OBJECT))
        return;
    for (const struct json_value *v = object->child; v; v = v->next) {
        cell[0] = '\0';
        snprintf(name, sizeof(name), "%.*s", STR_ARG(v->key));
        write_cell(v, name, cell);
        printf("%-20.*s %s\n", STR_ARG(v->key), cell[0] ? cell : "-");
    }
}
