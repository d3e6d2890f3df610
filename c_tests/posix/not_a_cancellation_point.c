/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A pending cancellation is not acted on inside the calls; it is at the next cancellation point. */
#include "objects.h"

#include <pthread.h>

static int passed;

static void *calls(void *nothing)
{
    (void)nothing;
    const char *name = unique_name();
    CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL));
    CHECK_EQ(pthread_cancel(pthread_self()), 0);
    CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL));
    int file = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
    CHECK_OK(file);
    CHECK_ERRNO(shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    CHECK_OK(ftruncate(file, 100));
    char *memory = map_object(file, 100, PROT_READ | PROT_WRITE);
    CHECK_OK(mprotect(memory, 100, PROT_READ));
    memory = mremap(memory, page_size(), 2 * page_size(), MREMAP_MAYMOVE);
    CHECK(memory != MAP_FAILED);
    CHECK_OK(munmap(memory, 2 * page_size()));
    CHECK_OK(shm_unlink(name));
    int id = shmget(IPC_PRIVATE, 100, 0600);
    CHECK_OK(id);
    CHECK_OK(shmdt(ATTACH(id, NULL, 0)));
    CHECK_EQ(NATTCH(id), 0);
    REMOVE(id);
    passed = 1;
    pthread_testcancel();
    passed = 2;
    return NULL;
}

int main(void)
{
    pthread_t thread;
    void *result;
    CHECK_EQ(pthread_create(&thread, NULL, calls, NULL), 0);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK_EQ(passed, 1);
    return 0;
}
