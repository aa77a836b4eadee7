"""Short marks of what something says, to tell whether it is still the same; no protection against forgery. Pure."""

try:
    from _blake2 import blake2b  # `hashlib` has the same one and loads all of OpenSSL beside it: 4 MiB that nobody uses
except ImportError:  # a Python that keeps it elsewhere
    from hashlib import blake2b


def digest(data: bytes, size: int = 8) -> str:
    """The mark of these bytes: `size` bytes as hexadecimal digits."""
    return blake2b(data, digest_size=size).hexdigest()
