"""A disk that does not answer: mounted on the folder that is named, until this process ends. Needs root and /dev/fuse."""

import ctypes
import os
import struct
import sys
import time


def mounted(folder):
    """Mount it and answer the kernel's greeting, nothing more: whoever touches the folder waits."""
    device = os.open("/dev/fuse", os.O_RDWR)
    library = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if library.mount(b"dead", os.fsencode(folder), b"fuse.dead", 0, options):
        raise OSError(ctypes.get_errno(), "mount")
    _, _, number = struct.unpack_from("<IIQ", os.read(device, 1 << 18))
    greeting = struct.pack("<IIIIHHI", 7, 31, 0, 0, 0, 0, 4096).ljust(64, b"\0")
    os.write(device, struct.pack("<IiQ", 16 + len(greeting), 0, number) + greeting)


if __name__ == "__main__":
    mounted(sys.argv[1])
    print("dead", flush=True)
    time.sleep(600)
