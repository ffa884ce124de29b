#include "admin.h"
#include "base/http1_target.h"
#include "base/parse.h"
#include "io/http_answer.h"
#include "io/trail_files.h"
#include "proxy.h"

#define MAX_ANSWER (4u << 20)
#define MAX_LINES  1000
#define LINES      100

/* "?n=20": the newest records. */
void admin_audit_tail(void *arg, struct http_request *r, struct str tail)
{
    const struct proxy *p = arg;
    struct str text;
    char space[16];
    uint64_t n = LINES;
    struct buf out;

    (void)tail;
    if (!p->audit) {
        admin_refuse(r, REFUSAL_NOT_FOUND, "The audit trail is off.");
        return;
    }
    if (!http1_target_parameter(http_request_query(r), "n", space, sizeof(space), &text) ||
        (text.len > 0 && !parse_u64(text, &n)) || n == 0 || n > MAX_LINES) {
        admin_refuse_field(r, "n", "'n' is a number from 1 to 1000.");
        return;
    }
    buf_init(&out, MAX_ANSWER);
    if (trail_files_tail(audit_folder(p->audit), (unsigned)n, &out) == 0)
        http_answer_json(r, 200, buf_str(&out));
    else
        admin_refuse(r, REFUSAL_OVERLOADED, "The audit trail cannot be read now.");
    buf_done(&out);
}

void admin_audit_prune(void *arg, struct http_request *r, struct str tail)
{
    const struct proxy *p = arg;

    (void)tail;
    audit_prune(p->audit);
    http_answer_json(r, 202, STR("{\"begun\":true}"));
}
