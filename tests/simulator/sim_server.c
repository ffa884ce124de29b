#include "sim_server.h"

#include "sim_answer.h"
#include "sim_openai.h"
#include "sim_route.h"
#include "sim_side.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE   ((size_t)256 << 10)
#define WRITE_BATCH ((size_t)64 << 10)
#define KEEP        ((size_t)64 << 10)
#define MAX_IN      (SIM_HTTP_MAX_HEAD + SIM_HTTP_MAX_BODY)
#define MAX_OUT     ((size_t)200 << 20)

struct connection {
    struct sim_server *server;
    LIST_ENTRY(connection) link;
    struct loop_fd fd;
    struct loop_timer timer;
    struct loop_task release;
    uint64_t id, request; /* the latest request's number in the record; 0: none yet */
    usec_t arrived_at;
    struct buf in, out;
    size_t written; /* of out */
    struct sim_answer answer;
    enum sim_answer_result result; /* of the latest step of the answer */
    bool is_answering, is_last, is_closed;
};

struct sim_server {
    struct loop *loop;
    struct sim_control *control;
    struct loop_fd listener;
    LIST_HEAD(, connection) connections;
    struct arena arena;    /* of the request being read */
    struct buf understood; /* of it; the record makes its own when asked */
    bool is_plain;
    char scratch[READ_SIZE];
};

static void release(void *arg)
{
    struct connection *c = arg;

    sim_answer_done(&c->answer);
    buf_done(&c->in);
    buf_done(&c->out);
    free(c);
}

static struct sim_record_entry *entry_of(struct connection *c)
{
    return sim_record_find(&c->server->control->record, c->request);
}

static void hang_up(struct connection *c, enum sim_record_end end)
{
    struct sim_record_entry *e = entry_of(c);

    if (e) {
        e->closed_at = clock_now();
        e->end = end;
    }
    loop_fd_stop(&c->fd);
    loop_timer_stop(&c->timer);
    close(c->fd.fd);
    LIST_REMOVE(c, link);
    c->server->control->open--;
    c->is_closed = true;
}

static void close_connection(struct connection *c, enum sim_record_end end)
{
    hang_up(c, end);
    c->release = (struct loop_task){.fn = release, .arg = c};
    loop_defer(c->server->loop, &c->release);
}

static void reset_connection(struct connection *c)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(c->fd.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close_connection(c, SIM_RECORD_SIMULATOR);
}

static void want(struct connection *c, unsigned wanted)
{
    if (c->fd.wanted != wanted && loop_fd_want(&c->fd, wanted) < 0)
        close_connection(c, SIM_RECORD_SIMULATOR);
}

/* False while bytes are left, or when the connection is gone. */
static bool flush(struct connection *c)
{
    while (c->written < c->out.len) {
        ssize_t n = send(c->fd.fd, c->out.data + c->written, c->out.len - c->written, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            want(c, LOOP_READ | LOOP_WRITE);
            return false;
        }
        if (n < 0) {
            close_connection(c, SIM_RECORD_PEER_RST);
            return false;
        }
        c->written += (size_t)n;
        struct sim_record_entry *e = entry_of(c);
        if (e)
            e->sent += (uint64_t)n;
    }
    c->written = 0;
    buf_clear(&c->out);
    if (c->out.cap > 4 * WRITE_BATCH)
        buf_done(&c->out);
    want(c, LOOP_READ);
    return !c->is_closed;
}

static void finish(struct connection *c)
{
    struct sim_record_entry *e = entry_of(c);

    if (e)
        e->finished_at = clock_now();
    c->is_answering = false;
    if (c->is_last)
        close_connection(c, SIM_RECORD_SIMULATOR);
}

/* What the latest step of the answer asks for, now that its bytes are written. */
static void settle(struct connection *c)
{
    usec_t now = clock_now();

    switch (c->result) {
    case SIM_ANSWER_OK:
        finish(c);
        break;
    case SIM_ANSWER_WAIT:
        loop_timer_start(&c->timer, c->answer.due > now ? c->answer.due - now : 0);
        break;
    case SIM_ANSWER_CLOSE:
        close_connection(c, SIM_RECORD_SIMULATOR);
        break;
    case SIM_ANSWER_RESET:
        reset_connection(c);
        break;
    case SIM_ANSWER_MORE:
    case SIM_ANSWER_SILENT:
        break;
    }
}

