#include "io/bus_keys.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

int bus_keys_make(char ret_public[BUS_KEYS_TEXT], char ret_secret[BUS_KEYS_TEXT])
{
    return zmq_curve_keypair(ret_public, ret_secret) ? -errno : 0;
}

bool bus_keys_is_pair(const char *public_key, const char *secret_key)
{
    char public[BUS_KEYS_TEXT];

    return strlen(secret_key) == BUS_KEYS_TEXT - 1 && zmq_curve_public(public, secret_key) == 0 &&
           strcmp(public, public_key) == 0;
}
