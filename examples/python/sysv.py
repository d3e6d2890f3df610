# SPDX-License-Identifier: MIT OR Apache-2.0
"""A System V segment from Python's sysv_ipc module: made here, filled by a child, read here, removed.

    partage run -- python3 sysv.py
"""

import os

import sysv_ipc

memory = sysv_ipc.SharedMemory(None, sysv_ipc.IPC_CREX, size=1000)
child = os.fork()
if child == 0:
    memory.write(b"from the child")
    os._exit(0)
os.waitpid(child, 0)
print(memory.read(14).decode(), "-", memory.number_attached, "attached")
memory.detach()
memory.remove()
