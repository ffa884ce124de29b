#include "settings/settings_nodes.h"

#include "io/address.h"

#include <string.h>

#define REFUSE(r, field, ...)                                                                      \
    yaml_tree_refuse(settings_read_place((r), (field)), (r)->reterr, (r)->reterr_size, __VA_ARGS__)

static bool is_loopback(const char *text)
{
    struct address a;

    return address_parse(str_from(text), &a) && address_is_loopback(&a);
}

static int check_address(const struct settings *s, const char *const *address, const char *what,
                         const struct settings_reader *r)
{
    if (str_has_prefix(str_from(*address), "unix:"))
        return REFUSE(r, address, "%s '%s' must be a tcp address", what, *address);
    if (s->curve.public_key || is_loopback(*address))
        return 0;
    return REFUSE(r, address, "%s '%s' is not loopback: it needs bus.curve", what, *address);
}

static int check_node(const struct settings *s, size_t i, const struct settings_reader *r)
{
    const struct settings_node *n = &s->health.nodes[i];

    for (size_t k = 0; k < i; k++)
        if (strcmp(s->health.nodes[k].id, n->id) == 0)
            return REFUSE(r, &n->id, "node '%s' is already listed", n->id);
    if (n->key && !s->curve.public_key)
        return REFUSE(r, &n->key, "key is for machines with a bus.curve of their own");
    return check_address(s, &n->address, "health.nodes[].address", r);
}

static bool is_node(const struct settings *s, const char *id)
{
    for (size_t i = 0; i < s->health.n_nodes; i++)
        if (strcmp(s->health.nodes[i].id, id) == 0)
            return true;
    return strcmp(s->health.node_id, id) == 0;
}

int settings_nodes_check(const struct settings *s, const struct settings_reader *r)
{
    if (!s->curve.public_key != !s->curve.secret_file)
        return REFUSE(r, s->curve.public_key ? &s->curve.public_key : &s->curve.secret_file,
                      "bus.curve needs both public and secret_file");
    if (s->curve.n_allow > 0 && !s->curve.public_key)
        return REFUSE(r, &s->curve.allow, "bus.curve.allow needs public and secret_file");
    if (s->health.publish[0] && check_address(s, &s->health.publish, "health.publish", r) != 0)
        return 1;
    for (size_t i = 0; i < s->health.n_nodes; i++)
        if (check_node(s, i, r) != 0)
            return 1;
    for (size_t i = 0; i < s->n_providers; i++) {
        const struct settings_provider *p = &s->providers[i];
        if (p->node && !is_node(s, p->node))
            return REFUSE(r, &p->node, "no node of health.nodes is called '%s'", p->node);
    }
    return 0;
}
