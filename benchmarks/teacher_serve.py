"""Serve a GGUF file as an OpenAI-compatible endpoint; run by `teacher_local.py` elsewhere.

Usage: python teacher_serve.py MODEL PORT; ends when its input does.
"""

import sys

import xllamacpp


def main(model: str, port: int) -> None:
    """Serve on loopback until the parent lets go."""
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_ctx = 2048
    params.n_parallel = 1
    # Several threads wait for each other in a loop, which is slow on a machine with other work.
    params.cpuparams.n_threads = 1
    params.hostnames = ["127.0.0.1"]
    params.port = port
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
