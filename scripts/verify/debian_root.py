"""A Debian in a folder, of this machine's architecture or emulated, in which commands can run.

For the other checks in this folder. Needs root and the packages mmdebstrap and
debian-archive-keyring of Debian or Ubuntu; for another architecture also qemu-user-static and
arch-test.
Downloads packages from DEBIAN_MIRROR, by default http://deb.debian.org/debian; uses http_proxy.
The mounts of a command are visible only to it and end with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
BINFMT = Path("/proc/sys/fs/binfmt_misc")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PIP_FILES = (Path("/etc/pip.conf"), Path("~/.config/pip/pip.conf").expanduser())
# Prefixes of the environment variables that are passed to commands.
PASSED_VARIABLES = ("PIP_", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY")

# XNNPACK reads the processor from /sys and /proc, and needs both.
ENTER = """
mount -t proc proc "$0/proc"
mount --rbind /sys "$0/sys"
mount --rbind /dev "$0/dev"
mount -t tmpfs tmpfs "$0/tmp"
[ -f "$1" ] && mount --bind "$1" "$0$1"
shift
exec chroot "$0" "$@"
"""


class UnfitError(Exception):
    """This machine does not meet a requirement; the message says what to do."""


class DebianRoot:
    """A minimal Debian in a folder.

    Args:
        path: the folder.
        suite: e.g. "trixie".
        architecture: in Debian's terms: "arm64" or "amd64".
        packages: to install.
        environment: variables of all commands.
        foreign: further architectures whose packages can be installed.
    """

    def __init__(
        self,
        path: Path,
        suite: str,
        architecture: str,
        packages: Sequence[str],
        environment: dict[str, str] | None = None,
        foreign: Sequence[str] = (),
    ) -> None:
        self.path = path
        self._suite, self._architecture = suite, architecture
        self._architectures = [architecture, *foreign]
        self._packages = packages
        machine = {k: v for k, v in os.environ.items() if k.startswith(PASSED_VARIABLES)}
        path_variable = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        fixed = {"HOME": "/root", "LANG": "C.UTF-8", "PATH": path_variable}
        self._environment = {**machine, **fixed, **(environment or {})}

    def make(self) -> None:
        """Creates the Debian if the folder does not exist.

        Raises:
            UnfitError: this machine does not meet a requirement.
            subprocess.CalledProcessError: a download failed.
        """
        require("mmdebstrap", "unshare", "chroot")
        if os.geteuid() != 0:
            raise UnfitError("chroot needs root: run it with sudo")
        if self.architecture_is_foreign():
            require("arch-test")  # mmdebstrap asks it whether the emulation works
            allow_emulation()
        if not self.path.exists():
            # Renamed only when it is complete.
            partial = self.path.with_name(self.path.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(
                [
                    *("mmdebstrap", "--quiet", "--variant=minbase"),
                    f"--architectures={','.join(self._architectures)}",
                    f"--include={','.join(self._packages)}",
                    *(self._suite, str(partial), MIRROR),
                ],
                check=True,
                env={**os.environ, **self._environment},
            )
            partial.rename(self.path)
        shutil.copyfile("/etc/resolv.conf", self.path / "etc" / "resolv.conf")
        for config in filter(Path.exists, PIP_FILES):
            shutil.copyfile(config, self.path / "etc" / "pip.conf")

    def architecture_is_foreign(self) -> bool:
        return {"arm64": "aarch64", "amd64": "x86_64"}[self._architecture] != os.uname().machine

    def run(
        self, *command: str, cwd: str = "/root", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the Debian. Returns its output, and prints it if the command fails.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        variables = [f"{k}={v}" for k, v in {**self._environment, **environment}.items()]
        certificates = str(CERTIFICATES.resolve())
        run = subprocess.run(
            [
                *("unshare", "--mount", "--fork", "--kill-child", "sh", "-ec", ENTER),
                *(str(self.path), certificates if CERTIFICATES.exists() else ""),
                *("env", "-i", "-C", cwd, *variables, *command),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if run.returncode:
            print(run.stdout)
            raise subprocess.CalledProcessError(run.returncode, command)
        return run

    def output(self, *command: str, cwd: str = "/root") -> str:
        """The output of a command without the trailing newline."""
        return self.run(*command, cwd=cwd).stdout.rstrip()

    def copy_checkout(self, to: str) -> None:
        """Copy this checkout with uncommitted files, but without files that git ignores."""
        target = self.inside(to)
        shutil.rmtree(target, ignore_errors=True)
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=CHECKOUT, check=True, capture_output=True, text=True)
        for name in names.stdout.split("\0"):
            if name and (CHECKOUT / name).exists():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(CHECKOUT / name, target / name)

    def inside(self, path: str) -> Path:
        """The path on this machine of a path in the Debian."""
        return self.path / path.lstrip("/")

    def release(self) -> str:
        """Name and version, e.g. "Debian GNU/Linux 13 (trixie) 13.1"."""
        lines = self.inside("/etc/os-release").read_text().splitlines()
        values = dict(line.split("=", 1) for line in lines if "=" in line)
        version = self.inside("/etc/debian_version").read_text().strip()
        name = values["PRETTY_NAME"].strip('"')
        return f"{name} {version}"


def default_path(name: str) -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "seaformer-edge" / name


def require(*commands: str) -> None:
    """Raises UnfitError, with the packages to install, if a command is missing."""
    if sys.platform != "linux":
        raise UnfitError("needs Debian or Ubuntu")
    missing = [command for command in commands if shutil.which(command) is None]
    if missing:
        raise UnfitError(
            f"{', '.join(missing)} missing: sudo apt install mmdebstrap arch-test"
            " debian-archive-keyring util-linux coreutils, on Debian or Ubuntu"
        )


def allow_emulation() -> None:
    """Make the kernel run aarch64 programs in qemu. Raises UnfitError if qemu is missing."""
    if not (BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], check=True)
    if (BINFMT / "qemu-aarch64").exists():
        return
    # systemd registers this rule, unless it was not running when the package was installed.
    rule = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")
    if not rule.exists():
        raise UnfitError("qemu for aarch64 is missing: sudo apt install qemu-user-static")
    (BINFMT / "register").write_text(rule.read_text())