static void pump(struct connection *c)
{
    do {
        do {
            c->result = sim_answer_next(&c->answer, clock_now(), &c->out);
        } while (c->result == SIM_ANSWER_MORE && c->out.len < WRITE_BATCH);
        if (!flush(c))
            return;
    } while (c->result == SIM_ANSWER_MORE);
    settle(c);
}

static void start_chat(struct connection *c, const struct sim_http_request *request,
                       const struct sim_dialect *dialect)
{
    struct sim_server *s = c->server;
    struct sim_chat chat = {.model = STR("sim"), .text = STR("plain"), .wants_usage = true};
    struct sim_script script;
    struct str wrong = STR_EMPTY;
    struct sim_note note;

    arena_clear(&s->arena);
    buf_clear(&s->understood);
    note.error[0] = '\0';
    bool is_read = s->is_plain;
    if (!is_read) {
        sim_note_init(&note, &s->arena, request, &chat, &s->understood);
        note.aws_key = &s->control->aws_key;
        is_read = dialect->read(&note);
    }
    bool is_scripted = sim_control_next_script(&s->control->chat, request, chat.model, &script,
                                               &wrong) == SIM_SCRIPT_OK;
    sim_answer_begin(&c->answer, &script, c->request, clock_now());
    if (!is_read)
        sim_answer_refuse(&c->answer, dialect, note.error_kind, str_from(note.error));
    else if (!is_scripted)
        sim_answer_refuse(&c->answer, dialect, SIM_ERROR_INVALID, wrong);
    else
        sim_answer_chat(&c->answer, dialect, &chat);
}

static void start_side(struct connection *c, const struct sim_http_request *request,
                       const struct sim_side *side)
{
    struct sim_server *s = c->server;
    bool is_get = str_is(request->method, "GET");
    struct sim_side_answer answer;
    struct sim_script script;
    struct str wrong;

    arena_clear(&s->arena);
    sim_side_init(&answer, &s->arena, request);
    side->write(&answer);
    bool is_scripted =
        sim_control_next_script(is_get ? &s->control->models : &s->control->chat, request,
                                answer.model, &script, &wrong) == SIM_SCRIPT_OK;
    sim_answer_begin(&c->answer, &script, c->request, clock_now());
    if (answer.error)
        sim_answer_refuse(&c->answer, side->dialect, SIM_ERROR_INVALID, str_from(answer.error));
    else if (!is_scripted)
        sim_answer_refuse(&c->answer, side->dialect, SIM_ERROR_INVALID, wrong);
    else
        sim_answer_body(&c->answer, side->dialect, buf_str(&answer.body), answer.type);
    sim_side_done(&answer);
}

static void start_control(struct connection *c, const struct sim_http_request *request)
{
    struct sim_script script;
    struct buf json;

    sim_script_init(&script);
    buf_init(&json, (size_t)100 << 20);
    script.status = (uint64_t)sim_control_answer(c->server->control, request, &json);
    bool is_ok = script.status == 200;
    script.status = 200;
    sim_answer_begin(&c->answer, &script, 0, clock_now());
    sim_answer_body(&c->answer, &sim_openai, buf_str(&json), "application/json");
    if (!is_ok)
        c->answer.script.status = 400;
    buf_done(&json);
}

static void refuse(struct connection *c, enum sim_error_kind kind, struct str why)
{
    struct sim_script script;

    sim_script_init(&script);
    sim_answer_begin(&c->answer, &script, c->request, clock_now());
    sim_answer_refuse(&c->answer, &sim_openai, kind, why);
}

static void dispatch(struct connection *c, const struct sim_http_request *request)
{
    struct sim_control *control = c->server->control;

    c->is_answering = true;
    c->is_last = request->is_last;
    if (str_has_prefix(request->path, "/sim/")) {
        c->request = 0;
        start_control(c, request);
        return;
    }
    control->requests++;
    c->request = sim_record_add(&control->record, request, c->id, c->arrived_at, clock_now());
    const struct sim_dialect *dialect = sim_route_chat(request);
    const struct sim_side *side = dialect ? NULL : sim_side_find(request);
    if (dialect)
        start_chat(c, request, dialect);
    else if (side)
        start_side(c, request, side);
    else
        refuse(c, SIM_ERROR_MISSING, STR("simulator: no such route"));
}

