#include "ctl_show.h"

#include <stdio.h>

void ctl_show_raw(const struct ctl_answer *a)
{
    printf("%.*s\n", STR_ARG(a->body));
}

int ctl_show_rows(struct ctl_context *c, const char *path, const struct ctl_table_column *columns,
                  unsigned n_columns)
{
    struct ctl_answer a;

    if (!ctl_client_ask(c->client, "GET", path, STR_EMPTY, &a))
        return CTL_ERROR;
    if (c->is_json)
        ctl_show_raw(&a);
    else
        ctl_table_print(a.json, columns, n_columns);
    return CTL_OK;
}

int ctl_show_object(struct ctl_context *c, const char *path)
{
    struct ctl_answer a;

    if (!ctl_client_ask(c->client, "GET", path, STR_EMPTY, &a))
        return CTL_ERROR;
    if (c->is_json)
        ctl_show_raw(&a);
    else
        ctl_table_print_object(a.json);
    return CTL_OK;
}
