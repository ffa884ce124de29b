/* ledger_schema.h -- which tables has ledger.db? Operators may read `requests`, `usage_hours`,
 * `usage_days` and the view `attempts`.
 *
 * Times are microseconds since 1970 UTC, amounts nano-dollars. NULL is "not known", never 0.
 */
#pragma once

extern const char *const ledger_schema_migrations[];
extern const unsigned ledger_schema_n_migrations;
