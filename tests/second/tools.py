"""The stock tools as subprocesses: age, zstd, ssh-keygen. Nothing else here starts a process."""

import os
import subprocess
import tempfile

from .breach import Breach, changed, need

ENV = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": "/nonexistent"}


def run(args, data=b""):
    return subprocess.run(args, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV, check=False)


def out(args, data=b""):
    """The output of a tool that must do its work."""
    done = run(args, data)
    if done.returncode != 0:
        raise Breach("failed", f"{args[0]} says: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


class Scrap:
    """Short-lived private files, for tools that read no other way."""

    def __init__(self):
        self.dir = tempfile.TemporaryDirectory(prefix="second-")
        self.count = 0

    def file(self, data):
        self.count += 1
        path = os.path.join(self.dir.name, str(self.count))
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as f:
            f.write(data)
        return path


SCRAP = Scrap()


def age_encrypt(recipients, plain):
    args = ["age", "-e"]
    for recipient in recipients:
        args += ["-r", recipient]
    return out(args, plain)


def age_decrypt(identity_file, member):
    """The plaintext; None if that identity isn't meant; a breach if the file is bad."""
    done = run(["age", "-d", "-i", identity_file], member)
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode(errors="replace").strip()
    if "no identity matched" in said or "identity did not match" in said:
        return None
    if "passphrase-encrypted" in said:
        raise Breach("needs-a-person", "it is locked by a passphrase, and there is nobody to ask")
    raise changed(f"age says: {said.splitlines()[0] if said else done.returncode}")


def zstd_compress(plain, level=3, extra=()):
    """One frame with its content size."""
    args = ["zstd", "-q", "-c", f"-{level}", f"--stream-size={len(plain)}", "--single-thread", *extra]
    return out(args, plain)


def zstd_decompress(frames, most):
    """The joined content of whole frames. Stops the tool as soon as more than `most` bytes came."""
    packed = SCRAP.file(frames)
    child = subprocess.Popen(["zstd", "-q", "-d", "-c", "--memory=8MB", packed], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env=ENV)
    plain = child.stdout.read(most + 1)
    child.stdout.close()
    if len(plain) > most:
        child.kill()
    said = child.stderr.read().decode(errors="replace").strip()
    child.stderr.close()
    code = child.wait()
    os.unlink(packed)
    need(len(plain) <= most, "a frame holds more than it declares", "unsafe")
    need(code == 0, f"zstd says: {said}")
    return plain


def ssh_sign(key_file, namespace, message):
    return out(["ssh-keygen", "-q", "-Y", "sign", "-f", key_file, "-n", namespace], message)


def ssh_check(armour, namespace, message):
    """Whether the signature is by the key that it brings."""
    path = SCRAP.file(armour)
    done = run(["ssh-keygen", "-Y", "check-novalidate", "-n", namespace, "-s", path], message)
    os.unlink(path)
    return done


def ssh_public(key_file):
    """`type base64` of a private key file without a passphrase."""
    return " ".join(out(["ssh-keygen", "-y", "-P", "", "-f", key_file]).decode().split()[:2])


def ssh_new(key_file, kind="ed25519"):
    out(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "second", "-f", key_file])
