#include "kernel_file.h"

#include "base/parse.h"

#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool read_named(struct kernel_file *f, const char *format, va_list values) PRINTF_LIKE(2, 0);
static bool read_named(struct kernel_file *f, const char *format, va_list values)
{
    char path[PATH_MAX];

    f->len = 0;
    if (vsnprintf(path, sizeof(path), format, values) >= (int)sizeof(path))
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, f->text, sizeof(f->text));
    close(fd);
    if (n < 0)
        return false;
    f->len = (size_t)n;
    return true;
}

bool kernel_file_read(struct kernel_file *f, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    bool is_read = read_named(f, format, values);
    va_end(values);
    return is_read;
}

struct str kernel_file_line(const struct kernel_file *f)
{
    struct str rest = {f->text, f->len}, line;

    return str_cut(&rest, '\n', &line) ? str_trim(line) : STR_EMPTY;
}

struct str kernel_file_value(const struct kernel_file *f, const char *key)
{
    struct str rest = {f->text, f->len}, line;
    size_t skip = strlen(key);

    while (str_cut(&rest, '\n', &line))
        if (str_has_prefix(line, key))
            return str_trim((struct str){line.data + skip, line.len - skip});
    return STR_EMPTY;
}

double kernel_file_number(const char *format, ...)
{
    struct kernel_file f;
    uint64_t n;
    va_list values;

    va_start(values, format);
    bool is_read = read_named(&f, format, values);
    va_end(values);
    if (!is_read)
        return NAN;
    struct str line = kernel_file_line(&f);
    bool is_number = str_has_prefix(line, "0x")
                         ? parse_hex((struct str){line.data + 2, line.len - 2}, &n)
                         : parse_u64(line, &n);
    return is_number ? (double)n : NAN;
}
