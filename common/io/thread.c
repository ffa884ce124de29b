#include "thread.h"

#include <signal.h>

int thread_start(pthread_t *ret, const char *name, size_t stack_bytes, void *(*run)(void *),
                 void *arg)
{
    pthread_attr_t attributes;
    sigset_t all, before;

    pthread_attr_init(&attributes);
    if (stack_bytes > 0)
        pthread_attr_setstacksize(&attributes, stack_bytes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(ret, &attributes, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (r == 0)
        pthread_setname_np(*ret, name);
    return -r;
}
