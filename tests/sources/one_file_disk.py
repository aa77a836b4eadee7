"""A disk with one file, `log`, held open by this process, that goes dead once it is open. Needs root and /dev/fuse."""

import ctypes
import os
import struct
import sys
import threading
import time

LOOKUP, GETATTR, INIT, OPENED, CREATE = 1, 3, 26, 27, 35
NO_FLUSH = 1 << 5  # else its own end would wait for an answer of its own
ENTRY = struct.pack("<QQQQII", 2, 0, 0, 0, 0, 0)  # node 2, and nothing of it may be remembered


def attributes(inode, mode):
    return struct.pack("<QQQQQQIIIIIIIIII", inode, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answers(operation):
    if operation == INIT:
        return struct.pack("<IIIIHHI", 7, 31, 0, 0, 0, 0, 4096).ljust(64, b"\0")
    if operation == CREATE:
        return ENTRY + attributes(77, 0o100644) + struct.pack("<QII", 1, NO_FLUSH, 0)
    if operation == GETATTR:
        return struct.pack("<QII", 0, 0, 0) + attributes(1, 0o40755)
    return None


def serve(device):
    while True:
        data = os.read(device, 1 << 18)
        _, operation, number = struct.unpack_from("<IIQ", data)
        body = answers(operation)
        head = struct.pack("<IiQ", 16 + len(body or b""), 0 if body is not None else -2, number)
        os.write(device, head + (body or b""))
        if operation == CREATE:
            return


if __name__ == "__main__":
    device = os.open("/dev/fuse", os.O_RDWR)
    library = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if library.mount(b"one", os.fsencode(sys.argv[1]), b"fuse.one", 0, options):
        raise OSError(ctypes.get_errno(), "mount")
    threading.Thread(target=serve, args=(device,), daemon=True).start()
    log = os.open(f"{sys.argv[1]}/log", os.O_WRONLY | os.O_CREAT)
    print("dead", flush=True)
    time.sleep(600)
