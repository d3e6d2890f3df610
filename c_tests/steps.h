/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a call costs, counted and not timed: this process's own instructions and system calls between two places, by
 * the processor's trap after each instruction. The same on every machine and under any load.
 */
#ifndef STEPS_H
#define STEPS_H

#include "harness.h"

#include <ucontext.h>

enum { STEPS_KEPT = 16 };

struct cost {
    long instructions, calls, masks; /* Changes of the signal mask are calls too, counted by themselves only. */
    int numbers[STEPS_KEPT];         /* Which calls, the first ones. */
};

static struct cost steps_now; /* Changed by the handler, between calls that the compiler does not see into. */

#if defined __x86_64__ && !defined __ILP32__

static void steps_on_trap(int number, siginfo_t *information, void *context)
{
    const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *next = (const unsigned char *)registers[REG_RIP];
    (void)number;
    (void)information;
    steps_now.instructions++;
    if (next[0] != 0x0f || next[1] != 0x05) /* syscall */
        return;
    if (registers[REG_RAX] == SYS_rt_sigprocmask)
        steps_now.masks++;
    else if (steps_now.calls++ < STEPS_KEPT)
        steps_now.numbers[steps_now.calls - 1] = (int)registers[REG_RAX];
}

/* Past the red zone: the compiler may keep something there. */
static inline void steps_begin(void)
{
    struct sigaction count = {.sa_sigaction = steps_on_trap, .sa_flags = SA_SIGINFO};
    CHECK_OK(sigaction(SIGTRAP, &count, NULL));
    steps_now = (struct cost){0};
    __asm__ volatile("lea -128(%%rsp), %%rsp; pushf; orl $0x100, (%%rsp); popf; lea 128(%%rsp), %%rsp" ::: "memory",
                     "cc");
}

static inline struct cost steps_end(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp; pushf; andl $~0x100, (%%rsp); popf; lea 128(%%rsp), %%rsp" ::: "memory",
                     "cc");
    return steps_now;
}

static inline void need_steps(void)
{
}

#else

static inline void steps_begin(void)
{
    steps_now = (struct cost){0};
}

static inline struct cost steps_end(void)
{
    return steps_now;
}

static inline void need_steps(void)
{
    SKIP("instructions are stepped on x86-64 only");
}

#endif

/* Of one call of `body`, which checks nothing itself: a failed check would be stepped through. */
static inline struct cost cost_of(void (*body)(void))
{
    steps_begin();
    body();
    return steps_end();
}

#endif
