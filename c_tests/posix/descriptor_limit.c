/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Without a free descriptor shm_open fails before it looks at the object, and makes none; shm_unlink needs none. */
#include "objects.h"

int main(void)
{
    const char *name = unique_name();
    CHECK_OK(close(new_object(name, 10)));
    char long_name[258];
    memset(long_name, 'n', sizeof long_name);
    long_name[257] = '\0';
    struct rlimit limit;
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = 0;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    const char *absent = unique_name();
    CHECK_ERRNO(shm_open(absent, O_CREAT | O_RDWR, 0600), EMFILE);
    CHECK_ERRNO(shm_open(absent, O_RDWR, 0600), EMFILE);
    CHECK_ERRNO(shm_open(long_name, O_CREAT | O_RDWR, 0600), EMFILE);
    CHECK_ERRNO(shm_open("/a/b", O_CREAT | O_RDWR, 0600), EINVAL); /* Found without the kernel. */
    CHECK_OK(shm_unlink(name));
    limit.rlim_cur = limit.rlim_max;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    CHECK_ERRNO(shm_open(absent, O_RDWR, 0600), ENOENT);
    CHECK_ERRNO(shm_open(name, O_RDWR, 0600), ENOENT);
    return 0;
}
