/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A descriptor of an object does what a file's descriptor does. */
#include "objects.h"

#include <sys/socket.h>

static int file;

static void coherent(void)
{
    char *memory = map_object(file, 100, PROT_READ | PROT_WRITE);
    char byte;
    memory[7] = 'm';
    CHECK_EQ(pread(file, &byte, 1, 7), 1);
    CHECK_EQ(byte, 'm');
    CHECK_EQ(lseek(file, 8, SEEK_SET), 8);
    CHECK_EQ(write(file, "w", 1), 1);
    CHECK_EQ(memory[8], 'w');
    CHECK_OK(fsync(file));
}

static void set_by_descriptor(void)
{
    CHECK_OK(fchmod(file, 0640));
    CHECK_EQ(object_status(file).st_mode & 0777, 0640);
    CHECK_OK(fchown(file, (uid_t)-1, getegid()));
    CHECK_ERRNO(fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK), EPERM);
}

static void see_the_lock(void *nothing)
{
    (void)nothing;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CHECK_OK(fcntl(file, F_GETLK, &lock));
    CHECK_EQ(lock.l_type, F_WRLCK);
    CHECK_EQ(lock.l_pid, getppid());
}

static void record_lock(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CHECK_OK(fcntl(file, F_SETLK, &lock));
    RUN_CHILD(see_the_lock, NULL);
}

static void inherited(void *memory)
{
    CHECK_EQ(pwrite(file, "child", 5, 20), 5);
    CHECK(memcmp((char *)memory + 20, "child", 5) == 0);
    ((char *)memory)[30] = 'c';
}

static void send_descriptor(int to)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.header), &file, sizeof file);
    struct iovec byte = {"d", 1};
    struct msghdr message = {.msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    CHECK_EQ(sendmsg(to, &message, 0), 1);
}

static int receive_descriptor(int from)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    char data;
    int received;
    struct iovec byte = {&data, 1};
    struct msghdr message = {.msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    CHECK_EQ(recvmsg(from, &message, 0), 1);
    memcpy(&received, CMSG_DATA(&control.header), sizeof received);
    return received;
}

static void received(void *argument)
{
    int *ends = argument;
    CHECK_OK(close(file));
    char *memory = map_object(receive_descriptor(ends[0]), 100, PROT_READ | PROT_WRITE);
    memory[40] = 'r';
}

int main(void)
{
    file = new_object(unique_name(), 100);
    coherent();
    set_by_descriptor();
    record_lock();
    char *memory = map_object(file, 100, PROT_READ | PROT_WRITE);
    RUN_CHILD(inherited, memory);
    CHECK_EQ(memory[30], 'c');
    int ends[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    pid_t child = start_child(received, ends);
    send_descriptor(ends[1]);
    EXPECT_EXIT(child, 0);
    CHECK_EQ(memory[40], 'r');
    return 0;
}
