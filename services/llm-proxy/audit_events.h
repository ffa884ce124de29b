/* audit_events.h -- which of the things that happen are audited, and what is said of each?
 *
 * Ids, names, figures and outcomes; never a prompt, an answer, a key's text or a credential.
 */
#pragma once

#include "audit.h"
#include "base/str.h"
#include "keystore.h"

struct exchange;
struct workers_one;
struct http_request;
struct model_news;

/* A request is over: settled, or refused for what the trail tells (another's model, no budget). */
void audit_events_request(struct exchange *x);
/* A limit of the request's key refused it. */
void audit_events_limit(struct exchange *x, const char *limit);

/* A key was refused, or there was none. */
void audit_events_auth(struct audit *a, struct str peer, const char *reason);

/* The change of a key or team is in force. */
void audit_events_key(struct audit *a, const struct keystore_request *r);
/* An operator's request is answered: told if it was to change something, or the token was wrong. */
void audit_events_admin(struct audit *a, const struct http_request *r, int status);
/* `problem` NULL: configuration `generation` is in force; else why the new one is not. */
void audit_events_reload(struct audit *a, unsigned generation, const char *problem);
/* A local worker came from the state `before`: told if it began to serve, ended or failed. */
void audit_events_worker(struct audit *a, const struct workers_one *w, struct str before);
/* A model was asked for, has come, or has not. */
void audit_events_model(struct audit *a, const struct model_news *n);
void audit_events_ledger(void *audit, const char *what);       /* the books are damaged */
void audit_events_service(struct audit *a, const char *event); /* started, stopped */
