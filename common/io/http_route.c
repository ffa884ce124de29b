#include "io/http_route.h"

/* So many segments, none of them empty. */
static bool has_segments(struct str tail, unsigned n)
{
    struct str segment;

    while (str_cut(&tail, '/', &segment)) {
        if (segment.len == 0 || n == 0)
            return false;
        n--;
    }
    return n == 0;
}

static bool is_path(const struct http_route *route, struct str path, struct str *ret_tail)
{
    struct str stem = str_from(route->path);
    unsigned segments = 0;

    *ret_tail = STR_EMPTY;
    while (stem.len > 1 && stem.data[stem.len - 1] == '/') {
        stem.len--;
        segments++;
    }
    if (segments == 0)
        return str_is(path, route->path);
    if (path.len <= stem.len || path.data[stem.len] != '/' ||
        !str_equal((struct str){path.data, stem.len}, stem))
        return false;
    *ret_tail = (struct str){path.data + stem.len + 1, path.len - stem.len - 1};
    return has_segments(*ret_tail, segments);
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
