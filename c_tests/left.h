/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Segments that a process has left which was killed between making and removing them. */
#ifndef LEFT_H
#define LEFT_H

#include "harness.h"

/* Removes every segment for which `goes` says so, of the process or the id `which`. */
static inline void remove_each(bool (*goes)(int id, const struct shmid_ds *fields, int which), int which)
{
    struct shm_info usage;
    int highest = shmctl(0, SHM_INFO, (struct shmid_ds *)&usage);
    for (int i = 0; i <= highest; i++) {
        struct shmid_ds fields;
        int id = shmctl(i, SHM_STAT, &fields);
        if (id >= 0 && goes(id, &fields, which))
            shmctl(id, IPC_RMID, NULL);
    }
}

static inline bool is_another(int id, const struct shmid_ds *fields, int kept)
{
    (void)fields;
    return id != kept;
}

static inline bool is_made_by(int id, const struct shmid_ds *fields, int creator)
{
    (void)id;
    return fields->shm_cpid == creator && fields->shm_nattch == 0;
}

/* Removes every segment but `kept`: only for a namespace that is the test's alone. */
static inline void remove_all_but(int kept)
{
    remove_each(is_another, kept);
}

static inline void remove_made_by(pid_t creator)
{
    remove_each(is_made_by, creator);
}

#endif
