#include "map_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int map_file_open(const char *path, struct str *ret_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
    struct stat st;
    void *start;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0) {
        r = -errno;
    } else if (st.st_size == 0) {
        r = -ENODATA;
    } else {
        start = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
        if (start == MAP_FAILED)
            r = -errno;
        else
            *ret_bytes = (struct str){start, (size_t)st.st_size};
    }
    close(fd);
    return r;
}

void map_file_close(struct str *bytes)
{
    if (bytes->data)
        munmap((void *)(uintptr_t)bytes->data, bytes->len);
    *bytes = STR_EMPTY;
    bytes->data = NULL;
}
