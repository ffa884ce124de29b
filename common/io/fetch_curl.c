#include "fetch_curl.h"

#include "fetch_curl_request.h"
#include "fetch_head.h"
#include "fetch_request.h"
#include "fetch_trust.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MAX_IDLE_HANDLES 256
#define MAX_CONNECTIONS  4096L /* well above the concurrency: the default shrinks the pool */

struct transfer {
    struct fetch base;
    struct fetch_curl *owner;
    CURL *easy;
    struct fetch_curl_request request;
    struct fetch_trust_waiter waiter;
    struct fetch_head head;
    char error[CURL_ERROR_SIZE];
    bool is_added; /* to the multi handle */
    bool is_held;  /* libcurl keeps bytes we refused while paused */
    bool is_released;
    bool is_condemned;
    struct transfer *next; /* idle, pending or condemned */
};

/* One descriptor of libcurl's. Never returned to the heap before the end: libcurl drops it from
 * inside its own callback. */
struct watch {
    struct loop_fd fd;
    struct fetch_curl *owner;
    struct watch *next, *all;
};

struct fetch_curl {
    LIST_ENTRY(fetch_curl) link;
    char *ca_file; /* NULL: the system's */
    struct loop *loop;
    CURLM *multi;
    CURLSH *share;
    struct fetch_trust trust;
    struct loop_timer timer;
    struct loop_task task;
    struct transfer *idle, *pending, *condemned;
    unsigned n_idle;
    struct watch *idle_watches, *all_watches;
    bool is_driving;        /* libcurl is on the stack */
    bool is_about_to_drive; /* so it need not ask for it */
};

static void settle(struct fetch_curl *c);

static void kick(struct fetch_curl *c)
{
    if (!c->task.is_queued)
        loop_defer(c->loop, &c->task);
}

/* ---- the answer ---- */

static enum fetch_result result_of(const struct transfer *t, CURLcode code)
{
    bool was_connected = t->base.deadline.connected_at != 0;

    switch ((int)code) {
    case CURLE_OK: /* even if the connection ended in the head */
        return t->head.is_done ? FETCH_OK : FETCH_RESET;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_URL_MALFORMAT:
        return FETCH_RESOLVE;
    case CURLE_OPERATION_TIMEDOUT:
        return was_connected ? FETCH_RESET : FETCH_CONNECT_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return FETCH_TLS;
    case CURLE_RECV_ERROR: /* one code for a reset and for a bad chunk */
        return strstr(t->error, "chunked-encoding") ? FETCH_INVALID : FETCH_RESET;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_HTTP2:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_OUT_OF_MEMORY: /* its word for a header line over 100 KB */
        return was_connected ? FETCH_INVALID : FETCH_CONNECT;
    default:
        return was_connected ? FETCH_RESET : FETCH_CONNECT;
    }
}

static int on_connected(void *arg, char *peer, char *local, int peer_port, int local_port)
{
    struct transfer *t = arg;

    (void)peer, (void)local, (void)peer_port, (void)local_port;
    if (t->base.is_over)
        return CURL_PREREQFUNC_ABORT;
    fetch_transfer_connected(&t->base);
    return CURL_PREREQFUNC_OK;
}

/* The parser knows HTTP/1; libcurl writes later versions in the same form. */
static enum fetch_head_result feed_head(struct fetch_head *h, struct str line)
{
    if (h->text.len == 0 && (str_has_prefix(line, "HTTP/2 ") || str_has_prefix(line, "HTTP/3 "))) {
        struct str version = STR("HTTP/1.1");
        if (fetch_head_feed(h, &version) == FETCH_HEAD_INVALID)
            return FETCH_HEAD_INVALID;
        line = (struct str){line.data + 6, line.len - 6};
    }
    return fetch_head_feed(h, &line);
}

static size_t on_head_line(char *data, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    size_t len = size * n;

    if (t->base.is_over)
        return 0;
    fetch_transfer_heard(&t->base);
    if (t->head.is_done)
        return len; /* a trailer */
    switch (feed_head(&t->head, (struct str){data, len})) {
    case FETCH_HEAD_MORE:
        return len;
    case FETCH_HEAD_DONE:
        return fetch_transfer_head(&t->base, t->head.response.status) ? len : 0;
    case FETCH_HEAD_INVALID:
        fetch_transfer_fail(&t->base, FETCH_INVALID);
        return 0;
    }
    abort();
}

static size_t on_body_bytes(char *data, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    size_t len = size * n;

    if (t->base.is_over)
        return 0;
    if (t->base.deadline.is_paused) {
        t->is_held = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    fetch_transfer_heard(&t->base);
    return fetch_transfer_body(&t->base, (struct str){data, len}) ? len : 0;
}

/* ---- the life of a transfer ---- */

static CURLcode on_tls(CURL *easy, void *ssl_ctx, void *arg)
{
    struct transfer *t = arg;

    (void)easy;
    return fetch_trust_apply(&t->owner->trust, ssl_ctx) ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
}

static void set_callbacks(struct transfer *t)
{
    t->error[0] = '\0';
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_SSL_CTX_FUNCTION, on_tls);
    curl_easy_setopt(t->easy, CURLOPT_SSL_CTX_DATA, t);
    curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_head_line);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body_bytes);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
}