/* Answer the requests in `bytes` until one has to wait; returns how many bytes they were. */
static size_t answer_requests(struct connection *c, struct str bytes)
{
    struct sim_http_request request;
    size_t used = 0;

    while (!c->is_answering && !c->is_closed && used < bytes.len) {
        struct str rest = {bytes.data + used, bytes.len - used};
        enum sim_http_result r = sim_http_parse(rest, &request);
        if (r == SIM_HTTP_MORE)
            break;
        if (r == SIM_HTTP_BAD) {
            c->is_answering = c->is_last = true;
            refuse(c, SIM_ERROR_INVALID, STR("not a request the simulator can read"));
        } else {
            used += request.head.len + request.body.len;
            dispatch(c, &request);
        }
        pump(c);
    }
    return used;
}

/* The buffered part, after an answer has ended. */
static void answer_buffered(struct connection *c)
{
    if (c->is_answering || c->is_closed || c->in.len == 0)
        return;
    size_t used = answer_requests(c, buf_str(&c->in));
    if (c->is_closed)
        return;
    buf_consume(&c->in, used);
    if (c->in.len == 0 && c->in.cap > KEEP)
        buf_done(&c->in);
}

static void on_timer(void *arg)
{
    struct connection *c = arg;

    pump(c);
    answer_buffered(c);
}

static void on_writable(struct connection *c)
{
    if (!flush(c))
        return;
    if (c->result == SIM_ANSWER_MORE)
        pump(c);
    else
        settle(c);
    answer_buffered(c);
}

static void on_bytes(struct connection *c, struct str bytes)
{
    if (c->in.len == 0) {
        c->arrived_at = clock_now();
        size_t used = c->is_answering ? 0 : answer_requests(c, bytes);
        if (c->is_closed)
            return;
        bytes.data += used;
        bytes.len -= used;
    }
    if (bytes.len == 0)
        return;
    if (buf_add_str(&c->in, bytes) != BUF_OK) {
        reset_connection(c);
        return;
    }
    answer_buffered(c);
}

static void on_ready(void *arg, unsigned ready)
{
    struct connection *c = arg;
    struct sim_server *s = c->server;

    if (ready & LOOP_READ) {
        ssize_t n = read(c->fd.fd, s->scratch, sizeof(s->scratch));
        if (n > 0)
            on_bytes(c, (struct str){s->scratch, (size_t)n});
        else if (n == 0)
            close_connection(c, SIM_RECORD_PEER_FIN);
        else if (errno != EAGAIN && errno != EINTR)
            close_connection(c, SIM_RECORD_PEER_RST);
    }
    if (!c->is_closed && (ready & LOOP_WRITE) && c->out.len > 0)
        on_writable(c);
}

static void add_connection(struct sim_server *s, int fd)
{
    int yes = 1;

    struct connection *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    c->server = s;
    c->id = ++s->control->accepted;
    s->control->open++;
    buf_init(&c->in, MAX_IN);
    buf_init(&c->out, MAX_OUT);
    sim_answer_init(&c->answer);
    loop_fd_init(&c->fd, s->loop, fd, on_ready, c);
    loop_timer_init(&c->timer, s->loop, on_timer, c);
    LIST_INSERT_HEAD(&s->connections, c, link);
    want(c, LOOP_READ);
}

static void on_connection(void *arg, unsigned ready)
{
    struct sim_server *s = arg;

    (void)ready;
    for (;;) {
        int fd = accept4(s->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        add_connection(s, fd);
    }
}

int sim_server_new(struct loop *l, struct sim_control *control, int fd, bool plain,
                   struct sim_server **ret)
{
    struct sim_server *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;

    s->loop = l;
    s->control = control;
    s->is_plain = plain;
    LIST_INIT(&s->connections);
    arena_init(&s->arena, (size_t)256 << 20);
    buf_init(&s->understood, (size_t)200 << 20);
    loop_fd_init(&s->listener, l, fd, on_connection, s);
    int r = loop_fd_want(&s->listener, LOOP_READ);
    if (r < 0) {
        sim_server_free(&s);
        return r;
    }
    *ret = s;
    return 0;
}

void sim_server_free(struct sim_server **s)
{
    if (!*s)
        return;
    while (!LIST_EMPTY(&(*s)->connections)) {
        struct connection *c = LIST_FIRST(&(*s)->connections);
        hang_up(c, SIM_RECORD_SIMULATOR);
        release(c);
    }
    loop_fd_stop(&(*s)->listener);
    close((*s)->listener.fd);
    arena_done(&(*s)->arena);
    buf_done(&(*s)->understood);
    free(*s);
    *s = NULL;
}
