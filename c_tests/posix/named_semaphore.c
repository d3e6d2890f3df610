/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The object sem.X is the file of the named semaphore /X, where the objects live in the system's own directory. */
#include "objects.h"

#include <semaphore.h>

int main(void)
{
    char name[80], object[100];
    snprintf(name, sizeof name, "%s", unique_name());
    snprintf(object, sizeof object, "/sem.%s", name + 1);
    if (!on_kernel()) {
        /* Objects are apart from the system's in a namespace of their own: so is this one. */
        CHECK_OK(close(shm_open(object, O_CREAT | O_RDWR, 0600)));
        CHECK(sem_open(name, 0) == SEM_FAILED && errno == ENOENT);
        CHECK_OK(shm_unlink(object));
        return 0;
    }
    sem_t *semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
    CHECK(semaphore != SEM_FAILED);
    int file = shm_open(object, O_RDWR, 0);
    CHECK_OK(file);
    CHECK_EQ(object_status(file).st_size, sizeof(sem_t));
    CHECK_OK(shm_unlink(object));
    CHECK(sem_open(name, 0) == SEM_FAILED && errno == ENOENT);
    CHECK_OK(sem_close(semaphore));
    return 0;
}
