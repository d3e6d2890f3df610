/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The limits are no sysctls but environment variables, read by the process that makes the namespace and by nobody
 * after it; what is no number, or out of range, leaves the default.
 */
#include "limits.h"

static const unsigned long most = -1ul - (1ul << 24);

static void check_limits(unsigned long shmmax, unsigned long shmmni, unsigned long shmall)
{
    struct shminfo limits;
    CHECK_OK(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits));
    CHECK_EQ(limits.shmmax, shmmax);
    CHECK_EQ(limits.shmmni, shmmni);
    CHECK_EQ(limits.shmall, shmall);
}

static void later_process(void)
{
    check_limits(10000, 7, 20);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 10001, 0600), EINVAL);
}

static void first_process(void)
{
    check_limits(10000, 7, 20);
    limits_variable("PARTAGE_SHMMAX", "20000");
    limits_variable("PARTAGE_SHMMNI", NULL);
    limits_variable("PARTAGE_SHMALL", "1");
    check_limits(10000, 7, 20);
    run_anew(later_process);
}

static void defaults(void)
{
    check_limits(most, 4096, most);
}

static void all_slots(void)
{
    check_limits(0, 32768, 0);
}

int main(void)
{
    with_limits((struct limits){.shmmax = "10000", .shmmni = "7", .shmall = "20"}, first_process);
    with_limits((struct limits){.shmmax = "", .shmmni = "", .shmall = ""}, defaults);
    with_limits((struct limits){.shmmax = "-1", .shmmni = "32769", .shmall = "lots"}, defaults);
    with_limits((struct limits){.shmmax = "10000x", .shmmni = " 7", .shmall = "99999999999999999999"}, defaults);
    with_limits((struct limits){.shmmax = "0", .shmmni = "32768", .shmall = "0"}, all_slots);
    return 0;
}
