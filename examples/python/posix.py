# SPDX-License-Identifier: MIT OR Apache-2.0
"""A POSIX object from Python's own multiprocessing.shared_memory, shared by two processes.

    partage run -- python3 posix.py
"""

from multiprocessing import Process, shared_memory


def fill(name):
    memory = shared_memory.SharedMemory(name=name)
    memory.buf[:14] = b"from the child"
    memory.close()


if __name__ == "__main__":
    memory = shared_memory.SharedMemory(create=True, size=1000)
    child = Process(target=fill, args=(memory.name,))
    child.start()
    child.join()
    print(bytes(memory.buf[:14]).decode())
    memory.close()
    memory.unlink()
