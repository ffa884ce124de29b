/* http_route.h -- which row of a table of routes does a request belong to?
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"
#include "io/http_server.h"

#include <stddef.h>

/* `tail` is what follows a path that ends in '/': "one", or "one/two". */
typedef void (*http_route_fn)(void *arg, struct http_request *r, struct str tail);

struct http_route {
    const char *method, *path; /* one that ends in '/' takes one more segment, in '//' two */
    const char *name;          /* the `path` label of http_requests_total */
    unsigned flags;            /* the table's own */
    http_route_fn answer;
};

struct http_route_table {
    const struct http_route *routes;
    size_t n;
};
#define HTTP_ROUTE_TABLE(array) ((struct http_route_table){array, sizeof(array) / sizeof(array[0])})

enum http_route_result { HTTP_ROUTE_OK = 0, HTTP_ROUTE_NO_PATH, HTTP_ROUTE_NO_METHOD };

/* Tells the request its route's name, for metrics, as soon as the path is known. */
MUST_USE enum http_route_result http_route_find(struct http_route_table table,
                                                struct http_request *r,
                                                const struct http_route **ret,
                                                struct str *ret_tail);
