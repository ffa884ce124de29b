#include "io/http_route.h"

#include <string.h>

static bool is_path(const struct http_route *route, struct str path, struct str *ret_tail)
{
    size_t n = strlen(route->path);

    *ret_tail = STR_EMPTY;
    if (route->path[n - 1] != '/')
        return str_is(path, route->path);
    if (path.len <= n || !str_has_prefix(path, route->path))
        return false;
    *ret_tail = (struct str){path.data + n, path.len - n};
    return !memchr(ret_tail->data, '/', ret_tail->len);
}

enum http_route_result http_route_find(struct http_route_table table, struct http_request *r,
                                       const struct http_route **ret, struct str *ret_tail)
{
    struct str path = http_request_path(r), method = http_request_method(r);
    enum http_route_result result = HTTP_ROUTE_NO_PATH;

    for (size_t i = 0; i < table.n; i++) {
        if (!is_path(&table.routes[i], path, ret_tail))
            continue;
        http_request_set_route(r, table.routes[i].name);
        *ret = &table.routes[i];
        if (str_is(method, table.routes[i].method))
            return HTTP_ROUTE_OK;
        result = HTTP_ROUTE_NO_METHOD;
    }
    return result;
}
