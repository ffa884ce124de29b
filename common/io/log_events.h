/* log_events.h -- which entries of the log are events that `journalctl -x` explains?
 *
 * Values of the field MESSAGE_ID; the texts are in deploy/catalog.
 */
#pragma once

#define LOG_EVENT_PROVIDER_DOWN          "898ae7c8ee024452a12e4c46c9e9c42c"
#define LOG_EVENT_PROVIDER_UP            "80716f1f07534af589a2510464bf123e"
#define LOG_EVENT_NODE_OFFLINE           "4aae26ef41b24dbbaa45e2835c272f9d"
#define LOG_EVENT_NODE_BACK              "1cd32fbeaf5c4c639590bdfa766be3d6"
#define LOG_EVENT_BREAKER_OPENED         "c61e562d51f945be976c69f6eb3be9c2"
#define LOG_EVENT_BUDGET_EXHAUSTED       "2609049750d148878e73450d4e2980d0"
#define LOG_EVENT_CONFIG_REJECTED        "b0ddc143724a4b8495b06b53b423f010"
#define LOG_EVENT_LEDGER_UNAVAILABLE     "b6c44e07a0f04713bf1d9308e1e352de"
#define LOG_EVENT_WORKER_FAILED          "2ec5aa747b4041ff9a4544fb3437c33a"
#define LOG_EVENT_RESTART_BREAKER_OPENED "781f1682ea0d4eb58d93f2be3cba6a3d"
#define LOG_EVENT_AUDIT_CHAIN_BROKEN     "f3e35ceec77f4dbba11402b3cb209b38"