static void add_soon(struct transfer *t)
{
    t->next = t->owner->pending;
    t->owner->pending = t;
    kick(t->owner);
}

static void on_trust(void *arg, bool is_known)
{
    struct transfer *t = arg;

    if (is_known)
        add_soon(t);
    else
        fetch_transfer_fail_soon(&t->base, FETCH_TLS);
}

static void trust(struct transfer *t)
{
    enum fetch_trust_result known = fetch_trust_want(&t->owner->trust, &t->waiter);

    if (known != FETCH_TRUST_WAITING)
        on_trust(t, known == FETCH_TRUST_READY);
}

void fetch_curl_start(struct fetch *f, const struct fetch_request *request)
{
    struct transfer *t = (struct transfer *)f;

    if (!fetch_request_is_sound(request)) {
        fetch_transfer_fail_soon(f, FETCH_INVALID);
        return;
    }
    curl_easy_reset(t->easy);
    set_callbacks(t);
    curl_easy_setopt(t->easy, CURLOPT_SHARE, t->owner->share);
    fetch_curl_request_set(&t->request, t->easy, request);

    if (str_has_prefix_nocase(str_from(f->origin->base_url), "https:"))
        trust(t);
    else
        add_soon(t);
}

static void free_transfer(struct transfer *t)
{
    curl_easy_cleanup(t->easy);
    fetch_curl_request_done(&t->request);
    fetch_head_done(&t->head);
    free(t);
}

static void recycle(struct transfer *t)
{
    struct fetch_curl *c = t->owner;

    fetch_curl_request_clear(&t->request);
    fetch_head_begin(&t->head, false);
    if (c->n_idle == MAX_IDLE_HANDLES) {
        free_transfer(t);
        return;
    }
    t->next = c->idle;
    c->idle = t;
    c->n_idle++;
}

static void unlink_pending(struct transfer *t)
{
    for (struct transfer **at = &t->owner->pending; *at; at = &(*at)->next) {
        if (*at == t) {
            *at = t->next;
            return;
        }
    }
}

static void remove_from_multi(struct transfer *t)
{
    CURLMcode code = curl_multi_remove_handle(t->owner->multi, t->easy);

    assert(code == CURLM_OK);
    (void)code;
    t->is_added = false;
}

static void on_stop(struct fetch *f)
{
    struct transfer *t = (struct transfer *)f;
    struct fetch_curl *c = t->owner;

    if (!t->is_added) {
        fetch_trust_stop_waiting(&t->waiter);
        unlink_pending(t);
    } else if (!c->is_driving) {
        remove_from_multi(t);
    } else {
        t->is_condemned = true;
        t->next = c->condemned;
        c->condemned = t;
    }
}

static void on_release(struct fetch *f)
{
    struct transfer *t = (struct transfer *)f;

    t->is_released = true;
    if (!t->is_condemned)
        recycle(t);
}

static void bury(struct fetch_curl *c)
{
    for (struct transfer *t; (t = c->condemned);) {
        c->condemned = t->next;
        remove_from_multi(t);
        t->is_condemned = false;
        if (t->is_released)
            recycle(t);
    }
}

static void on_resumed(struct fetch *f)
{
    struct transfer *t = (struct transfer *)f;
    struct fetch_curl *c = t->owner;

    if (!t->is_held)
        return;
    t->is_held = false;
    c->is_driving = true;
    curl_easy_pause(t->easy, CURLPAUSE_CONT);
    c->is_driving = false;
    settle(c);
}

static struct str on_header(const struct fetch *f, const char *name)
{
    return fetch_head_find(&((const struct transfer *)f)->head, name);
}

static bool on_is_sent(const struct fetch *f)
{
    return fetch_curl_request_is_read(&((const struct transfer *)f)->request);
}

static const struct fetch_client client = {on_stop, on_release, on_resumed, on_header, on_is_sent};

struct fetch *fetch_curl_take(struct fetch_curl *c)
{
    struct transfer *t = c->idle;

    if (t) {
        c->idle = t->next;
        c->n_idle--;
    } else {
        t = calloc(1, sizeof(*t));
        if (!t || !(t->easy = curl_easy_init()))
            abort();
        t->owner = c;
        fetch_curl_request_init(&t->request);
        t->waiter.fn = on_trust;
        t->waiter.arg = t;
        fetch_head_init(&t->head);
    }
    t->base = (struct fetch){.client = &client};
    t->is_added = t->is_held = t->is_released = t->is_condemned = false;
    return &t->base;
}

/* ---- driving libcurl ---- */

