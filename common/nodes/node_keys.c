#include "nodes/node_keys.h"

#include "io/bus_keys.h"
#include "settings/secret.h"

#include <errno.h>

int node_keys_read(const struct settings *s, struct node_keys *ret, char *reterr,
                   size_t reterr_size)
{
    const struct settings_secret where = {.file = s->curve.secret_file};
    struct node_keys k = {.secret = NULL};

    int r = secret_read(&where, &k.secret, reterr, reterr_size);
    if (r < 0)
        return r;
    if (k.secret && !bus_keys_is_pair(s->curve.public_key, k.secret)) {
        struct yaml_place at;
        (void)settings_find_place(s, s->curve.secret_file, &at);
        (void)yaml_tree_refuse(at, reterr, reterr_size,
                               "the key in file %s is not the one bus.curve.public belongs to",
                               s->curve.secret_file);
        node_keys_done(&k);
        return -EINVAL;
    }
    k.curve = (struct bus_curve){
        .public_key = s->curve.public_key,
        .secret_key = k.secret,
        .allowed = s->curve.allow,
        .n_allowed = s->curve.n_allow,
    };
    *ret = k;
    return 0;
}

void node_keys_done(struct node_keys *k)
{
    secret_free(&k->secret);
}

const struct bus_curve *node_keys_for(struct node_keys *k, const char *server)
{
    k->curve.server_key = server;
    return k->secret ? &k->curve : NULL;
}
