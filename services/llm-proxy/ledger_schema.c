#include "ledger_schema.h"

#define SUMS                                                                                       \
    "  key_id TEXT NOT NULL," /* '': no key; likewise model and provider */                        \
    "  model TEXT NOT NULL,"                                                                       \
    "  provider TEXT NOT NULL,"                                                                    \
    "  requests INTEGER NOT NULL,"                                                                 \
    "  attempts INTEGER NOT NULL,"                                                                 \
    "  tokens_in INTEGER NOT NULL,"                                                                \
    "  tokens_out INTEGER NOT NULL,"                                                               \
    "  tokens_cached INTEGER NOT NULL,"                                                            \
    "  tokens_reasoning INTEGER NOT NULL,"                                                         \
    "  cost_nano INTEGER NOT NULL,"                                                                \
    "  unpriced INTEGER NOT NULL,"                                                                 \
    "  unsettled_nano INTEGER NOT NULL DEFAULT 0," /* reserved by requests that are `unknown` */

/* requests.id: the start in microseconds shifted left by 8, and the worker: so rows lie in order
 * of time, and a period is a range of ids. */
const char *const ledger_schema_migrations[] = {
    "CREATE TABLE requests ("
    "  id INTEGER PRIMARY KEY,"
    "  request_id TEXT NOT NULL,"
    "  key_id TEXT,"
    "  api TEXT NOT NULL,"
    "  model TEXT NOT NULL,"
    "  provider TEXT,"
    "  backend TEXT,"
    "  stream INTEGER NOT NULL,"
    "  status TEXT NOT NULL,"
    "  http_status INTEGER,"
    "  error TEXT,"
    "  tokens_in INTEGER,"
    "  tokens_out INTEGER,"
    "  tokens_cached INTEGER,"
    "  tokens_reasoning INTEGER,"
    "  cost_nano INTEGER,"
    "  reserved_nano INTEGER,"
    "  usage_source TEXT,"
    "  cache TEXT,"
    "  complexity TEXT,"
    "  attempts INTEGER NOT NULL,"
    "  tags TEXT,"
    "  started_at INTEGER NOT NULL,"
    "  settled_at INTEGER,"
    "  duration_us INTEGER,"
    "  ttft_us INTEGER"
    ") STRICT;"
    "CREATE INDEX requests_pending ON requests(id) WHERE status = 'pending';"
    "CREATE TABLE attempts ("
    "  id INTEGER NOT NULL,"
    "  attempt INTEGER NOT NULL,"
    "  request_id TEXT NOT NULL,"
    "  provider TEXT NOT NULL,"
    "  model TEXT NOT NULL,"
    "  outcome TEXT NOT NULL,"
    "  http_status INTEGER,"
    "  tokens_in INTEGER,"
    "  tokens_out INTEGER,"
    "  tokens_cached INTEGER,"
    "  cost_nano INTEGER,"
    "  started_at INTEGER NOT NULL,"
    "  duration_us INTEGER,"
    "  ttft_us INTEGER,"
    "  PRIMARY KEY (id, attempt)"
    ") STRICT, WITHOUT ROWID;"
    /* up to where each spool file is in the tables above, in the same transaction */
    "CREATE TABLE spools ("
    "  identity INTEGER PRIMARY KEY,"
    "  position INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE keys ("
    "  id TEXT PRIMARY KEY,"
    "  name TEXT NOT NULL,"
    "  digest BLOB NOT NULL UNIQUE," /* HMAC-SHA-256(pepper, key) */
    "  old_digest BLOB UNIQUE,"      /* before rotation, valid until old_until */
    "  old_until INTEGER,"
    "  team TEXT,"
    "  models TEXT," /* comma list; NULL: all */
    "  tags TEXT,"
    "  rpm INTEGER," /* NULL: limits.default; 0: unlimited */
    "  tpm INTEGER,"
    "  parallel INTEGER,"
    "  budget_total INTEGER,"
    "  budget_daily INTEGER,"
    "  budget_monthly INTEGER,"
    "  outage TEXT NOT NULL DEFAULT 'closed',"
    "  created_at INTEGER NOT NULL,"
    "  expires_at INTEGER,"
    "  revoked_at INTEGER"
    ") STRICT;"
    "CREATE UNIQUE INDEX keys_name ON keys(name) WHERE revoked_at IS NULL;"
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB) STRICT;",

    /* what `requests` sums to; whoever is not settled yet is in neither */
    "CREATE TABLE usage_hours (hour INTEGER NOT NULL," SUMS /* since 1970 UTC */
    "  PRIMARY KEY (hour, key_id, model, provider)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE usage_days (day INTEGER NOT NULL," SUMS
    "  PRIMARY KEY (day, key_id, model, provider)) STRICT, WITHOUT ROWID;"
    "INSERT INTO usage_hours SELECT started_at / 3600000000, coalesce(key_id, ''), model,"
    "  coalesce(provider, ''), count(*), sum(attempts), coalesce(sum(tokens_in), 0),"
    "  coalesce(sum(tokens_out), 0), coalesce(sum(tokens_cached), 0),"
    "  coalesce(sum(tokens_reasoning), 0), coalesce(sum(cost_nano), 0),"
    "  sum(cost_nano IS NULL),"
    "  coalesce(sum(reserved_nano) FILTER (WHERE status = 'unknown'), 0)"
    "  FROM requests WHERE status <> 'pending' GROUP BY 1, 2, 3, 4;"
    "INSERT INTO usage_days SELECT hour / 24, key_id, model, provider, sum(requests),"
    "  sum(attempts), sum(tokens_in), sum(tokens_out), sum(tokens_cached), sum(tokens_reasoning),"
    "  sum(cost_nano), sum(unpriced), sum(unsettled_nano)"
    "  FROM usage_hours GROUP BY 1, 2, 3, 4;",

    "CREATE TABLE teams ("
    "  name TEXT PRIMARY KEY,"
    "  rpm INTEGER," /* NULL or 0: unlimited */
    "  tpm INTEGER,"
    "  parallel INTEGER,"
    "  budget_total INTEGER,"
    "  budget_daily INTEGER,"
    "  budget_monthly INTEGER,"
    "  zone TEXT,"
    "  created_at INTEGER NOT NULL"
    ") STRICT;"
    "ALTER TABLE keys ADD COLUMN zone TEXT;"     /* whose days and months; NULL: UTC */
    "ALTER TABLE keys ADD COLUMN unpriced TEXT;" /* allow, refuse; NULL: limits.unpriced */
    "INSERT INTO teams(name, created_at) SELECT team, min(created_at) FROM keys"
    "  WHERE team <> '' GROUP BY team;",
    /* Nearly all requests have one attempt, which has their provider, tokens and cost: it lies in
     * their row and costs none of its own. */
    "ALTER TABLE attempts RENAME TO attempts_apart;"
    "ALTER TABLE requests ADD COLUMN attempt_model TEXT;"
    "ALTER TABLE requests ADD COLUMN attempt_outcome TEXT;" /* NULL: not here */
    "ALTER TABLE requests ADD COLUMN attempt_http_status INTEGER;"
    "ALTER TABLE requests ADD COLUMN attempt_started_at INTEGER;"
    "ALTER TABLE requests ADD COLUMN attempt_duration_us INTEGER;"
    "ALTER TABLE requests ADD COLUMN attempt_ttft_us INTEGER;"
    "CREATE VIEW attempts AS SELECT id, 1 AS attempt, request_id, provider,"
    "  attempt_model AS model, attempt_outcome AS outcome, attempt_http_status AS http_status,"
    "  tokens_in, tokens_out, tokens_cached, cost_nano, attempt_started_at AS started_at,"
    "  attempt_duration_us AS duration_us, attempt_ttft_us AS ttft_us FROM requests"
    "  WHERE attempt_outcome IS NOT NULL UNION ALL SELECT * FROM attempts_apart;",
};
const unsigned ledger_schema_n_migrations =
    sizeof(ledger_schema_migrations) / sizeof(*ledger_schema_migrations);