/* libcurl has returned: what was asked for meanwhile can be done, and what is complete told. */
static void settle(struct fetch_curl *c)
{
    bury(c);

    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &left));) {
        if (m->msg != CURLMSG_DONE)
            continue;
        struct transfer *t;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
        remove_from_multi(t);
        fetch_transfer_done(&t->base, result_of(t, code));
    }
}

static void drive(struct fetch_curl *c, curl_socket_t fd, int mask)
{
    int running;

    c->is_driving = true;
    curl_multi_socket_action(c->multi, fd, mask, &running);
    c->is_driving = false;
    settle(c);
}

static void on_timer(void *arg)
{
    drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void on_task(void *arg)
{
    struct fetch_curl *c = arg;

    c->is_about_to_drive = true;
    for (struct transfer *t; (t = c->pending);) {
        c->pending = t->next;
        t->is_added = true;
        if (curl_multi_add_handle(c->multi, t->easy) != CURLM_OK)
            abort();
    }
    c->is_about_to_drive = false;
    drive(c, CURL_SOCKET_TIMEOUT, 0);
}

static int on_want_timer(CURLM *multi, long msec, void *arg)
{
    struct fetch_curl *c = arg;

    (void)multi;
    if (msec < 0)
        loop_timer_stop(&c->timer);
    else if (msec > 0)
        loop_timer_start(&c->timer, (usec_t)msec * USEC_PER_MSEC);
    else if (!c->is_about_to_drive)
        kick(c); /* in this turn, not the next */
    return 0;
}

static void on_ready(void *arg, unsigned ready)
{
    struct watch *w = arg;
    int mask =
        (ready & LOOP_READ ? CURL_CSELECT_IN : 0) | (ready & LOOP_WRITE ? CURL_CSELECT_OUT : 0);

    drive(w->owner, w->fd.fd, mask);
}

static struct watch *take_watch(struct fetch_curl *c, int fd)
{
    struct watch *w = c->idle_watches;

    if (w) {
        c->idle_watches = w->next;
    } else {
        w = calloc(1, sizeof(*w));
        if (!w)
            abort();
        w->all = c->all_watches;
        c->all_watches = w;
        w->owner = c;
    }
    loop_fd_init(&w->fd, c->loop, fd, on_ready, w);
    return w;
}

static int on_want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct fetch_curl *c = arg;
    struct watch *w = socket_arg;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            loop_fd_stop(&w->fd);
            w->next = c->idle_watches;
            c->idle_watches = w;
            curl_multi_assign(c->multi, fd, NULL);
        }
        return 0;
    }
    if (!w) {
        w = take_watch(c, fd);
        curl_multi_assign(c->multi, fd, w);
    }
    unsigned wanted =
        (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);
    return loop_fd_want(&w->fd, wanted) < 0 ? -1 : 0;
}

static void init_library(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
}

static struct fetch_curl *new_curl(struct fetch_pool *p, const char *ca_file)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct fetch_curl *c = calloc(1, sizeof(*c));

    pthread_once(&once, init_library);
    if (!c || (ca_file && !(c->ca_file = strdup(ca_file))))
        abort();
    c->loop = p->loop;
    fetch_trust_init(&c->trust, c->loop,
                     ca_file ? c->ca_file : curl_version_info(CURLVERSION_NOW)->cainfo);
    loop_timer_init(&c->timer, c->loop, on_timer, c);
    c->task = (struct loop_task){.fn = on_task, .arg = c};
    c->multi = curl_multi_init();
    c->share = curl_share_init();
    if (!c->multi || !c->share)
        abort();
    curl_share_setopt(c->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, MAX_CONNECTIONS);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_want_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_want_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    LIST_INSERT_HEAD(&p->curls, c, link);
    return c;
}

static bool has_authorities(const struct fetch_curl *c, const char *ca_file)
{
    return c->ca_file && ca_file ? strcmp(c->ca_file, ca_file) == 0 : c->ca_file == ca_file;
}

struct fetch_curl *fetch_curl_find(struct fetch_pool *p, const char *ca_file)
{
    struct fetch_curl *c;

    LIST_FOREACH (c, &p->curls, link)
        if (has_authorities(c, ca_file))
            return c;
    return new_curl(p, ca_file);
}

void fetch_curl_free(struct fetch_curl **c)
{
    struct fetch_curl *self = TAKE(*c);

    LIST_REMOVE(self, link);
    assert(!self->is_driving && !self->pending && !self->condemned);
    for (struct transfer *t; (t = self->idle);) {
        self->idle = t->next;
        free_transfer(t);
    }
    curl_multi_cleanup(self->multi);
    curl_share_cleanup(self->share);
    fetch_trust_done(&self->trust);
    loop_timer_stop(&self->timer);
    for (struct watch *w; (w = self->all_watches);) {
        self->all_watches = w->all;
        free(w);
    }
    free(self->ca_file);
    fetch_transfer_free_after(&self->task, self);
}
