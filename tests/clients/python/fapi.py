"""What the clients of the FAPI example share: the example with their keys, and who there is to log in."""

import json
import os
import re
import signal
import subprocess

# Of examples/fapi.
OLDER_SECRET = "older-secret-for-trying-out-only-please"
ALICE = {"username": "alice", "password": "wonderland"}


class Server:
    """The example, with these JWK sets of its clients, until the block ends."""

    def __init__(self, program, folder, sets, *options):
        command = [program, "--listen", "127.0.0.1:0", "--throttle", "off", *options]
        for client, jwks in sets.items():
            path = os.path.join(folder, f"{client}.json")
            with open(path, "w", encoding="ascii") as file:
                json.dump(jwks, file)
            command += ["--jwks", f"{client}={path}"]
        self.errors = open(os.path.join(folder, "errors"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.issuer = re.search(r" on (http:[^,]+),", self.process.stdout.readline()).group(1)

    def __enter__(self):
        return self

    def __exit__(self, *failed):
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) == 0
        self.errors.seek(0)
        assert "panicked at" not in self.errors.read()
