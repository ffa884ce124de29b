#include "scrape_page.h"

#include "base/json_write.h"
#include "io/http_answer.h"
#include "service.h"

#include <stdio.h>

#define MAX_LIST (1u << 20)
#define MAX_PAGE 1024

static void write_target(struct json_write *w, struct str address,
                         const struct settings_provider *p)
{
    char path[512];

    snprintf(path, sizeof(path), "/scrape/%s", p->name);
    json_write_begin(w, '{');
    json_write_key(w, "targets");
    json_write_begin(w, '[');
    json_write_str(w, address);
    json_write_end(w, ']');
    json_write_key(w, "labels");
    json_write_begin(w, '{');
    json_write_member(w, "__metrics_path__", path);
    json_write_member(w, "provider", p->name);
    json_write_member(w, "backend", catalogue_backend_text(p->backend));
    json_write_end(w, '}');
    json_write_end(w, '}');
}

void scrape_page_list(struct service *s, struct http_request *r)
{
    struct str address = http_request_header(r, "host");
    struct json_write w;
    struct buf out;

    if (address.len == 0) /* HTTP/1.0 */
        address = str_from(s->settings->health.listen);
    buf_init(&out, MAX_LIST);
    json_write_init(&w, &out);
    json_write_begin(&w, '[');
    for (size_t i = 0; i < s->settings->n_providers; i++)
        write_target(&w, address, &s->settings->providers[i]);
    json_write_end(&w, ']');
    http_answer_written(r, 200, &w);
}

/* The names are those of the blackbox exporter, which dashboards know. */
static void send_page(struct http_request *r, const struct health_provider *p)
{
    static const struct http_header headers[] = {
        {STR_INIT("content-type"), STR_INIT("text/plain; version=0.0.4; charset=utf-8")}};
    char text[MAX_PAGE];
    bool is_ok = p->last_success_ms > 0 && p->consecutive_failures == 0;
    int len = snprintf(text, sizeof(text),
                       "# HELP probe_success 1 if the last probe of the provider succeeded\n"
                       "# TYPE probe_success gauge\n"
                       "probe_success %d\n"
                       "# HELP probe_duration_seconds Duration of the last probe\n"
                       "# TYPE probe_duration_seconds gauge\n"
                       "probe_duration_seconds %.6f\n",
                       is_ok, p->latency_ms / 1000);

    http_response_send(r, 200, headers, 1, (struct str){text, (size_t)len});
}

void scrape_page_provider(struct service *s, struct http_request *r, struct str name)
{
    struct health_provider p;

    if (!monitor_find(s->monitor, name, &p))
        http_answer_error(r, 404, "not_found", "There is no such provider.");
    else if (p.state == HEALTH_DOWN)
        http_answer_error(r, 503, "provider_down", "The provider is down.");
    else
        send_page(r, &p);
}
