#include "ctl_watch.h"

#include "base/str.h"
#include "base/utf8.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PAUSE_MS 1000
#define ENTER    "\033[?1049h\033[?25l" /* the other screen, without a cursor */
#define LEAVE    "\033[?25h\033[?1049l"
#define HOME     "\033[H"
#define END_LINE "\033[K" /* clears what stood there before */
#define END_PAGE "\033[J"

static void on_end(int signo)
{
    (void)signo;
    (void)!write(STDOUT_FILENO, LEAVE, sizeof(LEAVE) - 1);
    _exit(0);
}

static void on_quiet_end(int signo)
{
    (void)signo;
    _exit(0);
}

static void on_resize(int signo)
{
    (void)signo; /* poll() returns, and the page is painted anew */
}

static void catch (int signo, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};

    sigaction(signo, &action, NULL);
}

static void catch_ends(void (*handler)(int))
{
    catch (SIGINT, handler);
    catch (SIGTERM, handler);
    catch (SIGHUP, handler);
}

static bool write_all(const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, text, len);
        if (n <= 0)
            return false;
        text += n;
        len -= (size_t)n;
    }
    return true;
}

static struct winsize window(void)
{
    struct winsize w = {.ws_row = 0};

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_row == 0 || w.ws_col == 0)
        w = (struct winsize){.ws_row = 24, .ws_col = 80};
    return w;
}

/* The page's lines as far as the window goes; the last without an end, lest it scroll. */
static void write_screen(FILE *to, struct str page, struct winsize w)
{
    struct str rest = page, line;

    fputs(HOME, to);
    for (unsigned row = 0; row < w.ws_row && str_cut(&rest, '\n', &line); row++)
        fprintf(to, "%s%.*s%s", row > 0 ? "\r\n" : "",
                (int)utf8_prefix(line.data, line.len, w.ws_col), line.data, END_LINE);
    fputs(END_PAGE, to);
}

static struct str render(void (*write_it)(void *arg, FILE *to), void *arg, char **ret_space)
{
    size_t len = 0;
    FILE *to = open_memstream(ret_space, &len);

    if (!to)
        abort();
    write_it(arg, to);
    fclose(to);
    return (struct str){*ret_space, len};
}

static bool paint(const struct ctl_watch *w)
{
    char *page = NULL, *screen = NULL;
    size_t len = 0;
    struct str text = render(w->write_page, w->arg, &page);
    FILE *to = open_memstream(&screen, &len);

    if (!to)
        abort();
    write_screen(to, text, window());
    fclose(to);
    bool is_read = write_all(screen, len);
    free(screen);
    free(page);
    return is_read;
}

static bool tell(const struct ctl_watch *w)
{
    char *space = NULL;
    struct str line = render(w->write_line, w->arg, &space);
    bool is_read = write_all(line.data, line.len);

    free(space);
    return is_read;
}

static bool is_terminal(void)
{
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

void ctl_watch_run(const struct ctl_watch *w)
{
    if (w->as_lines || !is_terminal()) {
        catch_ends(on_quiet_end);
        while (tell(w))
            poll(NULL, 0, PAUSE_MS);
        return;
    }
    catch_ends(on_end);
    catch (SIGWINCH, on_resize);
    if (!write_all(ENTER, sizeof(ENTER) - 1))
        return;
    while (paint(w))
        poll(NULL, 0, PAUSE_MS);
    (void)write_all(LEAVE, sizeof(LEAVE) - 1);
}
