"""`python -m approxlab.certify verify FILE ...`: prove certificates again, without JAX."""

from __future__ import annotations

import sys

from approxlab.certify.certificates import Certificate

_USAGE = "usage: python -m approxlab.certify verify FILE [FILE ...]"


def main(arguments: list[str]) -> int:
    """0 if every certificate is proved, 1 if one is not, 2 for wrong arguments."""
    if len(arguments) < 2 or arguments[0] != "verify":
        print(_USAGE, file=sys.stderr)
        return 2
    return max(_verified(path) for path in arguments[1:])


def _verified(path: str) -> int:
    try:
        certificate = Certificate.load(path)
        print(certificate.statement())
        found = certificate.verify()
    except Exception as error:  # whatever a made-up file leads to, it is not proved
        kind = "" if isinstance(error, OSError | ValueError) else f"{type(error).__name__}: "
        print(f"{path}: REJECTED: {kind}{' '.join(str(error).split())}")
        return 1
    print(
        f"{path}: verified: {found.leaves} boxes cover the domain, the largest bound is "
        f"{found.largest!r}, {found.seconds:.2f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
